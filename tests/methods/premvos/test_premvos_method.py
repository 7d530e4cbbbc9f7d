"""premvos-merge as a method: files and networks around the merging stage, and what runs it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image
from vosbench_methods.premvos import PLUGIN
from vosbench_methods.premvos.backends import BorrowedEmbeddings, FrameView, Region, TVL1Flow
from vosbench_methods.premvos.formats import Proposal, write_flow, write_proposals
from vosbench_methods.premvos.merging import Box, Embedding, Mask, tight_box
from vosbench_methods.premvos.method import MergeOfFiles, StreamingMerge

from vosbench.checks import check_method
from vosbench.checks.clips import probe_clips
from vosbench.errors import InputError, UsageError, VosbenchError
from vosbench.method_card import load_method_card
from vosbench.plugins import resolve_methods
from vosbench.types import BuildOptions, ClipInfo, FrameRef, OutsideMethod, ParameterValue
from vosbench.types import Sequence as Clip

VIDEOS = ("solo", "duo", "trio", "gaps")


def build(*, weights: Path | None = None, **settings: ParameterValue) -> Any:
    """Build with defaults of the card; `files__flow=...` sets `files.flow`."""
    parameters = dict(load_method_card(PLUGIN.card).parameters)
    parameters |= {key.replace("__", ".").replace("_", "-"): v for key, v in settings.items()}
    return PLUGIN.build(BuildOptions(parameters, weights=weights))


class StandInRefiner:
    """A fixture's stand-in as a back end."""

    def __init__(self, stand_ins: Any) -> None:
        self._refine = stand_ins.refine

    def refine(self, frame: FrameView, region: Region) -> Mask:
        refined: Mask = self._refine(region.mask, region.box)
        return refined


class StandInEmbedder:
    def __init__(self, stand_ins: Any) -> None:
        self._embed = stand_ins.embed

    def embed(
        self, frame: FrameView, regions: Sequence[Region], proposals: Sequence[Proposal]
    ) -> Sequence[Embedding | None]:
        found: list[Embedding | None] = self._embed(
            [one.mask for one in regions], [one.box for one in regions]
        )
        return found

    def embed_proposals(
        self, frame: FrameView, proposals: Sequence[Proposal]
    ) -> Sequence[Embedding | None]:
        return [one.embedding for one in proposals]


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An importable module for back ends of a third party: `others:NAME`."""
    module = ModuleType("others")
    monkeypatch.setitem(sys.modules, "others", module)
    return module


@pytest.fixture
def official_layout(golden: Path, tmp_path: Path) -> Any:
    """Lay a golden video out as the official pipeline does, with damage where it has damage."""

    def lay_out(video: str) -> tuple[Clip, Path, Path]:
        inputs = golden / "merge" / video / "inputs"
        info = json.loads((inputs / "video.json").read_text())
        proposals, flows = tmp_path / "ReID_proposals", tmp_path / "flow"
        shutil.copytree(inputs / "proposals", proposals / video)
        (flows / video).mkdir(parents=True)
        with np.load(inputs / "flow.npz") as archive:
            moved = archive["numerator"].astype(np.float32) / np.float32(archive["divisor"])
        for t, flow in enumerate(moved):
            if t not in info["frames_without_flow_file"]:
                write_flow(flows / video / f"{t:05d}.flo", flow)
        annotation = inputs / "annotation_00000.png"
        frames = tuple(
            FrameRef(f"{t:05d}", None, None if t else annotation) for t in range(info["frames"])
        )
        height, width = info["size"]
        clip = Clip("golden", "all", video, frames, height, width, tuple(info["ids"]), "ids")
        return clip, proposals, flows

    return lay_out


@pytest.mark.parametrize("video", VIDEOS)
def test_files_and_plugged_in_networks_give_the_official_labels(  # noqa: PLR0917 - fixtures
    golden: Path,
    official_layout: Any,
    plugged: ModuleType,
    stand_ins: Any,
    variant: str,
    video: str,
) -> None:
    plugged.refiner = lambda options: StandInRefiner(stand_ins)  # type: ignore[attr-defined]
    plugged.embedder = lambda options: StandInEmbedder(stand_ins)  # type: ignore[attr-defined]
    clip, proposals, flows = official_layout(video)
    method = build(
        files__proposals=str(proposals),
        files__flow=str(flows),
        files__strict=video != "gaps",
        refiner__source="others:refiner",
        embedder__source="others:embedder",
    )
    assert isinstance(method, OutsideMethod)
    expected = golden / "merge" / video / "expected" / variant
    answers = list(method.segment(clip))
    assert len(answers) == len(clip.frames)
    for ref, answer in zip(clip.frames[1:], answers[1:], strict=True):
        truth = np.array(Image.open(expected / f"{ref.name}.png"))
        assert_array_equal(answer.labels, truth, ref.name)
    # the harness writes the given masks of the first frame, so the method answers with them, too
    assert_array_equal(answers[0].labels, np.array(Image.open(clip.frames[0].annotation)))


def test_damaged_and_missing_files_are_errors_unless_asked_to_go_on(official_layout: Any) -> None:
    clip, proposals, flows = official_layout("gaps")
    folders = {"files__proposals": str(proposals), "files__flow": str(flows)}
    with pytest.raises(InputError, match=r"gaps/00001\.flo cannot be read"):
        list(build(**folders).segment(clip))
    shutil.copy(flows / "gaps" / "00000.flo", flows / "gaps" / "00001.flo")
    with pytest.raises(InputError, match=r"gaps/00004\.json is not valid JSON"):
        list(build(**folders).segment(clip))
    assert len(list(build(**folders, files__strict=False).segment(clip))) == 6


def test_a_clip_without_files_is_named_before_anything_is_run(
    official_layout: Any, tmp_path: Path
) -> None:
    clip, proposals, flows = official_layout("solo")
    method = build(files__proposals=str(proposals), files__flow=str(flows))
    other = replace(clip, name="duo")
    method.prepare((clip, other), scratch=tmp_path, logs=tmp_path)
    with pytest.raises(InputError, match="has no folder 'duo'; it has 1 others"):
        method.prepare((other,), scratch=tmp_path, logs=tmp_path)
    with pytest.raises(InputError, match="has no folder 'duo'"):
        list(method.segment(other))


def test_changed_files_are_another_method_to_the_harness(official_layout: Any) -> None:
    _, proposals, flows = official_layout("solo")
    folders = {"files__proposals": str(proposals), "files__flow": str(flows)}
    before = build(**folders).content_sha256
    assert build(**folders).content_sha256 == before
    (proposals / "solo" / "00003.json").write_text("[]")
    assert build(**folders).content_sha256 != before


def test_boxes_without_masks_need_a_refiner(official_layout: Any, tmp_path: Path) -> None:
    clip, proposals, flows = official_layout("solo")
    general = tmp_path / "general_proposals"
    (general / "solo").mkdir(parents=True)
    write_proposals(general / "solo" / "00002.json", [Proposal(Box(1, 2, 3, 4), 0.9)])
    both = os.pathsep.join([str(general), str(proposals)])
    with pytest.raises(InputError, match="solo, frame 00002: a proposal is a box without a mask"):
        list(build(files__proposals=both, files__flow=str(flows)).segment(clip))


def write_files_for(clip: Any, folder: Path) -> None:
    """What a detector and a flow network could have written for a drawn clip."""
    proposals, flows = folder / "proposals" / clip.name, folder / "flow" / clip.name
    proposals.mkdir(parents=True)
    flows.mkdir(parents=True)
    for t, truth in enumerate(clip.truth):
        masks = [truth == one for one in np.unique(truth) if one]
        found = [Proposal(tight_box(one), 0.9, one, "0.9", np.full(128, t / 9)) for one in masks]
        write_proposals(proposals / f"{t:05d}.json", found)
        write_flow(flows / f"{t:05d}.flo", np.zeros((*clip.size, 2), np.float32))


def test_the_harness_finds_nothing_wrong_with_files(tmp_path: Path) -> None:
    for clip in probe_clips():
        write_files_for(clip, tmp_path)
    settings = [f"files.proposals={tmp_path / 'proposals'}", f"files.flow={tmp_path / 'flow'}"]
    (method,) = resolve_methods(["premvos-merge@precomputed-proposals"], settings)
    assert check_method(method).findings == ()


class ByColour:
    """A detector for drawn clips: whatever shines."""

    def propose(self, frame: FrameView) -> Sequence[Proposal]:
        bright = frame.rgb[..., 1] == 230
        colours = np.unique(frame.rgb[bright], axis=0)
        masks = [(frame.rgb == colour).all(axis=2) for colour in colours]
        return [Proposal(tight_box(one), 0.9, one) for one in masks]


class Slides:
    """A flow network for drawn clips: knows how the first and the second colour move."""

    def flow(self, earlier: FrameView, later: FrameView) -> Any:
        flow = np.zeros((*later.size, 2), np.float32)
        flow[..., 0] = 1000  # what is uncovered comes from outside
        for red, right in ((80, 5), (160, -4), (240, -5)):
            flow[(later.rgb[..., 0] == red) & (later.rgb[..., 1] == 230), 0] = right
        return flow


def test_the_harness_finds_nothing_wrong_with_a_stream(plugged: ModuleType) -> None:
    plugged.detector = lambda options: ByColour()  # type: ignore[attr-defined]
    plugged.slides = lambda options: Slides()  # type: ignore[attr-defined]
    settings = ["proposals.source=others:detector", "flow.source=others:slides"]
    (method,) = resolve_methods(["premvos-merge"], settings)
    assert check_method(method).findings == ()


def test_tvl1_needs_neither_files_nor_weights() -> None:
    (variant,) = resolve_methods(["premvos-merge@tvl1"])
    method = PLUGIN.build(BuildOptions(variant.parameters))
    assert isinstance(method, StreamingMerge)
    clip = probe_clips()[0]
    session = method.start(
        ClipInfo(clip.name, *clip.size, clip.object_ids), clip.frames[0], clip.truth[0]
    )
    answer = session.step(clip.frames[1])
    assert set(np.unique(answer.labels)) == {0, 1}
    assert answer.aux["taken"] == {1: "carried"}


def test_a_stream_follows_objects_and_takes_in_late_ones(plugged: ModuleType) -> None:
    plugged.detector = lambda options: ByColour()  # type: ignore[attr-defined]
    plugged.slides = lambda options: Slides()  # type: ignore[attr-defined]
    method = build(proposals__source="others:detector", flow__source="others:slides")
    assert isinstance(method, StreamingMerge)
    assert not isinstance(method, MergeOfFiles)
    clip = next(one for one in probe_clips() if one.late)
    session = method.start(
        ClipInfo(clip.name, *clip.size, clip.object_ids), clip.frames[0], clip.truth[0]
    )
    for t in range(1, len(clip.frames)):
        late = clip.late.get(t, ())
        new = np.where(np.isin(clip.truth[t], late), clip.truth[t], 0).astype(np.uint8)
        answer = session.step(clip.frames[t], new if late else None)
        assert_array_equal(answer.labels, clip.truth[t])
    assert set(answer.aux["taken"]) == set(answer.aux["final_score"]) == {1, 2}
    assert "not PReMVOS" in method.notes[0]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "files.proposals names no folder"),
        ({"files__proposals": "/no/such"}, "files.proposals: /no/such is no folder"),
        ({"proposals__source": "sam"}, "proposals.source is 'sam'; expected one of files, none"),
        ({"proposals__source": "no.such:thing"}, "cannot be imported"),
        ({"proposals__source": "others:slides"}, r"made a Slides without propose\(\)"),
        ({"proposals__source": "none", "flow__source": "pwcnet"}, "PWC-Net has no weights"),
        ({"proposals__source": "transformers"}, "proposals.model names no folder"),
        ({"reid__reach": 0.0}, "reid.reach is 0.0; expected"),
        ({"weight__reid": -1.0}, "none may be below 0"),
        ({"proposals__most": 2.5}, "proposals.most is 2.5; expected int"),
        ({"proposals__beast": 2}, "no parameter 'proposals.beast'"),
    ],
)
def test_what_cannot_be_built_says_why(
    plugged: ModuleType, settings: dict[str, Any], told: str
) -> None:
    plugged.slides = lambda options: Slides()  # type: ignore[attr-defined]
    with pytest.raises(VosbenchError, match=told):
        build(**settings)


def test_weights_that_nothing_uses_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no back end in use is PWC-Net"):
        build(weights=tmp_path, proposals__source="none", flow__source="tvl1")


def test_masks_borrow_the_embedding_of_the_proposal_that_overlaps_most() -> None:
    def square(left: int) -> Mask:
        mask = np.zeros((10, 20), bool)
        mask[2:8, left : left + 6] = True
        return mask

    ones, twos = np.ones(128), np.full(128, 2.0)
    proposals = [
        Proposal(tight_box(square(2)), 0.9, square(2), "1", ones),
        Proposal(tight_box(square(3)), 0.9, square(3), "1", twos),
        Proposal(tight_box(square(13)), 0.9, square(13), "1", None),
    ]
    frame = FrameView("clip", "00000", (10, 20), lambda: np.zeros((10, 20, 3), np.uint8))
    masks = (square(3), square(1), square(7), square(13), np.zeros((10, 20), bool))
    regions = [Region(tight_box(one), one) for one in masks]
    found = BorrowedEmbeddings(0.5).embed(frame, regions, proposals)
    assert [None if one is None else one[0] for one in found] == [2.0, 1.0, None, None, None]
    assert BorrowedEmbeddings().embed(frame, regions[:1], []) == [None]


def test_tvl1_says_where_pixels_go() -> None:
    random = np.random.default_rng(0)
    coarse = random.integers(0, 255, (12, 16), np.uint8)
    image = np.array(Image.fromarray(coarse).resize((128, 96), Image.Resampling.BICUBIC))
    moved = np.roll(image, (2, 3), axis=(0, 1))
    views = [
        FrameView("clip", str(t), (96, 128), lambda grey=grey: np.stack([grey] * 3, 2))  # type: ignore[misc]
        for t, grey in enumerate((image, moved))
    ]
    flow = TVL1Flow().flow(*views)
    assert flow is not None
    assert np.median(flow[16:-16, 16:-16], axis=(0, 1)) == pytest.approx([3, 2], abs=0.2)


@pytest.fixture
def official_run(tmp_path: Path, make_davis: Any) -> Iterator[Path]:
    root: Path = make_davis({"one": 3}, objects=2)
    yield root


def test_a_run_from_the_command_line(vosbench: Any, official_run: Path, tmp_path: Path) -> None:
    size = (48, 64)
    for t in range(3):
        (tmp_path / "p" / "one").mkdir(parents=True, exist_ok=True)
        (tmp_path / "f" / "one").mkdir(parents=True, exist_ok=True)
        truth = np.array(Image.open(official_run / "Annotations" / "480p" / "one" / f"{t:05d}.png"))
        found = [Proposal(tight_box(truth == one), 0.9, truth == one, "0.9") for one in (1, 2)]
        write_proposals(tmp_path / "p" / "one" / f"{t:05d}.json", found)
        write_flow(tmp_path / "f" / "one" / f"{t:05d}.flo", np.full((*size, 2), (2, 0), np.float32))
    command = ["run", "--method", "premvos-merge@precomputed-proposals"]
    command += ["--dataset", "davis2017", "--data", str(official_run), "--out", "runs", "--json"]
    done = vosbench(*command, "--set", f"files.proposals={tmp_path / 'p'}", "--set", "files.flow=f")
    record = json.loads(next((tmp_path / "runs").rglob("run.json")).read_text())
    assert record["status"] == "complete"
    assert "borrows" in record["method"]["weights_note"]
    assert any("not PReMVOS" in note for note in record["method"]["notes"])
    assert done.code == 0
