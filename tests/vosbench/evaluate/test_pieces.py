"""One long sequence shared among processes: cut into pieces, it must score as if it were whole."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from vosbench.data.masks import MaskSource, encode_labels, open_masks
from vosbench.errors import InputError
from vosbench.evaluate import score_masks
from vosbench.evaluate.pieces import (
    CountedPiece,
    Piece,
    cut,
    join_pieces,
    score_piece,
    score_sequence,
)
from vosbench.metrics import PROTOCOLS, get_protocol
from vosbench.types import FrameRef, LabelMap, Sequence

SIZE = (24, 40)
LONG = 130


def scene(k: int) -> LabelMap:
    """Object 2 goes and comes back, 3 starts late."""
    labels = np.zeros(SIZE, np.uint8)
    labels[3:12, 2 + k % 11 : 12 + k % 11] = 1
    if not 40 <= k < 60:
        labels[14:20, 10 + k % 7 : 16 + k % 7] = 2
    if k > 70:
        labels[20:23, 30:36] = 3
    return labels


def shifted(k: int) -> LabelMap:
    moved = np.roll(scene(k), (1, 2), (0, 1))
    return np.where(moved == 3, 0, moved).astype(np.uint8)


def swapped(k: int) -> LabelMap:
    return np.array([0, 2, 1, 0], np.uint8)[scene(k)]


def clip_of(folder: Path, name: str, frames: int) -> Sequence:
    refs = []
    for k in range(frames):
        path = folder / "truth" / name / f"{k:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_labels(scene(k)))
        refs.append(FrameRef(path.stem, None, path))
    return Sequence("toy", "val", name, tuple(refs), *SIZE, (1, 2), "ids")


def masks_of(folder: Path, clip: Sequence, draw: object) -> MaskSource:
    for k, frame in enumerate(clip.frames):
        path = folder / "masks" / clip.name / f"{frame.name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_labels(draw(k)))  # type: ignore[operator]
    return open_masks(folder / "masks")


@pytest.fixture
def clip(tmp_path: Path) -> Sequence:
    return clip_of(tmp_path, "long", LONG)


IN_PIECES = [
    name for name, p in PROTOCOLS.items() if not p.needs_metadata and p.objects != "best-match"
]


@pytest.mark.parametrize("protocol", IN_PIECES)
@pytest.mark.parametrize("draw", [shifted, swapped, lambda _: scene(0)])
def test_pieces_give_what_the_whole_gives(
    tmp_path: Path, clip: Sequence, protocol: str, draw: object
) -> None:
    source, rules = masks_of(tmp_path, clip, draw), get_protocol(protocol)
    whole = score_sequence(source, clip, rules)
    parts = [score_piece(source, Piece(clip, k, 3), rules) for k in range(3)]
    back = pickle.loads(pickle.dumps(parts))  # noqa: S301 - as they come from another process
    counted = [part for part in back if isinstance(part, CountedPiece)]
    assert len(counted) == 3
    joined = join_pieces(source, clip, counted)
    assert joined.object_ids == whole.object_ids
    assert np.array_equal(joined.counts, whole.counts)
    assert np.array_equal(joined.areas, whole.areas)
    assert np.array_equal(joined.evaluated, whole.evaluated)
    assert joined.findings == whole.findings
    assert joined.notes == whole.notes


def test_only_what_would_keep_one_process_busy_longer_is_cut(
    tmp_path: Path, clip: Sequence
) -> None:
    rules = get_protocol("davis2017")
    short = [clip_of(tmp_path, f"short{k}", 12) for k in range(3)]
    pieces = cut([*short, clip], rules, 2)
    assert [p.clip.name for p in pieces[:4]] == ["long"] * 4
    assert sorted(p.number for p in pieces if p.clip is clip) == [0, 1, 2, 3]
    assert [p.pieces for p in pieces[4:]] == [1, 1, 1]
    assert {p.pieces for p in cut(short, rules, 2)} == {1}
    assert [p.pieces for p in cut([clip], get_protocol("davis2017-unsupervised"), 2)] == [1]


def test_one_sequence_is_shared_among_processes(tmp_path: Path, clip: Sequence) -> None:
    source = masks_of(tmp_path, clip, shifted)
    options = {"protocol": "davis2017", "dataset": "toy", "split": "val"}
    one = score_masks(source, [clip], **options)  # type: ignore[arg-type]
    two = score_masks(source, [clip], processes=2, **options)  # type: ignore[arg-type]
    assert one.record == two.record
    assert one.frames.equals(two.frames)


def test_the_first_bad_frame_is_named_whichever_piece_ends_first(
    tmp_path: Path, clip: Sequence
) -> None:
    source = masks_of(tmp_path, clip, shifted)
    for k in (20, 60, 110):
        (tmp_path / "masks" / "long" / f"{k:05d}.png").write_bytes(b"")
    options = {"protocol": "davis2017", "dataset": "toy", "split": "val"}
    one = score_masks(source, [clip], **options)  # type: ignore[arg-type]
    two = score_masks(source, [clip], processes=2, **options)  # type: ignore[arg-type]
    assert "00020.png: the file is empty" in one.record.unscored["long"]
    assert one.record.unscored == two.record.unscored


def test_what_cannot_be_cut_is_refused(tmp_path: Path, clip: Sequence) -> None:
    source = masks_of(tmp_path, clip, shifted)
    with pytest.raises(InputError, match="no metadata"):
        score_piece(source, Piece(clip, 0, 2), get_protocol("lvos"))
    with pytest.raises(TypeError, match="in pieces"):
        score_piece(source, Piece(clip, 0, 2), get_protocol("davis2017-unsupervised"))
