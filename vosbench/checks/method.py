"""A mock run that any method must pass before it is worth running on data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vosbench.checks.clips import ProbeClip, probe_clips, with_other_future
from vosbench.checks.findings import CheckReport, Finding
from vosbench.checks.probe import Complaint, ProbeFailed, Prober, ProbeRun
from vosbench.engine.device import resolve_device, resolve_precision
from vosbench.errors import VosbenchError
from vosbench.plugins import ResolvedMethod
from vosbench.types import BuildOptions, ClipMethod, Method

__all__ = ["check_method"]

_CAUSAL_UNTIL = 2
"""Last frame that must not depend on what comes after it."""
_REPEATED = 2
"""Clips that are run again, by a fresh method and after all others."""
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
    whether the same clip gives the same bytes again, and whether one clip leaves traces in another.

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

    def build() -> Method | ClipMethod:
        return resolved.found.plugin.build(options)

    probe = _Probe(resolved, build)
    clips = probe_clips()
    probe.all(clips)
    facts: dict[str, str | int | None] = {
        "package": resolved.found.distribution,
        "device": f"{on}, {options.precision}",
        "clips": ", ".join(clip.name for clip in clips),
    }
    return CheckReport(f"method {resolved.reference}", facts, tuple(probe.findings))


class _Probe:
    """The checks of one method, in order."""

    def __init__(self, resolved: ResolvedMethod, build: Callable[[], Method | ClipMethod]) -> None:
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
            self._causal(used, sound[0], first[sound[0].name])
        if len(sound) > 1 and used.streams:
            self._side_by_side(used, sound[0], sound[1], first[sound[0].name])
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

    def _built(self) -> Prober | None:
        try:
            method = self._build()
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
        if getattr(method, "untrained", False):
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

    def _add(self, code: str, text: str, clip: ProbeClip, frame: int, fix: str) -> None:
        self.findings.append(Finding("error", code, text, clip.name, f"{frame:05d}", "", fix))
