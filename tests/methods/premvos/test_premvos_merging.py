"""The merging stage against the authors' code: four videos, two pairs of stand-in networks."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from vosbench_methods.premvos.formats import Proposal, decode_segmentation, read_proposals
from vosbench_methods.premvos.merging import (
    Candidate,
    Carried,
    Flow,
    Mask,
    MaskWarp,
    Merger,
    Selection,
    Track,
    choose,
    overlaps,
    score,
    tight_box,
    without_overlap,
)

from vosbench.errors import InputError

VIDEOS = ("solo", "duo", "trio", "gaps")
SUB_SCORES = ("objectness", "reid", "inverse_reid", "propagation", "inverse_propagation")
TOLERANCE = 1e-9


def mask_of(content: Any) -> Mask:
    return decode_segmentation(content, size=None, where="golden")


def proposals_of(path: Path, size: tuple[int, int]) -> list[Proposal]:
    """As the official code reads them: what cannot be read holds no proposals."""
    try:
        return read_proposals(path, size=size)
    except InputError:
        return []


def candidate_of(proposal: Proposal) -> Candidate:
    assert proposal.mask is not None
    return Candidate(proposal.mask, proposal.score, proposal.embedding)


def flows_of(folder: Path, info: Any) -> dict[int, Flow]:
    with np.load(folder / "flow.npz") as archive:
        flows = archive["numerator"].astype(np.float32) / np.float32(archive["divisor"])
    absent = info["frames_without_flow_file"]
    return {t: flow for t, flow in enumerate(flows) if t not in absent}


@pytest.mark.parametrize("video", VIDEOS)
def test_every_number_of_every_frame_is_that_of_the_official_code(
    golden: Path, video: str, variant: str, stand_ins: Any
) -> None:
    inputs, expected = golden / "merge" / video / "inputs", golden / "merge" / video / "expected"
    info = json.loads((inputs / "video.json").read_text())
    height, width = info["size"]
    annotation = np.array(Image.open(inputs / "annotation_00000.png"))
    trace = json.loads((expected / variant / "trace.json").read_text())["frames"]
    lines = (expected / variant / "labels_sha256.txt").read_text().splitlines()
    digests = dict(line.split()[::2] for line in lines)
    flows = flows_of(inputs, info)
    merger = Merger(height, width)
    masks = [annotation == one for one in info["ids"]]
    merger.add(info["ids"], masks, stand_ins.embed(masks, [tight_box(one) for one in masks]))

    for t, told in enumerate(trace):
        check_state(merger, told)
        found = proposals_of(inputs / "proposals" / f"{t:05d}.json", (height, width))
        selection = merger.select([candidate_of(one) for one in found])
        check_selection(selection, told)
        labels = np.array(Image.open(expected / variant / f"{t:05d}.png"))
        assert_array_equal(selection.labels, labels)
        assert hashlib.sha256(selection.labels.tobytes()).hexdigest() == digests[f"{t:05d}"]
        assert (t in flows) == ("warped" in told)
        if t in flows:
            carried = merger.advance(flows[t], refine=stand_ins.refine, embed=stand_ins.embed)
            check_carried(carried, told)
        else:
            merger.hold()
    assert len(trace) == info["frames"]


def check_state(merger: Merger, told: Any) -> None:
    for ours, theirs in (
        (merger.tracks, told["template"]),
        (merger.carried, told["carried"]),
    ):
        for one, other in zip(ours, theirs, strict=True):
            assert_array_equal(one.mask, mask_of(other["segmentation"]))
            assert one.score == pytest.approx(other["score"], abs=TOLERANCE)
            assert one.embedding is not None
            assert_allclose(one.embedding[:4], other["embedding_head"], rtol=0, atol=TOLERANCE)


def check_selection(selection: Selection, told: Any) -> None:
    close = {"rtol": 0, "atol": TOLERANCE}
    assert selection.object_ids == tuple(told["ids"])
    assert selection.weighted.shape[1] == told["candidates"]
    for name in SUB_SCORES:
        assert_allclose(getattr(selection.sub_scores, name), told["sub_scores"][name], **close)
    assert_allclose(selection.weighted, told["weighted"], **close)
    both = selection.sub_scores.objectness + selection.sub_scores.reid
    assert_allclose(both, told["objectness_plus_reid"], **close)
    assert list(selection.choice.candidates) == told["chosen"]
    assert_allclose(selection.choice.scores, told["final_score"], **close)
    assert_allclose(selection.object_scores, told["object_score"], **close)
    for mask, segmentation in zip(selection.masks, told["final_segmentation"], strict=True):
        assert_array_equal(mask, mask_of(segmentation))
    assert [list(tight_box(mask)) for mask in selection.masks] == told["final_bbox"]
    best = np.sort(selection.weighted, axis=1)[:, ::-1]
    if best.shape[1] > 1:
        assert_allclose(best[:, 0] - best[:, 1], told["lead_over_second"], **close)


def check_carried(carried: tuple[Carried, ...], told: Any) -> None:
    for one, warped, refined in zip(
        carried, told["warped"], told["refined_segmentation"], strict=True
    ):
        assert_array_equal(one.warped, mask_of(warped["segmentation"]))
        assert list(one.box) == warped["bbox"]
        assert one.score == pytest.approx(warped["score"], abs=TOLERANCE)
        assert_array_equal(one.refined, mask_of(refined))


def test_warps_are_those_of_the_official_code(golden: Path, units: Any) -> None:
    with np.load(golden / "units" / "warp.npz") as archive:
        for case in units("warp")["cases"]:
            mask, numerator, divisor, warped = (
                archive[f"{case['name']}__{part}"]
                for part in ("mask", "numerator", "divisor", "warped")
            )
            flow = numerator.astype(np.float32) / np.float32(divisor)
            assert_array_equal(MaskWarp(flow)(mask != 0), warped != 0, case["name"])


def test_sub_scores_are_those_of_the_official_code(units: Any) -> None:
    for case in units("scores")["cases"]:
        candidates = [
            Candidate(mask_of(one["segmentation"]), one["score"], embedding_of(one))
            for one in case["candidates"]
        ]
        tracks = [
            Track(at, mask_of(one["segmentation"]), one["score"], embedding_of(one))
            for at, one in enumerate(case["tracks"], start=1)
        ]
        found = score(tracks, candidates)
        for name in SUB_SCORES:
            assert_allclose(getattr(found, name), case[name], rtol=0, atol=TOLERANCE)
        assert_allclose(found.weighted(), case["weighted"], rtol=0, atol=TOLERANCE)


def embedding_of(content: Any) -> np.ndarray | None:
    if "embedding" not in content:
        return None
    dense = np.zeros(128)
    for place, value in content["embedding"].items():
        dense[int(place)] = value
    return dense


def test_choices_are_those_of_the_official_code(units: Any) -> None:
    for case in units("selection")["cases"]:
        choice = choose(np.array(case["weighted"], float))
        assert list(choice.candidates) == case["chosen"], case["name"]
        assert list(choice.scores) == case["final_score"], case["name"]


def test_overlaps_go_to_whom_the_official_code_gives_them(units: Any) -> None:
    for case in units("overlap")["cases"]:
        found = without_overlap([mask_of(one) for one in case["masks"]], case["scores"])
        for mask, expected in zip(found, case["result"], strict=True):
            assert_array_equal(mask, mask_of(expected), case["name"])
        assert [list(tight_box(mask)) for mask in found] == case["result_bbox"], case["name"]


def test_overlap_measure_is_that_of_the_official_code(golden: Path, units: Any) -> None:
    told = units("rle")
    with np.load(golden / "units" / "rle_masks.npz") as archive:
        masks = [archive[name] != 0 for name in told["iou_names"]]
    assert_allclose(overlaps(masks, masks), told["iou"], rtol=0, atol=1e-12)


@given(st.integers(0, 2**32 - 1))
def test_warp_equals_a_literal_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    height, width = (int(value) for value in random.integers(1, 9, 2))
    mask = random.random((height, width)) < 0.5
    flow = (random.integers(-300, 300, (height, width, 2)) / 64).astype(np.float32)
    assert_array_equal(MaskWarp(flow)(mask), literal_warp(mask, flow))


def literal_warp(mask: Mask, flow: Flow) -> Mask:
    height, width = mask.shape
    result = np.zeros_like(mask)
    for y in range(height):
        for x in range(width):
            across = round((x - float(flow[y, x, 0])) * 32)
            down = round((y - float(flow[y, x, 1])) * 32)
            weight = 0
            for row in (down // 32, down // 32 + 1):
                for column in (across // 32, across // 32 + 1):
                    if 0 <= row < height and 0 <= column < width and mask[row, column]:
                        weight += (32 - abs(32 * row - down)) * (32 - abs(32 * column - across))
            result[y, x] = 2 * weight >= 32 * 32
    return result


def test_a_flow_that_points_far_outside_leaves_nothing() -> None:
    flow = np.full((4, 5, 2), 3e38, np.float32)
    assert not MaskWarp(flow)(np.ones((4, 5), bool)).any()


def test_an_object_that_starts_later_joins_the_others() -> None:
    merger = Merger(6, 8)
    first = np.zeros((6, 8), bool)
    first[1:3, 1:3] = True
    merger.add([1], [first], [None])
    merger.select([])
    still = np.zeros((6, 8, 2), np.float32)

    def unknown(masks: Any, boxes: Any) -> list[None]:
        return [None] * len(masks)

    merger.advance(still, refine=lambda mask, box: mask, embed=unknown)
    second = np.zeros((6, 8), bool)
    second[3:5, 4:7] = True
    merger.add([7], [second], [None])
    labels = merger.select([]).labels
    assert_array_equal(labels == 1, first)
    assert_array_equal(labels == 7, second)
    with pytest.raises(ValueError, match="object 7"):
        merger.add([7], [second], [None])


def test_order_of_calls_is_held() -> None:
    merger = Merger(4, 4)
    flow = np.zeros((4, 4, 2), np.float32)
    with pytest.raises(ValueError, match="select"):
        merger.advance(flow, refine=lambda mask, box: mask, embed=lambda masks, boxes: [])
