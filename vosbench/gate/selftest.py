"""A/A: the gate against itself, so that its noise floor is known and published."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pydantic import Field

from vosbench.gate.baseline import NoiseRecord
from vosbench.gate.interleave import Side
from vosbench.gate.judge import measure, overall_verdict
from vosbench.gate.policy import Policy
from vosbench.gate.records import EXIT_CODES, CheckRecord, Verdict
from vosbench.gate.speed import check_interleaved, check_memory, noise_floor
from vosbench.report.text import plain
from vosbench.store.schema import Record

__all__ = ["SelfTestRecord", "render_self_test", "self_test"]

_STAGE: Final = "step"


class SelfTestRecord(Record):
    """`vosbench gate RUN --self-test --json`."""

    schema_version: int = 1
    verdict: Verdict
    reason: str
    run: str
    noise: NoiseRecord | None = Field(description="of the stage `step`; null without one")
    checks: list[CheckRecord]
    notes: list[str]

    @property
    def exit_code(self) -> int:
        """Exit code of the command."""
        return EXIT_CODES[self.verdict]


def self_test(
    root: Path, policy: Policy, *, progress: Callable[[int, int], None] = lambda done, of: None
) -> SelfTestRecord:
    """Measure a run's command in turns with itself.

    Raises:
        InputError: if the command fails.
    """
    side = Side(Path(sys.executable))
    measured = measure(root, side, side, policy=policy, progress=progress)
    rounds = measured.first.rounds
    again = measured.repeat.rounds if measured.repeat else ()
    judged = check_interleaved(rounds, again, policy.speed)
    memory = check_memory(*measured.first.memory, (), policy)
    checks = [*judged.checks, *memory.checks]
    verdict, reason = overall_verdict(checks)
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    return SelfTestRecord(
        verdict=verdict,
        reason=reason,
        run=str(root),
        noise=noise_floor([*rounds, *again], policy.speed, stage=_STAGE, load=load),
        checks=checks,
        notes=[*judged.notes, *memory.notes],
    )


def render_self_test(record: SelfTestRecord) -> str:
    """Lines without a break at the end."""
    lines = [f"{record.verdict}: the same code against itself; {record.reason}"]
    noise = record.noise
    if noise is not None:
        lines += [
            f"noise floor of {_STAGE} over {noise.rounds} rounds in turns: ratio within "
            f"[{noise.low:.3f}, {noise.high:.3f}]; a pair scatters by {100 * noise.paired_sd:.1f} "
            f"%, single runs by {100 * noise.session_sd:.1f} %",
            f"a slowdown of {100 * noise.detectable:.0f} % would be found four times in five",
        ]
        if noise.load is not None:
            lines.append(f"load of the machine: {noise.load:.1f}")
    lines += [f"  {check.verdict:<12}  {check.name}  {check.reason}" for check in record.checks]
    lines += [f"note: {note}" for note in record.notes]
    return "\n".join(plain(line) for line in lines)
