"""The diagnosis of masks on disk: that its sums are those of the scores, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import MakeDavis
from vosbench.data import open_dataset
from vosbench.data.masks import open_masks
from vosbench.diagnose import DEFAULTS, GROUPS, TERMS
from vosbench.errors import ComparisonError, InputError, UsageError
from vosbench.evaluate import score_masks
from vosbench.explain import (
    DIAGNOSIS_COLUMNS,
    DiagnosisRecord,
    Origin,
    build_diagnosis,
    compare_diagnoses,
    diagnose_path,
    examine_sequence,
    render_diagnosis,
    render_difference,
)
from vosbench.metrics import get_protocol
from vosbench.types import ObjectInfo


def _write(folder: Path, data: Path, *, fault: str = "") -> Path:
    """The true masks of a data set, with a fault in them."""
    for path in sorted((data / "Annotations" / "480p").rglob("*.png")):
        labels = np.array(Image.open(path))
        late = int(path.stem) >= 6
        if fault == "swap" and late:
            labels = np.array([0, 2, 1], np.uint8)[labels]
        elif fault == "drop" and late:
            labels[labels == 1] = 0
        elif fault == "shave":
            labels[:, 1:][labels[:, :-1] != labels[:, 1:]] = 0
        out = folder / path.parent.name / path.name
        out.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(labels).save(out)
    return folder


@pytest.fixture
def data(make_davis: MakeDavis) -> Path:
    return make_davis({"alpha": 14, "beta": 8, "gamma": 12})


@pytest.mark.parametrize(
    "protocol", ["davis2016", "davis2017", "vos-benchmark", "late-objects", "mosev2", "vots"]
)
@pytest.mark.parametrize("fault", ["swap", "drop", "shave"])
def test_terms_sum_to_the_scores(data: Path, tmp_path: Path, fault: str, protocol: str) -> None:
    masks = _write(tmp_path / "masks", data, fault=fault)
    diagnosis = diagnose_path(masks, dataset="davis2017", data=data, protocol=protocol)
    evaluation = score_masks(
        open_masks(masks),
        open_dataset("davis2017", root=data, need_images=False).sequences,
        protocol=protocol,
        dataset="davis2017",
        split="val",
    )
    scores, record = evaluation.record, diagnosis.record
    assert record.undiagnosed == {}
    assert record.j_mean == pytest.approx(scores.overall.j_mean, abs=1e-12)
    assert sum(record.terms.values()) == pytest.approx(record.loss, abs=1e-12)
    assert {one.sequence for one in record.objects} == set(scores.sequences)
    for one in record.objects:
        expected = scores.objects[f"{one.sequence}_{one.object_id}"]
        assert one.evaluated_frames == expected.evaluated_frames
        assert sum(one.terms.values()) == pytest.approx(1 - (expected.j_mean or 0), abs=1e-12)
    for name, loss in record.sequences.items():
        assert loss.j_mean == pytest.approx(scores.sequences[name].j_mean, abs=1e-12)
    frames, table = evaluation.frames, diagnosis.frames
    assert tuple(table.columns) == DIAGNOSIS_COLUMNS
    counted = frames[frames["evaluated"]]
    keys = ["sequence", "object_id", "index", "frame"]
    joined = counted.merge(table, on=keys, validate="one_to_one")
    assert len(joined) == len(counted) == len(table)
    assert np.abs(joined["J_x"] - joined["J_y"]).max() <= 1e-12
    assert np.abs(table[list(TERMS)].sum(axis=1) - (1 - table["J"])).max() <= 1e-12


def test_objects_that_start_later_are_examined(data: Path, tmp_path: Path) -> None:
    for path in sorted((data / "Annotations" / "480p" / "alpha").glob("*.png"))[:4]:
        labels = np.array(Image.open(path))
        Image.fromarray(np.where(labels == 2, 0, labels)).save(path)
    masks = _write(tmp_path / "masks", data, fault="shave")
    words = {"dataset": "davis2017", "data": data, "sequences": "alpha"}
    record = diagnose_path(masks, protocol="late-objects", **words).record
    frames = {one.object_id: one.evaluated_frames for one in record.objects}
    assert frames == {1: 13, 2: 9}
    assert all(one.lag is not None for one in record.objects)


def test_halves_of_seen_and_unseen_objects_weigh_the_same(data: Path, tmp_path: Path) -> None:
    def records(fault: str) -> tuple[DiagnosisRecord, float | None]:
        masks = open_masks(_write(tmp_path / fault, data, fault=fault))
        clips = [
            # of six objects all but one are of seen categories
            replace(clip, objects=(ObjectInfo(1, True), ObjectInfo(2, clip.name != "alpha")))
            for clip in open_dataset("davis2017", root=data, need_images=False).sequences
        ]
        rules = get_protocol("youtube-vos")
        words = {"dataset": "d", "split": "s"}
        scores = score_masks(masks, clips, protocol="youtube-vos", **words).record
        found = [examine_sequence(masks, clip, rules) for clip in clips]
        origin = Origin(path=fault, method="", protocol="youtube-vos", **words)
        record = build_diagnosis(found, origin, undiagnosed={}, limits=DEFAULTS).record
        return record, scores.overall.j_mean

    (one, j_one), (two, j_two) = records("shave"), records("drop")
    assert j_one is not None
    assert j_two is not None
    assert one.j_mean == pytest.approx(j_one, abs=1e-12)
    assert sum(two.terms.values()) == pytest.approx(1 - j_two, abs=1e-12)
    plain = np.mean([o.j_mean for o in two.objects])
    assert abs(plain - j_two) > 0.01
    assert compare_diagnoses(one, two).loss.difference == pytest.approx(j_one - j_two, abs=1e-12)


def test_what_one_run_loses_against_another(data: Path, tmp_path: Path) -> None:
    good = _write(tmp_path / "good", data, fault="shave")
    bad = _write(tmp_path / "bad", data, fault="drop")
    one, two = (diagnose_path(path, dataset="davis2017", data=data).record for path in (good, bad))
    difference = compare_diagnoses(one, two)
    assert difference.loss.difference == pytest.approx(one.j_mean - two.j_mean, abs=1e-12)
    assert sum(g.difference for g in difference.groups) == pytest.approx(
        difference.loss.difference, abs=1e-12
    )
    assert {g.group for g in difference.groups} == set(GROUPS)
    assert difference.groups[0].group == "missed"
    assert f"{tmp_path / 'bad'} loses" in difference.summary
    assert "missed" in difference.summary
    assert difference.objects[0].dominant == "missed"
    assert "missed" in render_difference(difference)
    back = compare_diagnoses(two, one)
    assert back.summary.split(": ")[0].endswith(f"points of J against {tmp_path / 'bad'}")
    assert " gains " in back.summary
    same = compare_diagnoses(one, one)
    assert "less than 0.05 points" in same.summary
    assert same.loss.difference == 0


def test_failures_and_swaps_are_told_with_their_frames(data: Path, tmp_path: Path) -> None:
    masks = _write(tmp_path / "masks", data, fault="swap")
    record = diagnose_path(masks, dataset="davis2017", data=data).record
    swaps = [(e.sequence, e.onset, e.end) for e in record.identity if e.kind == "swap"]
    # beta is swapped on one counted frame only
    assert swaps == [("alpha", "00006", "00012"), ("gamma", "00006", "00010")]
    failures = {(o.sequence, f.onset, f.lost) for o in record.objects for f in o.failures}
    assert failures == {("alpha", "00006", True), ("gamma", "00006", True)}
    assert record.dominant == "wrong object"
    assert record.survival[-1].survival < 1
    text = render_diagnosis(record)
    for word in (
        "alpha",
        "00006",
        "never",
        "lost",
        "swap",
        "wrong_id",
        "Sequences, most",
    ):
        assert word in text
    assert record.limits == [], "masks that no method made here cannot be given soft masks"
    assert "fast-motion" in render_diagnosis(record, details=True)


def test_a_broken_sequence_does_not_stop_the_others(data: Path, tmp_path: Path) -> None:
    masks = _write(tmp_path / "masks", data)
    (masks / "beta" / "00003.png").write_bytes(b"no image")
    record = diagnose_path(masks, dataset="davis2017", data=data).record
    assert list(record.undiagnosed) == ["beta"]
    assert "00003.png" in record.undiagnosed["beta"]
    assert set(record.sequences) == {"alpha", "gamma"}
    assert "00003.png" in render_diagnosis(record)
    for path in masks.rglob("00003.png"):
        path.write_bytes(b"no image")
    with pytest.raises(InputError, match="no sequence can be diagnosed"):
        diagnose_path(masks, dataset="davis2017", data=data)


def test_protocols_whose_j_cannot_be_split_are_refused(data: Path, tmp_path: Path) -> None:
    masks = _write(tmp_path / "masks", data)
    for protocol in ("volumetric", "mosev2-official", "davis2017-unsupervised"):
        with pytest.raises(UsageError, match=protocol) as caught:
            diagnose_path(masks, dataset="davis2017", data=data, protocol=protocol)
        assert "davis2017" in caught.value.hint
    with pytest.raises(UsageError, match="--dataset"):
        diagnose_path(masks)


def test_diagnoses_of_other_rules_are_not_compared(data: Path, tmp_path: Path) -> None:
    masks = _write(tmp_path / "masks", data)
    one = diagnose_path(masks, dataset="davis2017", data=data).record
    two = diagnose_path(masks, dataset="davis2017", data=data, protocol="vots").record
    with pytest.raises(ComparisonError, match="protocol"):
        compare_diagnoses(one, two)
    other = diagnose_path(masks, dataset="davis2017", data=data, sequences="beta").record
    elsewhere = diagnose_path(masks, dataset="davis2017", data=data, sequences="alpha").record
    with pytest.raises(ComparisonError, match="in common"):
        compare_diagnoses(other, elsewhere)
    assert compare_diagnoses(one, other).left_out[0] == "alpha, object 1"


@pytest.mark.parametrize("method", ["ranet", "rgmp", "premvos", "stm"])
def test_real_masks_sum_on_every_frame(shared: Path, method: str) -> None:
    masks = shared / "data" / "results" / "davis2016" / f"{method}.zip"
    if not masks.is_file():
        pytest.skip(f"{masks} is not there")
    diagnosis = diagnose_path(
        masks,
        dataset="davis2016",
        data=shared / "data" / "DAVIS2016",
        sequences="bmx-trees,breakdance",
    )
    table = diagnosis.frames
    assert len(table) > 100
    assert np.abs(table[list(TERMS)].sum(axis=1) - (1 - table["J"])).max() <= 1e-12
    assert not table[["leak", "stolen", "wrong_id"]].to_numpy().any()


def test_a_diagnosis_of_an_older_vosbench_is_read() -> None:
    """Before soft masks, windows, restarts, attributes and doses were told."""
    record = DiagnosisRecord.model_validate(
        {
            **dict.fromkeys(("path", "method", "dataset", "split", "protocol", "dominant"), ""),
            **dict.fromkeys(("sequences", "terms", "undiagnosed", "thresholds"), {}),
            **dict.fromkeys(("objects", "events", "identity", "survival", "curves", "limits"), []),
            "j_mean": 1.0,
            "loss": 0.0,
        }
    )
    assert record.overlap is None
    assert record.placement.clipped is None
    assert record.doses == []


def test_losses_during_events_are_those_of_the_frames_on_which_they_happen(
    data: Path, tmp_path: Path
) -> None:
    diagnosis = diagnose_path(
        _write(tmp_path / "masks", data, fault="drop"), dataset="davis2017", data=data
    )
    table = diagnosis.frames
    assert diagnosis.record.event_losses
    for one in diagnosis.record.event_losses:
        now = np.array([one.kind in events.split() for events in table["events"]])
        touched = table[now].groupby(["sequence", "object_id"]).ngroups
        assert (one.frames_with, one.objects) == (now.sum(), touched)
        assert one.j_with == pytest.approx(table["J"][now].mean())
        assert sum(one.terms_with.values()) == pytest.approx(1 - one.j_with)
    assert "J during events" in render_diagnosis(diagnosis.record)
