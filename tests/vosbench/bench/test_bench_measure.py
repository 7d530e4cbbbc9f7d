"""Measuring made-up methods whose speed is known, and what the record says of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import MakeDavis
from vosbench.bench import (
    BenchRecord,
    BenchRequest,
    compare_with_stored,
    measure,
    read_bench,
    render_bench_markdown,
)
from vosbench.bench.clips import load_clip, with_objects
from vosbench.bench.figures import doubts, pair_records, speed_verdict
from vosbench.bench.runner import DISCARDED
from vosbench.data import Dataset, open_dataset
from vosbench.engine import RunRequest
from vosbench.errors import InputError, UsageError
from vosbench.plugins import ResolvedMethod, resolve_methods
from vosbench.stats import RatioEstimate
from vosbench.timing import ConditionWatch, Snapshot, read_trace, summarise
from vosbench.timing.calibration import KERNELS, Calibrator
from vosbench.types import (
    RGB,
    ClipInfo,
    LabelMap,
    MethodPlugin,
    Prediction,
    mark_stage,
)


class Sleeper:
    """Sleeps a known time per frame and object, more on its first step of all."""

    def __init__(self, fixed: float, each: float, cold: float) -> None:
        self.fixed, self.each, self.cold = fixed, each, cold

    def start(self, clip: ClipInfo, frame: RGB, labels: LabelMap) -> SleeperSession:
        mark_stage("encode")
        return SleeperSession(self, labels.copy(), len(clip.object_ids))


class SleeperSession:
    """Spoils the frames it is given, as a method may."""

    def __init__(self, method: Sleeper, labels: LabelMap, objects: int) -> None:
        self.method, self.labels, self.objects = method, labels, objects

    def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
        mark_stage("encode")
        assert frame.any(), "the frame of another turn was spoiled"
        frame[:] = 0
        time.sleep(self.method.fixed + self.method.cold)
        self.method.cold = 0.0
        mark_stage("match")
        time.sleep(self.method.each * self.objects)
        return Prediction(self.labels)


def sleeper(
    name: str, *, fixed: float = 0.002, each: float = 0.001, cold: float = 0.0
) -> ResolvedMethod:
    resolved = resolve_methods(["baseline-first-mask"])[0]
    build: Callable[[Any], Any] = lambda options: Sleeper(fixed, each, cold)  # noqa: E731
    plugin = MethodPlugin(card=resolved.found.plugin.card, build=build)
    capabilities = resolved.found.card.capabilities.model_copy(
        update={"multi_object": True, "late_objects": True}
    )
    card = resolved.found.card.model_copy(update={"capabilities": capabilities})
    return replace(resolved, found=replace(resolved.found, name=name, plugin=plugin, card=card))


@pytest.fixture
def dataset(make_davis: MakeDavis) -> Dataset:
    return open_dataset("davis2017", split="val", root=make_davis({"alpha": 12, "beta": 5}))


def run(dataset: Dataset, out: Path, *methods: ResolvedMethod, **options: Any) -> BenchRecord:
    requests = tuple(RunRequest(method=one, dataset=dataset, out=out) for one in methods)
    settings = {"frames": 12, "rounds": 2, "objects": (), "calibrate": False, **options}
    return measure(BenchRequest(methods=requests, dataset=dataset, out=out, **settings))


def test_figures_are_those_of_the_warm_frames_of_the_trace(
    dataset: Dataset, tmp_path: Path
) -> None:
    record = run(dataset, tmp_path / "out", sleeper("one", cold=0.2), objects=(1, 4), long=24)
    speed = record.methods[0]
    # two objects: 2 + 2·1 ms and what sleeping takes longer
    assert 4.0 <= speed.summary["step_ms_p50"] < 200.0
    assert speed.cold["first_step_ms"] >= 200.0
    assert speed.cold["extra_ms"] >= 100.0
    table = read_trace(tmp_path / "out" / speed.trace)
    warm = table[(table["round"] >= 0) & table["sequence"].isin(["alpha", "beta"])]
    assert speed.summary["step_ms_p50"] == summarise(warm)["step_ms_p50"]
    steps = warm[(warm["stage"] == "step") & (warm["inside"] == "")]
    assert len(steps) == 2 * (11 + 4), "a clip that is shorter than asked for is not stretched"
    assert set(speed.summary["method_stages"]) == {"encode", "match", "unmarked"}
    assert speed.long_frames == 21 and speed.growth["step_ms"] is not None
    assert speed.objects is not None and speed.objects["per_object_ms"] > 0.5
    assert speed.label == "CPU" and record.conditions["label"] == "CPU"
    assert speed.peak_mb["process"] is not None and speed.peak_mb["allocated"] is None


def test_a_slower_method_is_called_slower_and_itself_is_not(
    dataset: Dataset, tmp_path: Path
) -> None:
    record = run(
        dataset, tmp_path, sleeper("a", fixed=0.01), sleeper("b", fixed=0.04), block=2, rounds=2
    )
    (pair,) = record.pairs
    assert (pair.baseline, pair.candidate, pair.verdict) == ("a", "b", "slower")
    assert pair.ratio is not None and pair.ratio > 1.5
    assert pair.pairs == 2 * (6 + 2)


class Throttling:
    """A machine that says that it is throttled at some of its snapshots, counted from 1."""

    def __init__(self, *at: int) -> None:
        self._at, self._taken = at, 0

    def snapshot(self) -> Snapshot:
        self._taken += 1
        hot = self._taken in self._at
        return Snapshot(float(self._taken), throttled=("hardware thermal slowdown",) if hot else ())


def test_a_throttled_pass_is_discarded_and_gone_through_again(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the second snapshot is the first one after a block: the first stands before all of them
    machine = Throttling(2)
    monkeypatch.setattr(ConditionWatch, "snapshot", machine.snapshot)
    methods = (sleeper("a", fixed=0.005), sleeper("b", fixed=0.02))
    record = run(dataset, tmp_path, *methods, frames=5, block=4, rounds=2)
    assert (record.discarded, record.doubtful) == (1, 0)
    assert any("discarded and gone through again" in line for line in record.findings)
    assert any("throttled in 1 of" in line for line in record.findings)
    (pair,) = record.pairs
    assert (pair.pairs, pair.verdict) == (4, "ambiguous")  # four pairs give no interval
    assert "throttled" not in pair.reason
    table = read_trace(tmp_path / record.methods[0].trace)
    steps = table[(table["stage"] == "step") & (table["inside"] == "")]
    assert (steps["round"] == DISCARDED).sum() == 4
    kept = steps[steps["round"] >= 0]
    assert kept.groupby(["sequence", "round"]).size().tolist() == [4] * 4
    assert record.methods[0].summary["step_ms_p50"] == float(np.median(kept["ms"]))


def test_a_machine_that_stays_throttled_decides_nothing(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Throttling(*range(1, 100))
    monkeypatch.setattr(ConditionWatch, "snapshot", machine.snapshot)
    methods = (sleeper("a", fixed=0.002), sleeper("b", fixed=0.02))
    record = run(dataset, tmp_path, *methods, frames=5, block=2, rounds=2)
    assert (record.discarded, record.doubtful) == (8, 4)
    (pair,) = record.pairs
    assert pair.ratio is not None and pair.ratio > 1.5
    assert (pair.verdict, pair.reason) == ("ambiguous", "4 passes throttled every time")
    assert any("no pair is decided" in line for line in record.findings)


def test_kernels_that_are_all_slow_at_once_are_taken_for_throttling() -> None:
    calibrator = Calibrator("cpu", "fp32")
    usual = dict.fromkeys(KERNELS, 1.0)
    for before in calibrator._ms.values():
        before.extend([1.0] * 5)
    assert not calibrator.slow_now()
    for name, values in calibrator._ms.items():
        values.append(1.5 * usual[name])
    assert calibrator.slow_now()
    calibrator._ms["copy"][-1] = 1.1
    assert not calibrator.slow_now()


def test_a_method_that_does_not_wait_for_its_device_is_never_called_faster(
    dataset: Dataset, tmp_path: Path
) -> None:
    record = run(dataset, tmp_path, sleeper("a"), frames=4, rounds=1)
    early = record.methods[0].model_copy(update={"unsynchronised": True})
    assert not record.methods[0].unsynchronised
    blocks = {"slow": [20.0 + at % 3 for at in range(12)], "a": [10.0 + at % 3 for at in range(12)]}
    assert pair_records(blocks)[0].verdict == "faster"
    (pair,) = pair_records(blocks, doubts([early], 0))
    assert (pair.verdict, pair.reason) == ("ambiguous", "a returned before its device was done")


def test_a_record_comes_back_and_speaks_for_itself(dataset: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "out"
    record = run(dataset, out, sleeper("one"), sleeper("two"), frames=6, rounds=1, calibrate=True)
    assert read_bench(out) == record
    assert json.loads((out / "bench.json").read_text())["calibration"]["ms"]["copy"]
    text = render_bench_markdown(record)
    for part in ("# Speed on a CPU", "| XMem |", "two / one", "48x64 px", "under 64 frames"):
        assert part in text
    same = compare_with_stored(record, record)
    assert [one.ratio for one in same] == [pytest.approx(1.0)] * 2
    bare = record.model_copy(update={"calibration": None})
    assert {one.ratio for one in compare_with_stored(bare, record)} == {None}
    (out / "bench.json").write_text((out / "bench.json").read_text().replace("seed", "seat"))
    with pytest.raises(InputError, match="no BenchRecord"):
        read_bench(out)


def test_what_cannot_be_timed_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two frames"):
        run(dataset, tmp_path, sleeper("one"), frames=1)
    oracle = resolve_methods(["dmvos@oracle-box"])[0]
    with pytest.raises(UsageError, match="shown the truth"):
        run(dataset, tmp_path, oracle)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_made_up_objects_are_all_there(dataset: Dataset, count: int) -> None:
    clip = with_objects(load_clip(dataset.sequences[0], 3), count)
    assert np.unique(clip.labels).tolist() == list(range(count + 1))
    assert clip.info.object_ids == tuple(range(1, count + 1))


def test_a_clip_is_played_back_and_forth(dataset: Dataset) -> None:
    clip = load_clip(dataset.sequences[0], 3)
    order = [next(at for at, f in enumerate(clip.frames) if f is clip.frame(i)) for i in range(7)]
    assert order == [0, 1, 2, 1, 0, 1, 2]


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.06, 1.2, "slower"),
        (0.8, 0.94, "faster"),
        (0.97, 1.03, "same"),
        (0.99, 1.2, "ambiguous"),
        (None, None, "ambiguous"),
    ],
)
def test_verdicts_take_the_whole_interval(
    low: float | None, high: float | None, verdict: str
) -> None:
    estimate = RatioEstimate(1.0, low, high, 0.95, 9, "few")
    assert speed_verdict(estimate)[0] == verdict


def test_pairs_are_blocks_and_a_busy_spell_slows_both() -> None:
    random = np.random.default_rng(0)
    spell = np.repeat([1.0, 3.0, 1.0], 10)
    first = (spell * random.normal(100, 2, 30)).tolist()
    second = (spell * random.normal(110, 2, 30)).tolist()
    (pair,) = pair_records({"a": first, "b": second})
    assert pair.ratio == pytest.approx(1.1, abs=0.03)
    assert pair.verdict == "slower"
