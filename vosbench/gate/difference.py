"""What changed from one baseline file to another, and what a baseline says."""

from __future__ import annotations

import math
import statistics
from typing import Final

from pydantic import Field

from vosbench.gate.baseline import BaselineRecord, as_run_scores
from vosbench.gate.masks import changed_frames
from vosbench.gate.records import Difference
from vosbench.gate.regime import standing
from vosbench.report.text import METRICS, count, plain, points
from vosbench.store.schema import Record, Summary

__all__ = [
    "BaselineDifference",
    "FigureChange",
    "compare_baselines",
    "render_baseline",
    "render_baseline_difference",
]

_MOST: Final = 12


class FigureChange(Record):
    """A figure in both files, 0..1."""

    name: str = Field(description="`overall` or an object")
    metric: str
    baseline: float | None
    candidate: float | None


class BaselineDifference(Record):
    """`vosbench baseline diff --json`."""

    schema_version: int = 1
    same_data: bool
    figures: list[FigureChange] = Field(description="those that differ")
    changed_frames: dict[str, list[str]]
    only_first: list[str] = Field(description="objects")
    only_second: list[str]
    times: dict[str, float] = Field(description="stage to ratio, second over first")
    memory: dict[str, float] = Field(description="kind to ratio, second over first")
    settings: list[Difference]

    @property
    def empty(self) -> bool:
        """Whether figures, masks and settings are the same; times always differ."""
        others = (self.figures, self.changed_frames, self.only_first, self.only_second)
        return self.same_data and not any(others) and not self.settings


def compare_baselines(first: BaselineRecord, second: BaselineRecord) -> BaselineDifference:
    """Hold two baseline files against each other, for a reviewer."""
    runs = as_run_scores(first, "first"), as_run_scores(second, "second")
    figures = _figures("overall", first.overall, second.overall)
    for key in first.objects.keys() & second.objects.keys():
        figures += _figures(key, first.objects[key], second.objects[key])
    stands = standing(runs[0].run, runs[1].run, identical=False, expect="auto")
    return BaselineDifference(
        same_data=first.manifest_sha256 == second.manifest_sha256
        and first.protocol == second.protocol,
        figures=sorted(figures, key=lambda one: (one.name != "overall", one.name)),
        changed_frames=changed_frames(*runs) or {},
        only_first=sorted(first.objects.keys() - second.objects.keys()),
        only_second=sorted(second.objects.keys() - first.objects.keys()),
        times={
            stage: ratio
            for stage in first.speed.stages
            if (ratio := _ratio(first, second, stage)) is not None
        },
        memory={
            kind: second.speed.memory_mb[kind] / before
            for kind, before in first.speed.memory_mb.items()
            if kind in second.speed.memory_mb
        },
        settings=[*stands.code, *stands.environment],
    )


def _figures(name: str, first: Summary, second: Summary) -> list[FigureChange]:
    return [
        FigureChange(name=name, metric=metric.label, baseline=old, candidate=new)
        for metric in METRICS
        if (old := getattr(first, metric.field)) != (new := getattr(second, metric.field))
    ]


def _ratio(first: BaselineRecord, second: BaselineRecord, stage: str) -> float | None:
    before, after = first.speed.stages[stage], second.speed.stages.get(stage, {})
    logs = [math.log(after[name] / before[name]) for name in before.keys() & after.keys()]
    return math.exp(statistics.median(logs)) if logs else None


def render_baseline_difference(record: BaselineDifference) -> str:
    """Lines without a break at the end."""
    lines = []
    if not record.same_data:
        lines.append("the two are of other data or another protocol")
    if record.empty:
        lines.append("same figures, masks, code and settings")
    for one in record.figures[:_MOST]:
        lines.append(
            f"{one.name}: {one.metric} {points(one.baseline)} to {points(one.candidate)}"
            f"{_moved(one)}"
        )
    if len(record.figures) > _MOST:
        lines.append(f"and {count(len(record.figures) - _MOST, 'figure')} more; --json has all")
    for name, frames in record.changed_frames.items():
        lines.append(f"{name}: masks of {count(len(frames), 'frame')} differ, from {frames[0]} on")
    for word, names in (("first", record.only_first), ("second", record.only_second)):
        if names:
            lines.append(f"only in the {word}: {', '.join(names)}")
    lines += [f"{one.name}: {one.baseline} / {one.candidate}" for one in record.settings]
    lines += [f"time of {stage}: times {ratio:.2f}" for stage, ratio in record.times.items()]
    lines += [f"peak {kind} memory: times {ratio:.2f}" for kind, ratio in record.memory.items()]
    return "\n".join(plain(line) for line in lines)


def _moved(one: FigureChange) -> str:
    if one.baseline is None or one.candidate is None:
        return ""
    return f" ({100 * (one.candidate - one.baseline):+.2f})"


def render_baseline(record: BaselineRecord) -> str:
    """What a baseline says, in lines without a break at the end."""
    settings = record.settings
    frames = sum(one.frames for one in record.sequences.values())
    machine = record.hardware.get("gpu") or record.hardware.get("processor") or "unknown machine"
    lines = [
        f"{record.method.reference} on {record.dataset} {record.split}, protocol {record.protocol}",
        f"set {record.created} from run {record.run_id}, vosbench {record.vosbench_version}",
        f"{count(len(record.sequences), 'sequence')}, {count(len(record.objects), 'object')}, "
        f"{count(frames, 'frame')}",
        f"J&F {points(record.overall.jf_mean)}, J {points(record.overall.j_mean)}, "
        f"F {points(record.overall.f_mean)}",
        f"{settings.device}, {settings.precision}, {count(settings.threads, 'thread')}, {machine}",
    ]
    for stage, times in record.speed.stages.items():
        lines.append(f"{stage}: median {statistics.median(times.values()):.2f} ms")
    lines += [f"peak {kind} memory: {mb:.0f} MB" for kind, mb in record.speed.memory_mb.items()]
    noise = record.speed.noise
    if noise is not None:
        lines.append(
            f"noise floor: pairs {100 * noise.paired_sd:.1f} %, single runs "
            f"{100 * noise.session_sd:.1f} %; finds a slowdown of {100 * noise.detectable:.0f} %"
        )
    calibrated = "calibrated" if record.speed.calibration else "not calibrated"
    diagnosed = any(one.terms for one in record.objects.values())
    lines.append(f"{calibrated}; {'with' if diagnosed else 'without'} causes of loss")
    return "\n".join(plain(line) for line in lines)
