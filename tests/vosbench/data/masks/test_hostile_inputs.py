"""Hostile files and archives: what is read is what was written, or an error names the file.

`VOSBENCH_FULL=1` tries 10,000 inputs instead of a few hundred.
"""

from __future__ import annotations

import os
import resource
import warnings
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.vosbench.data.masks.hostile import (
    FILE_TRICKS,
    HostileFile,
    hostile_archive,
    hostile_file,
)
from vosbench.data.masks import encode_labels, open_masks, read_labels
from vosbench.errors import InputError
from vosbench.evaluate import score_masks
from vosbench.store.schema import ScoreRecord
from vosbench.types import FrameRef, LabelKind, LabelMap, Sequence

FULL = bool(os.environ.get("VOSBENCH_FULL"))
FILES = 8_000 if FULL else 330
ARCHIVES = 2_000 if FULL else 120
PARTS = 8
FRAMES = ("00000", "00001", "00002", "00003")
_MEMORY = 300 << 10  # KiB, as `getrusage` counts on Linux


def truth_clip(folder: Path, labels: LabelMap, kind: LabelKind) -> Sequence:
    """A sequence whose every frame shows the same."""
    folder.mkdir(exist_ok=True)
    path = folder / "truth.png"
    path.write_bytes(encode_labels(labels))
    ids = tuple(int(value) for value in np.unique(labels) if value)
    frames = tuple(FrameRef(name, None, path) for name in FRAMES)
    return Sequence("d", "v", "s", frames, *labels.shape, ids, kind)


def scored(masks: Path, clip: Sequence) -> ScoreRecord:
    protocol = "davis2016" if clip.label_kind == "binary" else "davis2017"
    return score_masks(open_masks(masks), [clip], protocol=protocol, dataset="d", split="v").record


def check_score(record: ScoreRecord, where: str, context: str) -> str:
    """Perfect, or not scored and the file named; anything between would be a silent error."""
    if record.unscored:
        assert where in record.unscored["s"], context
        return "refused"
    assert all(one.j_mean == one.f_mean == 1.0 for one in record.objects.values()), context
    assert record.objects, context
    return "equal"


def try_file(case: HostileFile, folder: Path) -> str:
    """The file as annotation, in a folder and in a zip; all three must agree."""
    clip = truth_clip(folder, case.labels, case.kind)
    path = folder / "masks" / "s" / "00001.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    good = encode_labels(case.labels)
    for name in FRAMES:
        (path.parent / f"{name}.png").write_bytes(good)
    path.write_bytes(case.data)
    try:
        labels = read_labels(path, case.kind, size=case.labels.shape)
    except InputError as error:
        outcome = "refused"
        assert str(path) in str(error), case.name
    else:
        outcome = "equal"
        assert labels.dtype == np.uint8, case.name
        assert np.array_equal(labels, case.labels), case.name
    assert check_score(scored(folder / "masks", clip), str(path), case.name) == outcome
    packed = folder / "masks.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in FRAMES:
            archive.write(path.parent / f"{name}.png", f"s/{name}.png")
    where = str(packed / "s" / "00001.png")
    assert check_score(scored(packed, clip), where, case.name) == outcome
    return outcome


@pytest.mark.parametrize("part", range(PARTS))
def test_hostile_files_are_read_as_written_or_refused_by_name(part: int, tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = Counter[tuple[str, str]]()
    for number in range(part, FILES, PARTS):
        case = hostile_file(number)
        outcomes[case.name.split(": ")[1], try_file(case, tmp_path)] += 1
    assert {trick for trick, _ in outcomes} == set(FILE_TRICKS)
    assert outcomes["nothing done", "refused"] == 0
    for trick in ("cut off", "header lies", "bomb", "transparent", "no image"):
        assert outcomes[trick, "equal"] == 0, trick
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < _MEMORY


@pytest.mark.parametrize("part", range(PARTS))
def test_hostile_archives_are_read_as_packed_or_refused_by_name(part: int, tmp_path: Path) -> None:
    labels = hostile_file(1).labels
    good = encode_labels(labels)
    clip = truth_clip(tmp_path, labels, "ids")
    outcomes = Counter[tuple[str, str]]()
    path = tmp_path / "masks.zip"
    for number in range(part, ARCHIVES, PARTS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # zipfile warns of double names while they are written
            data = hostile_archive(number, good, [f"s/{name}.png" for name in FRAMES])
        path.write_bytes(data)
        try:
            outcome = check_score(scored(path, clip), str(path), str(number))
        except InputError as error:
            outcome = "refused"
            assert str(path) in str(error), number
        outcomes[str(number % 8), outcome] += 1
    assert not (tmp_path.parent / "s").exists()
