"""The measurement: methods in turns, with calibration kernels and snapshots between blocks.

A machine that gets busier or hotter slows whatever runs at the time. Methods therefore take turns
of a few frames (A B B A), on sequences in shuffled order, and are compared block by block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from vosbench import __version__
from vosbench.bench.clips import BenchClip, load_clip, with_objects
from vosbench.bench.figures import doubts, finding_lines, method_speed, pair_records
from vosbench.bench.passes import Between, run_passes
from vosbench.bench.record import BenchRecord, CalibrationRecord
from vosbench.bench.runner import Runner
from vosbench.data import Dataset, cache_folder
from vosbench.engine import RunRequest
from vosbench.engine.environment import hardware, packages
from vosbench.errors import UsageError
from vosbench.store import write_record
from vosbench.timing import (
    ConditionWatch,
    alone_on,
    summarise_conditions,
    write_trace,
)
from vosbench.timing.calibration import Calibrator

__all__ = ["BenchRequest", "measure"]


@dataclass(frozen=True)
class BenchRequest:
    """What to measure.

    Attributes:
        methods: one request each; all with the same device.
        dataset: its sequences are what methods are timed on.
        out: folder that takes `bench.json` and the traces.
        frames: of each sequence, the first included.
        rounds: how often each sequence is gone through.
        block: frames after which it is another method's turn.
        objects: numbers of made-up objects to measure the cost by; empty for none.
        long: frames of a long clip to measure growth on; 0 for none.
        calibrate: whether to run the calibration kernels between blocks.
        seed: of the order of sequences.
        command: for the record.
        tell: is told what is going on.
    """

    methods: tuple[RunRequest, ...]
    dataset: Dataset
    out: Path
    frames: int = 32
    rounds: int = 3
    block: int = 5
    objects: tuple[int, ...] = (1, 2, 4)
    long: int = 0
    calibrate: bool = True
    seed: int = 0
    command: tuple[str, ...] = ()
    tell: Callable[[str], None] = field(default=lambda text: None)


def measure(request: BenchRequest) -> BenchRecord:
    """Measure, and leave `bench.json` and a trace of each method in the folder.

    Raises:
        UsageError: for methods that cannot be timed, or on different devices.
        InputError: for data that cannot be used, or a device that another process uses.
    """
    runners = [Runner(one) for one in request.methods]
    devices = sorted({runner.device for runner in runners})
    if len(devices) > 1:
        raise UsageError(
            f"the methods run on different devices ({', '.join(devices)}): measured in turns they "
            "say nothing of each other",
            hint="name one with --device",
        )
    if request.frames < 2 or request.rounds < 1 or request.block < 1:
        raise UsageError("a measurement needs two frames, one round and blocks of one, at least")
    clips = [load_clip(sequence, request.frames) for sequence in request.dataset.sequences]
    with alone_on(devices[0], cache_folder() / "locks"):
        return _measured(request, runners, clips)


def _measured(
    request: BenchRequest, runners: Sequence[Runner], clips: Sequence[BenchClip]
) -> BenchRecord:
    device = runners[0].device
    warm_ups = {}
    for runner in runners:
        request.tell(f"{runner.reference}: warming up")
        warm_ups[runner.reference] = runner.warm_up(clips[0])
    warm_graphs = {runner.reference: runner.graphs() for runner in runners}
    watch = ConditionWatch(device)
    calibrator = Calibrator(device, runners[0].precision) if request.calibrate else None
    between = Between(watch, calibrator)
    between()
    passes = run_passes(
        runners,
        clips,
        between,
        rounds=request.rounds,
        block=request.block,
        seed=request.seed,
        tell=request.tell,
    )
    if request.objects:
        request.tell("cost by number of objects")
        _objects(request, runners, clips[0], between)
    if request.long:
        request.tell(f"long clip of {request.long} frames")
        _long(request, runners, clips[0], between)
    between()
    calibration = calibrator.result() if calibrator is not None else None
    request.out.mkdir(parents=True, exist_ok=True)
    methods = []
    for number, runner in enumerate(runners):
        file = f"trace-{number}.parquet" if len(runners) > 1 else "trace.parquet"
        table = runner.table()
        write_trace(request.out / file, table)
        methods.append(
            method_speed(
                runner,
                table,
                file=file,
                warm_up=warm_ups[runner.reference],
                warm_graphs=warm_graphs[runner.reference],
                blocks=passes.blocks,
                calibration=calibration,
            )
        )
    conditions = summarise_conditions(watch.settings(), between.snapshots)
    record = BenchRecord(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        vosbench_version=__version__,
        command=list(request.command),
        dataset=request.dataset.card.name,
        split=request.dataset.split,
        manifest_sha256=request.dataset.manifest_sha256,
        sequences=[clip.info.name for clip in clips],
        resolution=[f"{clip.info.height}x{clip.info.width}" for clip in clips],
        frames=request.frames,
        rounds=request.rounds,
        block=request.block,
        seed=request.seed,
        hardware=hardware(device),
        packages=packages(),
        conditions=conditions.as_dict(),
        snapshots=[one.as_dict() for one in between.snapshots],
        calibration=None
        if calibration is None
        else CalibrationRecord(
            device=calibration.device,
            architecture=calibration.architecture,
            precision=calibration.precision,
            threads=calibration.threads,
            ms={name: list(values) for name, values in calibration.ms.items()},
            sizes=dict(calibration.sizes),
        ),
        methods=methods,
        discarded=passes.discarded,
        doubtful=passes.doubtful,
        pairs=pair_records(passes.blocks, doubts(methods, passes.doubtful)),
        findings=finding_lines(methods, conditions, calibration, passes),
    )
    write_record(request.out / "bench.json", record)
    return record


def _objects(
    request: BenchRequest,
    runners: Sequence[Runner],
    clip: BenchClip,
    between: Callable[[], bool],
) -> None:
    """One clip per number of objects, stepped frame by frame in turns."""
    made = [with_objects(clip, count) for count in request.objects]
    for runner in runners:
        turns = [runner.begin(one, 0) for one in made]
        for _ in range(min(request.frames, 8)):
            for turn in turns:
                turn.step(1)
            turns.reverse()
        for turn in turns:
            runner.end(turn)
        between()


def _long(
    request: BenchRequest,
    runners: Sequence[Runner],
    clip: BenchClip,
    between: Callable[[], bool],
) -> None:
    """The first clip back and forth."""
    turns = [runner.begin(_named(clip), 0) for runner in runners]
    for _ in range((request.long - 1) // request.block):
        for turn in turns:
            turn.step(request.block)
        turns.reverse()
        between()
    for turn in turns:
        turn.runner.end(turn)


def _named(clip: BenchClip) -> BenchClip:
    from dataclasses import replace

    return replace(clip, info=replace(clip.info, name=f"{clip.info.name} back and forth"))
