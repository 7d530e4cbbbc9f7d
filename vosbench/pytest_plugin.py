"""The pytest fixture `vosbench_gate`: a lab's own suite holds its method to a baseline.

```python
def test_accuracy(vosbench_gate):
    vosbench_gate("runs/davis2017/mine/1", baseline="baselines/mine.json")

def test_speed(vosbench_gate, benchmark):
    vosbench_gate.not_slower(benchmark, new_step, old_step)
```

Found by pytest through the entry-point group `pytest11`. It is loaded in every pytest session of an
environment, so it imports nothing heavy until the fixture is used.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from vosbench.gate import GateRecord
    from vosbench.stats import RatioEstimate

__all__ = ["VosbenchGate", "vosbench_gate"]

_ROUNDS: Final = 30
_WARM_UP: Final = 3


class VosbenchGate:
    """What the fixture gives."""

    def __init__(self) -> None:
        self._made: set[Path] = set()

    def __call__(
        self,
        run: Path | str,
        *,
        baseline: Path | str,
        policy: Path | str | None = None,
        data: Path | str | None = None,
    ) -> GateRecord:
        """Hold a scored run to a baseline; the test fails on any verdict but pass.

        Memory of a run that `run` made does not decide: it is that of the whole test session.

        Args:
            run: run directory, or a folder that holds one run.
            baseline: baseline file, or another run directory.
            policy: TOML file; None for the defaults.
            data: root of the data, for naming causes of loss.

        Returns:
            The verdict, for further assertions.

        Raises:
            VosbenchError: for files that cannot be used or compared.
        """
        from vosbench.gate import gate_run, read_baseline, read_policy, render_gate_terminal
        from vosbench.gate.choose import find_run

        root = find_run(Path(run))
        rules = read_policy(None if policy is None else Path(policy))
        if root.resolve() in self._made and rules.memory.status == "blocking":
            memory = rules.memory.model_copy(update={"status": "advisory"})
            rules = rules.model_copy(update={"memory": memory})
        record = gate_run(
            root,
            read_baseline(Path(baseline)),
            baseline_name=str(baseline),
            policy=rules,
            data=None if data is None else Path(data),
        )
        if record.verdict != "pass":
            pytest.fail(render_gate_terminal(record), pytrace=False)
        return record

    def run(
        self, method: str, *, dataset: str = "diagnostic-tiny", out: Path | str, **options: Any
    ) -> Path:
        """Run and score a method in this process, as `vosbench run` does on the CPU.

        Args:
            method: `name` or `name@variant`.
            dataset: name of a data set or path of a card.
            out: folder for the run, such as `tmp_path`.
            options: `split`, `root`, `sequences`, `limit` of the data; `device`, `precision`,
                `seed` of the run.

        Returns:
            The run directory.
        """
        from vosbench.data import open_dataset
        from vosbench.engine import RunRequest, execute
        from vosbench.plugins import resolve_methods
        from vosbench.workflow import score_run

        chosen = {name: options.pop(name) for name in _OF_DATA & options.keys()}
        opened = open_dataset(dataset, **chosen)
        (resolved,) = resolve_methods([method], ())
        settings = {"device": "cpu", **options}
        request = RunRequest(
            method=resolved, dataset=opened, out=Path(out), reference=dataset, **settings
        )
        root, record = execute(request, _Silent())
        score_run(root, record, opened)
        self._made.add(root.resolve())
        return root

    def not_slower(
        self,
        benchmark: Any,
        candidate: Callable[[], object],
        reference: Callable[[], object],
        *,
        margin: float = 0.05,
        rounds: int = _ROUNDS,
    ) -> RatioEstimate | None:
        """Time two functions in turns with pytest-benchmark; the test fails if one is slower.

        pytest-benchmark times `candidate`; before each of its rounds `reference` is timed. The
        test fails only if the interval of the ratio lies above the margin twice; a verdict that
        cannot be had does not fail it. `benchmark.extra_info["vosbench"]` keeps the figures.

        Args:
            benchmark: the fixture of pytest-benchmark.
            candidate: what is new.
            reference: what it is held to; called as often.
            margin: share that the candidate may be slower.
            rounds: pairs, at least 6.

        Returns:
            The ratio with its interval, or None where pytest-benchmark measures nothing
            (`--benchmark-disable`, or in a worker of pytest-xdist): then nothing is judged.
        """
        from vosbench.stats import not_slower

        if getattr(benchmark, "disabled", False):
            reference()
            benchmark.pedantic(candidate, rounds=1)
            return None
        for _ in range(_WARM_UP):
            reference()
            candidate()
        before: list[float] = []
        benchmark.pedantic(candidate, setup=lambda: before.append(_timed(reference)), rounds=rounds)
        if benchmark.stats is None:
            return None
        after = [1000 * seconds for seconds in benchmark.stats.stats.data]
        estimate = _ratio(before[-len(after) :], after)
        found = not_slower(estimate, margin)
        if found.verdict == "fail":
            pairs = [(_timed(reference), _timed(candidate)) for _ in range(rounds)]
            again = not_slower(_ratio(*map(list, zip(*pairs, strict=True))), margin)
            if again.verdict == "fail":
                pytest.fail(
                    f"slower than its reference: {found.reason}; measured again, {again.reason}",
                    pytrace=False,
                )
        benchmark.extra_info["vosbench"] = {
            "ratio": estimate.ratio,
            "low": estimate.low,
            "high": estimate.high,
            "verdict": found.verdict,
        }
        return estimate


_OF_DATA: Final = frozenset({"split", "root", "sequences", "limit"})


class _Silent:
    """A listener that says nothing."""

    def run_started(self, *_: object) -> None:
        """Nothing."""

    def sequence_started(self, *_: object) -> None:
        """Nothing."""

    def frame_done(self, *_: object) -> None:
        """Nothing."""

    def sequence_ended(self, *_: object) -> None:
        """Nothing."""


def _timed(function: Callable[[], object]) -> float:
    begin = time.perf_counter_ns()
    function()
    return (time.perf_counter_ns() - begin) / 1e6


def _ratio(before: list[float], after: list[float]) -> RatioEstimate:
    from vosbench.stats import ratio_of_medians

    # a clock that did not move between two readings still took some time
    least = math.ulp(1.0)
    ratios = [max(new, least) / max(old, least) for old, new in zip(before, after, strict=True)]
    return ratio_of_medians([1.0] * len(ratios), ratios)


@pytest.fixture(scope="session")
def vosbench_gate() -> VosbenchGate:
    """Hold runs to baselines: call it with a run and a baseline, or see its methods."""
    return VosbenchGate()
