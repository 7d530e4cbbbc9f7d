"""A run replayed at a frame rate: from its own trace and masks to J&F."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import MakeDavis
from vosbench.bench import render_streaming, streaming_scores
from vosbench.data import open_dataset
from vosbench.data.masks import read_labels
from vosbench.engine import Listener, RunRequest, execute
from vosbench.errors import InputError
from vosbench.evaluate import score_masks
from vosbench.plugins import resolve_methods
from vosbench.store import RunPaths
from vosbench.timing import read_trace, write_trace


class Silent(Listener):
    """Hears nothing."""


@pytest.fixture
def run(make_davis: MakeDavis, tmp_path: Path) -> Path:
    """A run whose masks are the truth, so that only lateness costs."""
    root = make_davis({"alpha": 20, "beta": 8})
    dataset = open_dataset("davis2017", split="val", root=root)
    method = resolve_methods(["baseline-first-mask"])[0]
    request = RunRequest(method=method, dataset=dataset, out=tmp_path / "runs")
    folder, _ = execute(request, Silent())
    for sequence in dataset.sequences:
        for ref in sequence.frames:
            assert ref.annotation is not None
            target = folder / "masks" / sequence.name / f"{ref.name}.png"
            target.write_bytes(ref.annotation.read_bytes())
    return folder


def take(run: Path, ms: float) -> None:
    """Let every step of the run have taken `ms`."""
    paths = RunPaths(run)
    table = read_trace(paths.trace)
    table.loc[table["stage"].isin(["start", "step"]), "ms"] = ms
    write_trace(paths.trace, table)


def test_a_fast_run_loses_nothing_and_a_slow_one_more_the_faster_frames_come(run: Path) -> None:
    take(run, 30.0)
    fast = streaming_scores(run)
    assert [one.rate for one in fast] == [None, 15.0, 24.0, 30.0]
    assert [one.jf_mean for one in fast] == [1.0] * 4
    assert [one.on_time for one in fast] == [1.0] * 4
    take(run, 90.0)
    slow = streaming_scores(run)
    values = [one.jf_mean or 0.0 for one in slow]
    assert values[0] == 1.0
    assert values == sorted(values, reverse=True) and values[3] < values[1] < 1.0
    assert slow[3].on_time == 0.0 and slow[3].mean_age > 1.0
    assert slow[3].processed < 0.5
    every = streaming_scores(run, policy="every")
    assert (every[3].jf_mean or 0.0) < values[3]
    table = render_streaming(slow, label="CPU")
    assert "| waits for the method | 100.0 |" in table and "(CPU)" in table


def test_what_is_scored_is_what_was_on_the_screen(run: Path, tmp_path: Path) -> None:
    take(run, 90.0)
    found = streaming_scores(run, rates=[10.0])[1]
    dataset = open_dataset("davis2017", split="val", root=tmp_path / "DAVIS")
    # at 10 frames a second a step of 90 ms is in time for its own frame
    assert found.jf_mean == 1.0
    take(run, 110.0)
    late = streaming_scores(run, rates=[10.0], policy="every")[1]
    shown = {}
    for sequence in dataset.sequences:
        names = [ref.name for ref in sequence.frames]
        # the start ends at 110, so frame i ends at 110 (i + 1) and is due at 100 (i + 1)
        have = [max(k for k in range(i + 1) if k == 0 or 110 * (k + 1) <= 100 * (i + 1))
                for i in range(len(names))]  # fmt: skip
        shown[sequence.name] = [names[k] for k in have]
    folder = tmp_path / "shown"
    for sequence in dataset.sequences:
        (folder / sequence.name).mkdir(parents=True)
        for ref, name in zip(sequence.frames, shown[sequence.name], strict=True):
            source = run / "masks" / sequence.name / f"{name}.png"
            (folder / sequence.name / f"{ref.name}.png").write_bytes(source.read_bytes())
    from vosbench.data.masks import open_masks

    literal = score_masks(
        open_masks(folder), dataset.sequences, protocol="davis2017", dataset="d", split="val"
    )
    assert late.jf_mean == pytest.approx(literal.record.overall.jf_mean)
    first = dataset.sequences[0].frames[1]
    assert first.annotation is not None
    assert np.any(read_labels(first.annotation, "ids"))


def test_a_run_without_times_of_its_frames_is_refused(run: Path) -> None:
    paths = RunPaths(run)
    table = read_trace(paths.trace)
    write_trace(paths.trace, table[table["frame"] != "00003"])
    with pytest.raises(InputError, match="19 timed frames of alpha, which has 20"):
        streaming_scores(run)
