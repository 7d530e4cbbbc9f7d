"""What `vosbench gate --json` prints.

Scores are 0..1 and differences candidate minus baseline; times are ms, ratios candidate over
baseline. Undefined numbers are null, with the reason beside them.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from pydantic import Field

from vosbench.gate.policy import Level
from vosbench.store.schema import Record

__all__ = [
    "EXIT_CODES",
    "GATE_SCHEMA_VERSION",
    "Blame",
    "CheckRecord",
    "Difference",
    "GateRecord",
    "Regime",
    "Verdict",
]

GATE_SCHEMA_VERSION: Final = 1

Verdict: TypeAlias = Literal["pass", "fail", "inconclusive"]
Regime: TypeAlias = Literal["identical", "same", "numerics", "changed"]
"""- `identical`: every mask has the baseline's digest.
- `same`: same code, parameters, weights and environment, yet other masks.
- `numerics`: same code, parameters and weights in another environment: other arithmetic.
- `changed`: other code, parameters or weights.
"""

EXIT_CODES: Final[dict[Verdict, int]] = {"pass": 0, "fail": 1, "inconclusive": 5}


class Blame(Record):
    """Where a regression is."""

    kind: Literal["sequence", "object", "frame", "loss", "stage", "memory"]
    name: str
    text: str = Field(description="in words, with figures")


class CheckRecord(Record):
    """One thing that was held to the baseline."""

    name: str = Field(description="such as `accuracy/J&F`, `speed/step`, `memory/process`")
    status: Level
    verdict: Verdict
    reason: str
    baseline: float | None = None
    candidate: float | None = None
    change: float | None = Field(default=None, description="difference, or ratio for time, memory")
    low: float | None = Field(default=None, description="interval of the change")
    high: float | None = None
    bound: float | None = Field(default=None, description="what the change is held to")
    blame: list[Blame] = Field(default_factory=list)

    @property
    def decides(self) -> bool:
        """Whether the exit code depends on it."""
        return self.status == "blocking"


class Difference(Record):
    """Something recorded that is not the same; values as text."""

    name: str
    baseline: str
    candidate: str


class GateRecord(Record):
    """`vosbench gate --json`."""

    schema_version: int = GATE_SCHEMA_VERSION
    verdict: Verdict
    reason: str
    baseline: str = Field(description="file")
    candidate: str = Field(description="run directory")
    method: str
    dataset: str
    split: str
    protocol: str
    regime: Regime
    regime_reason: str
    checks: list[CheckRecord]
    changed_frames: dict[str, list[str]] = Field(
        default_factory=dict, description="sequence to frames whose mask files differ"
    )
    differences: list[Difference] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """Exit code of the command."""
        return EXIT_CODES[self.verdict]
