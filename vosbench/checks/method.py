"""A mock run that any method must pass before it is worth running on data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from vosbench.checks.clips import (
    ProbeClip,
    long_clip,
    one_object_of,
    probe_clips,
    shortened_clip,
    with_other_future,
    with_other_ids,
)
from vosbench.checks.findings import CheckReport, Finding
from vosbench.checks.probe import Complaint, ProbeFailed, Prober, ProbeRun
from vosbench.engine.device import resolve_device, resolve_precision
from vosbench.errors import VosbenchError
from vosbench.plugins import ResolvedMethod
from vosbench.types import BuildOptions, ClipMethod, Method, Precision

__all__ = ["check_method"]

_CAUSAL_UNTIL = 2
"""Last frame that must not depend on what comes after it."""
_EMPTY = "empty-first-mask"
_WARM, _STRETCH = 6, 6
"""Frames in which caches may fill, and frames of each of the two stretches that are compared."""
_KEPT_SHARE = 0.25
"""Bytes per pixel and frame from which memory grows: a label map kept for each frame takes 1."""
_RENAMED_SHARE = 0.05
"""Share of the objects' pixels that may go to others when objects are called otherwise: the order
of objects decides ties, and rounding in a batch."""
_SAME_SOFT = 0.01
"""Difference of probabilities that rounding in a batch may make."""
_REPEATED = 2
"""Clips that are run again, by a fresh method and after all others."""
_UNSTEADY = frozenset({"not-repeatable", "state-leak"})
"""After these, comparing runs would blame the method for what it does not do."""
_CONTRACT = "docs/adding-a-method.md states what an answer must be"


def check_method(
    resolved: ResolvedMethod,
    *,
    weights: Path | None = None,
    device: str = "cpu",
    precision: str = "auto",
) -> CheckReport:
    """Run a method on tiny drawn clips and report what breaks the contract.

    Looked at are types, shapes and ids of the answers, soft masks, changed inputs, causality,
    whether the same clip gives the same bytes again, whether clips or objects leave traces in each
    other, what a session keeps from frame to frame, and whether the card promises too much.

    Args:
        resolved: method, variant and parameters.
        weights: weight file; None means what the method ships.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        precision: `auto`, `fp32`, `bf16` or `fp16`.

    Raises:
        UsageError: for a device or precision that the method cannot use.
    """
    capabilities = resolved.found.card.capabilities
    on = resolve_device(device, capabilities)
    options = BuildOptions(
        parameters=resolved.parameters,
        device=on,
        precision=resolve_precision(precision, on, capabilities),
        weights=weights,
        oracle=resolved.oracle,
    )

    def build(precision: Precision = options.precision) -> Method | ClipMethod:
        return resolved.found.plugin.build(replace(options, precision=precision))

    probe = _Probe(resolved, build)
    clips = probe_clips()
    probe.all(clips)
    others = [p for p in capabilities.precisions if p != options.precision]
    if precision == "auto" and not probe.failed:
        # fp16 is for CUDA devices, as the engine says
        probe.precisions([p for p in others if on != "cpu" or p != "fp16"], clips[0])
    facts: dict[str, str | int | None] = {
        "package": resolved.found.distribution,
        "device": f"{on}, {options.precision}",
        "clips": ", ".join(clip.name for clip in clips),
    }
    return CheckReport(f"method {resolved.reference}", facts, tuple(probe.findings))


def _same_soft(first: ProbeRun, again: ProbeRun, at: int) -> bool:
    """Whether two objects that were called by each other's id have the same soft masks."""
    if at >= min(len(first.soft), len(again.soft)):
        return False
    one, other = first.soft[at], again.soft[at][::-1]
    return one.shape == other.shape and bool(np.abs(one - other).max() < _SAME_SOFT)


class _Probe:
    """The checks of one method, in order."""

    def __init__(self, resolved: ResolvedMethod, build: Callable[..., Method | ClipMethod]) -> None:
        self._resolved = resolved
        self._build = build
        self.findings: list[Finding] = []
        self._complaints: dict[Complaint, None] = {}

    def all(self, clips: tuple[ProbeClip, ...]) -> None:
        """Run every check that the earlier ones leave possible."""
        used = self._built()
        if used is None:
            return
        first: dict[str, ProbeRun] = {}
        for clip in clips:
            run = self._tried(used, clip)
            if run is not None:
                first[clip.name] = run
        sound = [clip for clip in clips if clip.name in first]
        if sound:
            self._again(used, sound[:_REPEATED], first)
        # answers that change by themselves say nothing of what else may change them
        steady = not any(f.code in _UNSTEADY for f in self.findings)
        if sound and steady:
            self._causal(used, sound[0], first[sound[0].name])
        if len(sound) > 1 and used.streams and steady:
            self._side_by_side(used, sound[0], sound[1], first[sound[0].name])
        several = next((clip for clip in sound if len(clip.object_ids) > 1), None)
        if several is not None and used.streams and steady:
            self._objects_apart(used, several, first[several.name])
        if _EMPTY in first and any(labels.any() for labels in first[_EMPTY].labels):
            text = "an object is answered that has no pixel in the first mask"
            self.findings.append(Finding("warning", "from-nothing", text, _EMPTY))
        if used.streams and not self.failed:
            self._keeps_little(used)
        self._tell_complaints()

    @property
    def failed(self) -> bool:
        """Whether there is an error yet."""
        return self._broken() > 0 or any(f.severity == "error" for f in self.findings)

    def precisions(self, others: list[Precision], clip: ProbeClip) -> None:
        """Run two frames in every other arithmetic that the card promises for this device."""
        for precision in others:
            prober = self._built(precision)
            if prober is not None:
                self._tried(prober, shortened_clip(clip, 3))
        self._tell_complaints()

    def _tell_complaints(self) -> None:
        for complaint in self._complaints:
            self.findings.append(
                Finding(
                    complaint.severity,
                    complaint.code,
                    complaint.text,
                    complaint.clip,
                    f"{complaint.frame:05d}",
                    complaint.detail,
                    _CONTRACT,
                )
            )
        self._complaints.clear()

    def _built(self, precision: Precision | None = None) -> Prober | None:
        try:
            method = self._build() if precision is None else self._build(precision)
        except VosbenchError as error:
            detail = "; ".join(part for part in (str(error), error.hint) if part)
            text = "the method cannot be built"
            self.findings.append(Finding("error", "build", text, detail=detail))
            return None
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plug-in may raise anything; it is reported
            text = "building the method raises an error that is no vosbench.errors class"
            detail = f"{type(error).__name__}: {error}"
            self.findings.append(Finding("error", "build", text, detail=detail))
            return None
        if precision is None and getattr(method, "untrained", False):
            text = "the method has random weights: figures of it mean nothing"
            fix = "name a weight file with --weights"
            self.findings.append(Finding("note", "untrained", text, fix=fix))
        return Prober(
            method,
            self._resolved.found.card.capabilities,
            oracle=self._resolved.oracle,
            complain=self._complain,
        )

    def _complain(self, complaint: Complaint) -> None:
        self._complaints.setdefault(complaint)

    def _broken(self) -> int:
        """How many complaints are errors."""
        return sum(complaint.severity == "error" for complaint in self._complaints)

    def _tried(
        self, prober: Prober, clip: ProbeClip, *, beside: ProbeClip | None = None
    ) -> ProbeRun | None:
        complaints = self._broken()
        try:
            return prober.run(clip, beside=beside)
        except ProbeFailed as failure:
            cause = failure.__cause__
            # a broken contract has said so already, and ends the clip by an error of its own
            if self._broken() == complaints:
                text = "the method raises an error"
                fix = "run it in a debugger on a clip of this kind"
                detail = f"{type(cause).__name__}: {cause}"
                frame = f"{failure.frame:05d}"
                self.findings.append(
                    Finding("error", "raises", text, failure.clip, frame, detail, fix)
                )
            return None

    def _again(self, used: Prober, clips: list[ProbeClip], first: dict[str, ProbeRun]) -> None:
        """The same clips once more, by the same method and by a fresh one, in another order."""
        fresh = self._built_quietly()
        for clip in reversed(clips):
            if fresh is not None:
                again = self._tried(fresh, clip)
                at = None if again is None else first[clip.name].differs(again)
                if at is not None:
                    text = "the same clip gives other masks when the method is built anew"
                    fix = "draw random numbers from the seeded generators only"
                    self._add("not-repeatable", text, clip, at, fix)
                    continue
            again = self._tried(used, clip)
            at = None if again is None else first[clip.name].differs(again)
            if at is not None:
                text = "a clip gives other masks after other clips: state leaks between clips"
                fix = "keep what belongs to a clip in the session that start() makes"
                self._add("state-leak", text, clip, at, fix)

    def _built_quietly(self) -> Prober | None:
        notes = len(self.findings)
        fresh = self._built()
        self.findings[notes:] = [f for f in self.findings[notes:] if f.severity == "error"]
        return fresh

    def _causal(self, used: Prober, clip: ProbeClip, first: ProbeRun) -> None:
        other = with_other_future(clip, after=_CAUSAL_UNTIL)
        again = self._tried(used, other)
        at = None if again is None else first.differs(again, until=_CAUSAL_UNTIL)
        if at is not None:
            text = "an answer changes when later frames change: the method looks ahead"
            fix = "use only frames that were handed over; results of such a run are no VOS results"
            self._add("not-causal", text, clip, at, fix)

    def _side_by_side(self, used: Prober, one: ProbeClip, two: ProbeClip, first: ProbeRun) -> None:
        """Sessions of one method at the same time, as the engine runs single-object methods."""
        capabilities = self._resolved.found.card.capabilities
        if capabilities.multi_object and capabilities.late_objects:
            return
        again = self._tried(used, one, beside=two)
        at = None if again is None else first.differs(again)
        if at is not None:
            text = "a session gives other masks while another one is open"
            fix = "several sessions are open at once for several objects; share no state"
            self._add("shared-state", text, one, at, fix)

    def _objects_apart(self, used: Prober, clip: ProbeClip, first: ProbeRun) -> None:
        """Objects of one clip: apart from each other, and their ids only names."""
        one, two = clip.object_ids[:2]
        if not self._resolved.found.card.capabilities.multi_object:
            # two sessions of one clip, as the engine runs them
            mine, other = one_object_of(clip, one), one_object_of(clip, two)
            alone = self._tried(used, mine)
            beside = self._tried(used, mine, beside=other)
            at = None if alone is None or beside is None else alone.differs(beside)
            if at is not None:
                text = "an object gets another mask while another object of its clip is followed"
                fix = "a session is not known by the name of its clip; several have the same"
                self._add("object-leak", text, clip, at, fix)
            return
        swapped = {one: two, two: one}
        back = np.arange(256, dtype=np.uint8)
        back[[one, two]] = [two, one]
        again = self._tried(used, with_other_ids(clip, swapped))
        if again is None:
            return
        for at, (before, after) in enumerate(zip(first.labels, again.labels, strict=True), 1):
            renamed = back[after]
            if _same_soft(first, again, at - 1):
                continue  # a tie of equal objects goes to one or the other
            either = int(np.count_nonzero((before > 0) | (renamed > 0)))
            if np.count_nonzero(before != renamed) > _RENAMED_SHARE * either:
                text = "objects get other masks when they have other ids"
                fix = "ids are names: they say neither order nor number of the objects"
                self._add("ids-matter", text, clip, at, fix)
                return

    def _keeps_little(self, used: Prober) -> None:
        """A session's memory must not grow with the length of its clip."""
        clip = long_clip(1 + _WARM + 2 * _STRETCH)
        try:
            kept, steps = used.growth(clip, warm=_WARM)
        except ProbeFailed:
            self._tried(used, clip)
            return
        pixels = clip.size[0] * clip.size[1]
        found = []
        if kept > _KEPT_SHARE * pixels:
            found.append(f"{kept / pixels:.1f} bytes per pixel of each frame")
        if steps >= 1:
            found.append(f"{steps:.0f} recorded operations of each frame: a gradient nobody needs")
        if found:
            text = "a session keeps more and more"
            fix = "bound what it remembers; run networks under torch.inference_mode()"
            detail = " and ".join(found)
            self.findings.append(
                Finding("error", "memory-grows", text, clip.name, detail=detail, fix=fix)
            )

    def _add(self, code: str, text: str, clip: ProbeClip, frame: int, fix: str) -> None:
        self.findings.append(Finding("error", code, text, clip.name, f"{frame:05d}", "", fix))
