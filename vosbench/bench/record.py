"""`bench.json`: what was measured, of what, under which conditions."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from vosbench.errors import InputError
from vosbench.store import read_record
from vosbench.store.schema import Record

__all__ = [
    "BENCH_VERSION",
    "BenchRecord",
    "CalibrationRecord",
    "MethodSpeed",
    "PairRecord",
    "read_bench",
]

BENCH_VERSION: Final = 1

SpeedVerdict = Literal["same", "faster", "slower", "ambiguous"]


class CalibrationRecord(Record):
    """What the four kernels took, ms by kernel in the order of measurement."""

    device: str
    architecture: str
    precision: str
    threads: int
    ms: dict[str, list[float]]
    sizes: dict[str, str]


class MethodSpeed(Record):
    """Figures of one method; all follow from its rows of the trace."""

    method: str
    label: Literal["CPU", "GPU"] = Field(description="every figure is of this kind of device")
    precision: str
    compile: bool
    cuda_graphs: bool = Field(description="compiled on CUDA; a method may still do without")
    weights: str | None = None
    untrained: bool = False
    parameters: dict[str, Any] = Field(default_factory=dict)
    trace: str = Field(description="file name of the trace")
    summary: dict[str, Any] = Field(
        description="as in a run, of warm frames; many faults in one line"
    )
    start_ms_p50: float | None = Field(description="template cost: the first frame of a clip")
    cold: dict[str, Any] = Field(description="build, first start, first step, warm-up")
    graphs_compiled: int | None = Field(default=None, description="null where nothing compiles")
    recompiled: int | None = Field(default=None, description="graphs compiled after warm-up")
    objects: dict[str, Any] | None = Field(default=None, description="a + b·n of made-up objects")
    growth: dict[str, float | None] = Field(
        default_factory=dict, description="per 100 frames of the long clip"
    )
    long_frames: int = 0
    peak_mb: dict[str, float | None] = Field(
        default_factory=dict, description="process (of all methods together), allocated, reserved"
    )
    multiples: dict[str, float] = Field(
        default_factory=dict, description="median step as multiples of the kernels"
    )
    conventions: list[dict[str, Any]] = Field(default_factory=list)
    unsynchronised: bool = Field(
        default=False, description="calls returned before the device was done: times are too short"
    )
    noise: dict[str, Any] = Field(
        default_factory=dict, description="the method's odd blocks against its even ones"
    )


class PairRecord(Record):
    """Two methods measured in turns."""

    baseline: str
    candidate: str
    ratio: float | None = Field(description="candidate over baseline; above 1 is slower")
    low: float | None
    high: float | None
    pairs: int
    verdict: SpeedVerdict
    reason: str = ""


class BenchRecord(Record):
    """A whole measurement."""

    schema_version: int = BENCH_VERSION
    created: str
    vosbench_version: str
    command: list[str] = Field(default_factory=list)
    dataset: str
    split: str
    manifest_sha256: str
    sequences: list[str]
    resolution: list[str] = Field(description="height x width of each sequence")
    frames: int = Field(description="per sequence and round")
    rounds: int
    block: int = Field(description="frames after which it is another method's turn")
    seed: int
    hardware: dict[str, Any]
    packages: dict[str, str]
    conditions: dict[str, Any]
    snapshots: list[dict[str, Any]]
    calibration: CalibrationRecord | None = None
    methods: list[MethodSpeed]
    discarded: int = Field(
        default=0, description="passes that were throttled, discarded and gone through again"
    )
    doubtful: int = Field(default=0, description="passes that were throttled every time")
    pairs: list[PairRecord] = Field(default_factory=list)
    findings: list[str] = Field(default_factory=list, description="what makes figures doubtful")


def read_bench(path: Path) -> BenchRecord:
    """Read `bench.json`, or that of a folder.

    Raises:
        InputError: if it is missing, damaged or of a newer version.
    """
    file = path / "bench.json" if path.is_dir() else path
    record = read_record(file, BenchRecord)
    if record.schema_version > BENCH_VERSION:
        raise InputError(f"{file} has version {record.schema_version}, known is {BENCH_VERSION}")
    return record
