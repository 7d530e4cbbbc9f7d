"""Scoring folders of masks as a user does: what counts, what is refused, what is warned of."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vosbench.data.masks import encode_labels, open_masks
from vosbench.errors import InputError, RunIncomplete, UsageError
from vosbench.evaluate import (
    Evaluation,
    evaluation_of,
    score_arrays,
    score_masks,
    workers,
    write_official_csvs,
)
from vosbench.metrics import get_protocol
from vosbench.store.schema import FRAME_COLUMNS, ScoreRecord
from vosbench.types import FrameRef, LabelKind, LabelMap, Sequence

HEIGHT, WIDTH, FRAMES = 40, 60, 8
Draw = Callable[[int], LabelMap]


def two_objects(frame: int) -> LabelMap:
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[5:20, 4 + frame : 20 + frame] = 1
    labels[22:36, 30 - frame : 50 - frame] = 2
    return labels


def shifted(frame: int) -> LabelMap:
    return np.roll(two_objects(frame), 2, axis=1)


def swapped(frame: int) -> LabelMap:
    return np.array([0, 2, 1], np.uint8)[shifted(frame)]


def union(frame: int) -> LabelMap:
    return (two_objects(frame) > 0).astype(np.uint8)


def write(folder: Path, name: str, draw: Draw, frames: int = FRAMES) -> Path:
    (folder / name).mkdir(parents=True, exist_ok=True)
    for k in range(frames):
        (folder / name / f"{k:05d}.png").write_bytes(encode_labels(draw(k)))
    return folder


def clip(folder: Path, name: str, kind: LabelKind = "ids") -> Sequence:
    paths = sorted((folder / name).glob("*.png"))
    frames = tuple(FrameRef(path.stem, None, path) for path in paths)
    return Sequence("toy", "val", name, frames, HEIGHT, WIDTH, (1, 2), kind)


def score(masks: Path, clips: list[Sequence], **options: object) -> Evaluation:
    arguments: dict[str, object] = {"protocol": "davis2017", "dataset": "toy", "split": "val"}
    return score_masks(open_masks(masks), clips, **{**arguments, **options})  # type: ignore[arg-type]


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    write(tmp_path / "gt", "a", two_objects)
    return write(tmp_path / "gt", "b", two_objects)


@pytest.fixture
def clips(truth: Path) -> list[Sequence]:
    return [clip(truth, "b"), clip(truth, "a")]


def test_files_and_arrays_give_the_same_scores(tmp_path: Path, clips: list[Sequence]) -> None:
    masks = write(tmp_path / "masks", "a", shifted)
    write(masks, "b", shifted)
    evaluation = score(masks, clips)
    in_memory = score_arrays(map(shifted, range(FRAMES)), map(two_objects, range(FRAMES)))
    record = evaluation.record
    assert list(record.objects) == ["b_1", "b_2", "a_1", "a_2"]
    figures = in_memory.figures()
    assert record.overall.j_mean == record.sequences["a"].j_mean == figures.j_mean
    assert record.overall.jf_mean == figures.jf_mean
    assert record.frames_evaluated == 2 * (FRAMES - 2)
    assert record.objects["a_1"].evaluated_frames == FRAMES - 2
    assert record.warnings == []
    again = evaluation_of(
        [in_memory], protocol=get_protocol("davis2017"), dataset="toy", split="val"
    )
    assert again.record.overall == record.overall


def test_the_record_survives_json(tmp_path: Path, clips: list[Sequence]) -> None:
    record = score(write(tmp_path / "masks", "a", shifted), clips).record
    text = record.model_dump_json(by_alias=True)
    assert ScoreRecord.model_validate_json(text) == record
    assert "J&F-Mean" in json.loads(text)["global"]


def test_the_frame_table(tmp_path: Path, clips: list[Sequence]) -> None:
    masks = write(tmp_path / "masks", "a", shifted)
    write(masks, "b", two_objects)
    evaluation = score(masks, clips)
    table = evaluation.frames
    assert tuple(table.columns) == FRAME_COLUMNS
    assert len(table) == 2 * 2 * FRAMES
    assert table["sequence"].tolist() == ["b"] * 2 * FRAMES + ["a"] * 2 * FRAMES
    assert table["frame"].tolist()[:2] == ["00000", "00001"]
    assert not table[table["index"].isin([0, FRAMES - 1])]["evaluated"].any()
    assert table["J"].isna().sum() == (~table["evaluated"]).sum() == 8
    means = table[table["evaluated"]].groupby(["sequence", "object_id"])["J"].mean()
    assert means["a", 2] == pytest.approx(evaluation.record.objects["a_2"].j_mean)
    assert str(table["object_id"].dtype) == str(table["union"].dtype) == "int64"
    rows = table[table["evaluated"]]
    assert (rows["J"] == rows["intersection"] / rows["union"]).all()


def test_a_table_of_nothing_has_its_columns(tmp_path: Path, clips: list[Sequence]) -> None:
    evaluation = score(write(tmp_path / "masks", "other", shifted), clips)
    assert tuple(evaluation.frames.columns) == FRAME_COLUMNS
    assert len(evaluation.frames) == 0
    assert evaluation.record.overall.jf_mean is None
    assert set(evaluation.record.unscored) == {"a", "b"}
    assert any("not among those scored: other" in line for line in evaluation.record.warnings)


def test_one_bad_file_does_not_stop_the_rest(tmp_path: Path, clips: list[Sequence]) -> None:
    masks = write(tmp_path / "masks", "a", shifted)
    write(masks, "b", shifted)
    damaged = masks / "b" / "00003.png"
    damaged.write_bytes(damaged.read_bytes()[:-30])
    record = score(masks, clips).record
    assert list(record.unscored) == ["b"]
    assert str(damaged) in record.unscored["b"]
    assert "cut off" in record.unscored["b"]
    assert list(record.sequences) == ["a"]
    assert record.overall == record.sequences["a"]
    assert record.warnings[0].startswith("1 of 2 sequences could not be scored")


@pytest.mark.parametrize(
    ("frame", "stops"), [("00000", False), ("00007", False), ("00001", True), ("00006", True)]
)
def test_frames_that_do_not_count_may_be_missing(
    tmp_path: Path, clips: list[Sequence], frame: str, stops: bool
) -> None:
    masks = write(tmp_path / "masks", "a", shifted)
    (masks / "a" / f"{frame}.png").unlink()
    record = score(masks, [clips[1]]).record
    assert (f"{frame}.png: the mask is missing" in record.unscored.get("a", "")) == stops
    assert bool(record.unscored) == stops
    missing = "masks are missing on annotated frames that do not count (a)"
    assert (missing in record.notes) != stops


def test_surplus_frames_are_ignored_and_noted(tmp_path: Path, clips: list[Sequence]) -> None:
    masks = write(tmp_path / "masks", "a", two_objects, FRAMES + 1)
    record = score(masks, [clips[1]]).record
    assert record.overall.jf_mean == 1.0
    assert "masks of frames that the sequence does not have are ignored (a)" in record.notes


def test_an_id_that_the_first_annotation_lacks_is_an_error(
    tmp_path: Path, clips: list[Sequence]
) -> None:
    def hallucinated(frame: int) -> LabelMap:
        labels = shifted(frame)
        labels[0, 0] = 5 if frame == 4 else 0
        return labels

    record = score(write(tmp_path / "masks", "a", hallucinated), [clips[1]]).record
    assert "00004.png: the mask has object id 5" in record.unscored["a"]
    assert "objects 1..2" in record.unscored["a"]


def test_masks_are_read_anew_every_time(tmp_path: Path, clips: list[Sequence]) -> None:
    masks = write(tmp_path / "masks", "a", two_objects)
    first = score(masks, [clips[1]])
    write_official_csvs(first, masks)
    write(masks, "a", shifted)
    second = score(masks, [clips[1]])
    assert first.record.overall.j_mean == 1.0
    assert second.record.overall.j_mean is not None
    assert second.record.overall.j_mean < 1.0


def test_processes_change_nothing_but_time(tmp_path: Path, clips: list[Sequence]) -> None:
    masks = write(tmp_path / "masks", "a", shifted)
    write(masks, "b", swapped)
    (masks / "c").mkdir()
    seen: list[tuple[str, int, int]] = []
    one = score(masks, clips, progress=lambda *step: seen.append(step))
    two = score(masks, clips, processes=2)
    assert one.record == two.record
    assert one.frames.equals(two.frames)
    assert seen == [("b", 1, 2), ("a", 2, 2)]


def test_masks_scored_against_themselves_are_pointed_out(
    truth: Path, clips: list[Sequence]
) -> None:
    record = score(truth, clips).record
    assert record.overall.jf_mean == 1.0
    assert record.warnings == ["predictions are identical to the ground truth (b, a)"]


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda _: np.zeros((HEIGHT, WIDTH), np.uint8), "masks are empty (a)"),
        (lambda _: two_objects(0), "copy of the first annotation (a)"),
        (swapped, "ids look permuted"),
    ],
)
def test_meaningless_predictions_are_pointed_out(
    tmp_path: Path, clips: list[Sequence], draw: Draw, words: str
) -> None:
    record = score(write(tmp_path / "masks", "a", draw), [clips[1]]).record
    assert len(record.warnings) == 1
    assert words in record.warnings[0]


def test_davis2016_merges_objects_on_both_sides(tmp_path: Path, truth: Path) -> None:
    masks = write(tmp_path / "masks", "a", shifted)
    merged = score(masks, [clip(truth, "a")], protocol="davis2016").record
    binary = score(masks, [clip(truth, "a", "binary")], protocol="davis2016").record
    assert list(merged.objects) == ["a_1"]
    assert merged.overall == binary.overall
    assert any("several values up to 2 merged" in line for line in merged.notes)
    values = score_arrays(
        map(shifted, range(FRAMES)), map(two_objects, range(FRAMES)), protocol="davis2016"
    )
    assert values.figures().jf_mean == merged.overall.jf_mean


def test_void_is_background_for_both_davis_protocols(tmp_path: Path) -> None:
    def with_void(frame: int) -> LabelMap:
        labels = two_objects(frame)
        labels[0:3] = 255
        return labels

    truth = write(tmp_path / "gt", "a", with_void)
    masks = write(tmp_path / "masks", "a", two_objects)
    for protocol in ("davis2016", "davis2017"):
        assert score(masks, [clip(truth, "a")], protocol=protocol).record.overall.jf_mean == 1.0


def test_a_split_with_first_annotations_only_cannot_be_scored(
    tmp_path: Path, clips: list[Sequence]
) -> None:
    masks = write(tmp_path / "masks", "a", shifted)
    full = clips[1]
    frames = (full.frames[0], *(FrameRef(f.name, None, None) for f in full.frames[1:]))
    only_first = Sequence("toy", "val", "a", frames, HEIGHT, WIDTH, (1, 2), "ids")
    reason = score(masks, [only_first]).record.unscored["a"]
    assert "1 of 8 frames are annotated" in reason
    nothing = Sequence("toy", "val", "a", frames[1:], HEIGHT, WIDTH, (1, 2), "ids")
    assert "has no annotation" in score(masks, [nothing]).record.unscored["a"]


def test_annotated_frames_set_what_is_first_and_last(tmp_path: Path, clips: list[Sequence]) -> None:
    masks = write(tmp_path / "masks", "a", shifted)
    frames = tuple(
        frame if k % 2 == 0 else FrameRef(frame.name, None, None)
        for k, frame in enumerate(clips[1].frames)
    )
    sparse = Sequence("toy", "val", "a", frames, HEIGHT, WIDTH, (1, 2), "ids")
    evaluation = score(masks, [sparse])
    table = evaluation.frames
    assert sorted(set(table[table["evaluated"]]["index"])) == [2, 4]
    assert evaluation.record.objects["a_1"].evaluated_frames == 2


def test_an_annotation_of_another_size_is_named(tmp_path: Path, truth: Path) -> None:
    masks = write(tmp_path / "masks", "a", shifted)
    small = truth / "a" / "00002.png"
    small.write_bytes(encode_labels(np.ones((3, 4), np.uint8)))
    reason = score(masks, [clip(truth, "a")]).record.unscored["a"]
    assert str(small) in reason
    assert "4x3 px" in reason


def test_an_object_that_is_never_predicted_is_pointed_out(
    tmp_path: Path, clips: list[Sequence]
) -> None:
    def only_first(frame: int) -> LabelMap:
        return (shifted(frame) == 1).astype(np.uint8)

    record = score(write(tmp_path / "masks", "a", only_first), [clips[1]]).record
    assert record.warnings == ["object ids 2 are never predicted (a)"]
    assert record.objects["a_2"].j_mean == 0


class DeadlySource:
    """Masks that end the process to which they are sent, or in which they are asked for."""

    location = Path("nowhere")
    notes = ()

    def frames(self, _sequence: str) -> tuple[str, ...]:
        os._exit(9)

    def __reduce__(self) -> tuple[Callable[[int], object], tuple[int]]:
        return os._exit, (9,)


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(
            "fork",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="copies processes on Linux"),
        ),
        "spawn",
    ],
)
def test_a_killed_worker_ends_with_a_message(
    clips: list[Sequence], start: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_start_method", lambda: start)
    with pytest.raises(RunIncomplete, match="process was killed"):
        score_masks(
            DeadlySource(),  # type: ignore[arg-type]
            clips,
            protocol="davis2017",
            dataset="toy",
            split="val",
            processes=2,
        )


def test_a_small_object_far_off_scores_half_in_davis_and_little_in_mosev2() -> None:
    # At 1080p boundaries match within 18 px, so a 30x32 object without any overlap gets F = 0.5.
    truth = np.zeros((1080, 1920), np.uint8)
    truth[500:532, 900:930] = 1
    beside = np.roll(truth, 31, axis=1)
    davis = score_arrays([beside] * 3, [truth] * 3).figures()
    assert davis.j_mean == 0
    assert davis.f_mean == pytest.approx(0.51, abs=0.06)
    strict = score_arrays([beside] * 3, [truth] * 3, protocol="mosev2").figures()
    assert strict.f_mean < davis.f_mean


def test_usage_errors(tmp_path: Path, clips: list[Sequence]) -> None:
    masks = write(tmp_path / "masks", "a", shifted)
    with pytest.raises(UsageError, match="no protocol 'davis'") as caught:
        score(masks, clips, protocol="davis")
    assert "davis2017" in caught.value.hint
    with pytest.raises(UsageError, match="0 processes"):
        score(masks, clips, processes=0)
    with pytest.raises(UsageError, match="no sequences"):
        score(masks, [])


def test_arrays_of_different_sizes_are_refused() -> None:
    truths = [two_objects(k) for k in range(4)]
    with pytest.raises(InputError, match="frame 00001"):
        score_arrays([None, truths[1][:, 1:], truths[2], None], truths)
    with pytest.raises(InputError, match="no prediction for frame 00002"):
        score_arrays([None, truths[1], None, None], truths)


def test_official_csvs(tmp_path: Path, clips: list[Sequence]) -> None:
    masks = write(tmp_path / "masks", "a", shifted)
    write(masks, "b", two_objects)
    evaluation = score(masks, clips)
    paths = write_official_csvs(evaluation, tmp_path / "out")
    assert [path.name for path in paths] == [
        "global_results-val.csv",
        "per-sequence_results-val.csv",
    ]
    first, second = (path.read_bytes() for path in paths)
    header, values = first.decode().splitlines()
    assert header == "J&F-Mean,J-Mean,J-Recall,J-Decay,F-Mean,F-Recall,F-Decay"
    overall = evaluation.record.overall
    assert values.split(",")[0] == f"{overall.jf_mean:.3f}"
    assert values.split(",")[6] == f"{overall.f_decay:.3f}"
    lines = second.decode().splitlines()
    assert lines[0] == "Sequence,J-Mean,F-Mean"
    assert lines[1] == "b_1,1.000,1.000"
    assert [line.split(",")[0] for line in lines[1:]] == ["b_1", "b_2", "a_1", "a_2"]
    write_official_csvs(evaluation, tmp_path / "out")
    assert [path.read_bytes() for path in paths] == [first, second]
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_undefined_values_are_empty_fields(tmp_path: Path, clips: list[Sequence]) -> None:
    evaluation = score(write(tmp_path / "masks", "other", shifted), clips)
    path, _ = write_official_csvs(evaluation, tmp_path)
    assert path.read_text().splitlines()[1] == ",,,,,,"


def test_scoring_imports_nothing_heavy() -> None:
    code = (
        "import sys, vosbench.evaluate, vosbench.data.masks;"
        "print([m for m in ('torch', 'pandas', 'pyarrow', 'matplotlib', 'skimage', 'scipy')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
