"""What `vosbench compare --json` prints.

Scores and differences are 0..1 (differences -1..1), candidate minus baseline. Undefined numbers are
null, with the reason beside them.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from pydantic import Field

from vosbench.store.schema import Record

__all__ = [
    "COMPARISON_SCHEMA_VERSION",
    "CandidateComparison",
    "ComparisonRecord",
    "FrameChange",
    "IntervalRecord",
    "MaskAgreement",
    "PlainDifference",
    "RunIdentity",
    "SequenceChange",
    "SettingDifference",
    "SpeedComparison",
    "TestedDifference",
    "Verdict",
]

COMPARISON_SCHEMA_VERSION: Final = 1

Verdict: TypeAlias = Literal[
    "better", "worse", "not clear", "not shown", "identical", "oracle", "undetermined"
]
"""- `better`, `worse`: Holm-adjusted p is at most 0.05, and the interval shown leaves 0 out.
- `not clear`: only one of the two says so; `verdict_reason` says which.
- `not shown`: these sequences cannot tell the difference from chance; no proof of equality.
- `identical`: every object has the same score.
- `oracle`: one of the runs was shown the truth, so nobody wins.
- `undetermined`: no test is possible, for example on one sequence.
"""


class IntervalRecord(Record):
    """A confidence interval of a difference; ends are null where `reason` says why."""

    low: float | None
    high: float | None
    level: float
    method: str
    reason: str = ""


class RunIdentity(Record):
    """Which run."""

    path: str
    label: str = Field(description="short name, unique within the comparison")
    method: str = Field(description="`name` or `name@variant`")
    run_id: str
    status: str
    oracle: bool = Field(description="was shown the ground truth; never wins")
    untrained: bool = Field(description="random weights: figures mean nothing")
    own_jf: float | None = Field(description="J&F over all that the run scored, not only in common")
    jf: float | None = Field(default=None, description="J&F over the objects in common")
    jf_interval: IntervalRecord | None = Field(
        default=None,
        description="95 % interval of `jf` over other videos; no test between runs, whose "
        "intervals may overlap though they differ",
    )


class TestedDifference(Record):
    """One figure of both runs over the objects in common, with interval and test."""

    __test__ = False  # pytest would take the class for tests

    metric: Literal["J&F", "J", "F"]
    baseline: float | None
    candidate: float | None
    difference: float | None
    objects: int
    sequences: int
    dropped: int = Field(description="objects undefined in either run, left out")
    interval: IntervalRecord = Field(description="sequence-cluster bootstrap-t")
    robust_interval: IntervalRecord = Field(description="CR1 cluster-robust t")
    flip_interval: IntervalRecord = Field(description="inversion of the test that gives p")
    p: float | None = Field(description="two-sided sign-flip permutation of sequences")
    p_holm: float | None = Field(description="adjusted over the candidates, oracles not counted")
    p_exact: bool = Field(description="all flips were counted")
    p_smallest: float | None = Field(description="smallest p so many sequences can give")
    p_reason: str = ""
    wins: int | None = Field(description="sequences won; null where an oracle takes part")
    ties: int | None
    losses: int | None
    tie_threshold: float
    detectable: float | None = Field(description="difference found with 80 % power")
    verdict: Verdict
    verdict_reason: str = Field(default="", description="of `not clear`: what disagrees")

    @property
    def shown_interval(self) -> IntervalRecord | None:
        """By bootstrap-t where that can be had, else by cluster-robust t, else None."""
        for one in (self.interval, self.robust_interval):
            if one.low is not None and one.high is not None:
                return one
        return None


class PlainDifference(Record):
    """A figure that is compared without a test."""

    metric: Literal["J recall", "J decay", "F recall", "F decay"]
    lower_is_better: bool
    baseline: float | None
    candidate: float | None
    difference: float | None


class SequenceChange(Record):
    """A sequence on which J&F changed: means over its objects in common."""

    sequence: str
    objects: int
    baseline: float
    candidate: float
    difference: float


class FrameChange(Record):
    """An object on a frame where J changed."""

    sequence: str
    object_id: int
    frame: str
    index: int
    baseline: float
    candidate: float
    difference: float


class MaskAgreement(Record):
    """Sequences whose mask files are the same, byte by byte, by the digests of the runs."""

    compared: int = Field(description="sequences for which both runs have digests")
    identical: list[str]


class SettingDifference(Record):
    """Something that was set differently; values as text."""

    name: str
    baseline: str
    candidate: str


class SpeedComparison(Record):
    """Time in the method per frame. There is no verdict: the runs were not interleaved."""

    baseline_step_ms: float | None
    candidate_step_ms: float | None
    ratio: float | None = Field(description="candidate over baseline; above 1 is slower")
    differing: list[SettingDifference] = Field(description="what differs and decides speed")
    note: str


class CandidateComparison(Record):
    """One candidate against the baseline."""

    run: RunIdentity
    tests: list[TestedDifference]
    plain: list[PlainDifference]
    gains: list[SequenceChange] = Field(description="largest first")
    losses: list[SequenceChange] = Field(description="largest first")
    frame_gains: list[FrameChange] | None = Field(description="null without frame tables")
    frame_losses: list[FrameChange] | None
    masks: MaskAgreement
    speed: SpeedComparison
    changed: list[SettingDifference] = Field(description="method, weights and settings")


class ComparisonRecord(Record):
    """`vosbench compare --json`."""

    schema_version: int = COMPARISON_SCHEMA_VERSION
    dataset: str
    split: str
    protocol: str
    ablation: bool = Field(description="variants of one method against its base variant")
    seed: int
    baseline: RunIdentity
    sequences: list[str] = Field(description="in common to all runs; everything is over these")
    objects: int
    left_out: dict[str, str] = Field(description="sequence or object to reason")
    candidates: list[CandidateComparison]
    warnings: list[str]
