"""Stages that DMVOS marks, and its path on a CUDA device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from vosbench_methods.dmvos import PLUGIN
from vosbench_methods.dmvos.network import DMVOSNet, NetworkConfig
from vosbench_methods.dmvos.transfer import download, numbers, upload
from vosbench_methods.dmvos.weights import save_weights

from vosbench.timing import METHOD_STAGES, Meters, Trace, find_faults, method_stages
from vosbench.types import BuildOptions, ClipInfo, Prediction

SIZE = (60, 100)
needs_cuda = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="torch sees no CUDA device: the GPU path is not run here"
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    torch.manual_seed(3)
    config = NetworkConfig(
        encoder_blocks=(1, 1, 1, 1), encoder_width=8, embed_width=32, fusion_width=64
    )
    save_weights(DMVOSNet(config), path, {"note": "small and untrained"})
    return path


def frames(count: int = 4) -> list[Any]:
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (*SIZE, 3), dtype=np.uint8) for _ in range(count)]


def session(weights: Path, **options: Any) -> Any:
    parameters = {"input.height": 96, "input.width": 171}
    built = PLUGIN.build(BuildOptions(parameters=parameters, weights=weights, **options))
    labels = np.zeros(SIZE, np.uint8)
    labels[10:30, 10:40], labels[30:50, 50:90] = 1, 2
    return built.start(ClipInfo("clip", *SIZE, (1, 2)), frames()[0], labels)  # type: ignore[union-attr]


def steps(weights: Path, **options: Any) -> list[Prediction]:
    running = session(weights, **options)
    return [running.step(frame) for frame in frames()[1:]]


def test_every_stage_that_conventions_know_is_marked_once_a_frame(weights: Path) -> None:
    running = session(weights)
    trace = Trace("clip")
    with trace.call("00001", "step", objects=2):
        running.step(frames()[1])
    table = trace.table()
    assert set(table.loc[table["inside"] == "step", "stage"]) == set(METHOD_STAGES)
    stages = method_stages(table)
    whole = float(table.loc[table["stage"] == "step", "ms"].iloc[0])
    assert sum(stage["host_ms"] or 0.0 for stage in stages.values()) == pytest.approx(whole)


def test_stages_are_marked_while_the_template_is_cut(weights: Path) -> None:
    trace = Trace("clip")
    with trace.call("00000", "start", objects=2):
        session(weights)
    assert {"upload", "crop", "encode"} <= {row.stage for row in trace.rows()}


def test_copies_on_the_cpu_are_none() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    tensor = upload(image, torch.device("cpu"))
    (back,) = download([tensor])
    assert np.shares_memory(image, back)
    read_only = image.copy()
    read_only.flags.writeable = False
    np.testing.assert_array_equal(download([upload(read_only, torch.device("cpu"))])[0], image)
    assert numbers([1, 255], torch.device("cpu"), torch.uint8).tolist() == [1, 255]


@pytest.mark.gpu
@needs_cuda
def test_a_gpu_gives_the_masks_of_the_cpu(weights: Path) -> None:
    for ours, theirs in zip(steps(weights), steps(weights, device="cuda:0"), strict=True):
        assert ours.soft is not None and theirs.soft is not None
        assert np.abs(ours.soft - theirs.soft).max() < 0.02
        assert (ours.labels != theirs.labels).mean() < 0.01


@pytest.mark.gpu
@needs_cuda
def test_nothing_waits_for_the_gpu_inside_a_frame(weights: Path) -> None:
    running = session(weights, device="cuda:0")
    running.step(frames()[1])
    torch.cuda.set_sync_debug_mode("error")
    try:
        for frame in frames()[2:]:
            running.step(frame)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.gpu
@needs_cuda
def test_the_trace_has_device_times_and_no_call_escapes_the_host(weights: Path) -> None:
    running = session(weights, device="cuda:0")
    running.step(frames()[1])
    meters = Meters("cuda:0")
    trace = Trace("clip", device=meters.device, memory=meters.memory)
    for index, frame in enumerate(frames(12)):
        with trace.call(f"{index:05d}", "step", objects=2):
            running.step(frame)
    table = trace.table()
    assert np.isfinite(table["device_ms"]).all()
    assert "unsynchronised" not in {fault.kind for fault in find_faults(table)}
    assert np.nanmax(table["allocated_mb"]) > 0


@pytest.mark.gpu
@needs_cuda
def test_compiled_with_cuda_graphs_the_masks_stay_the_same(weights: Path) -> None:
    plain = steps(weights, device="cuda:0")
    compiled = steps(weights, device="cuda:0", compile=True)
    for ours, theirs in zip(plain, compiled, strict=True):
        assert ours.soft is not None and theirs.soft is not None
        assert np.abs(ours.soft - theirs.soft).max() < 0.02
