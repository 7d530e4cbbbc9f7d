"""What a diagnosis says of faults that were made on purpose, and of hidden objects it knows of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from vosbench.data import Dataset, open_dataset
from vosbench.data.diagnostic import read_truth
from vosbench.data.masks import read_labels
from vosbench.diagnose import measure_shapes, occluded_frames
from vosbench.explain import examine_sequence
from vosbench.explain.faults import FAULTS, Fault, source_of
from vosbench.metrics import get_protocol
from vosbench.types import Sequence as Clip

Labels = NDArray[np.uint8]
KNOWN_MISSES = {
    # on the frames where the object is gone, a blob is nothing but a hallucination
    ("stray blob", "full-occlusion"): "hallucinated",
}


@dataclass(frozen=True)
class Made:
    clip: Clip
    truth: list[Labels]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOSBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def dataset(cache: None) -> Dataset:
    return open_dataset("diagnostic-tiny", need_images=False)


@pytest.fixture(scope="module")
def clips(dataset: Dataset) -> list[Made]:
    return [
        Made(clip, [read_labels(f.annotation, "ids") for f in clip.frames if f.annotation])
        for clip in dataset.sequences
    ]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_intended_cause_is_named(fault: Fault, clips: list[Made]) -> None:
    found = {}
    for made in clips:
        gone = any(not (labels == 1).any() for labels in made.truth[1:-1])
        if len(made.clip.object_ids) < fault.objects or (fault.absence and not gone):
            continue
        source = source_of(made.clip, fault.make(made.truth, 1))
        findings = examine_sequence(source, made.clip, get_protocol("davis2017"))
        found[made.clip.name] = findings.objects[0].cause
        for one in findings.objects:
            loss = 1 - one.region[one.evaluated]
            assert np.abs(one.terms[one.evaluated].sum(axis=1) - loss).max() <= 1e-12
        kinds = {event.kind for event in findings.identity}
        assert fault.name not in ("swap", "merge") or fault.name in kinds
    assert found
    expected = {name: KNOWN_MISSES.get((fault.name, name), fault.cause) for name in found}
    assert found == expected


def test_true_masks_have_no_cause_and_confuse_nothing(clips: list[Made]) -> None:
    for made in clips:
        source = source_of(made.clip, made.truth)
        findings = examine_sequence(source, made.clip, get_protocol("davis2017"))
        assert findings.identity == ()
        assert {one.cause for one in findings.objects} == {"none"}
        assert all(one.failures == () for one in findings.objects)


def test_hidden_objects_are_found_from_visible_masks(dataset: Dataset, clips: list[Made]) -> None:
    """Against the amodal truth, for objects of which a quarter or more is hidden or cut off."""
    hits = {"occluded": np.zeros(3, int), "outside": np.zeros(3, int)}
    for made in clips:
        amodal = read_truth(dataset.root, made.clip.name)
        ids = made.clip.object_ids
        shapes = [measure_shapes(labels, ids) for labels in made.truth]
        for k in range(len(ids)):
            inside = amodal.in_frame[:, k]
            hidden = (inside > 0) & (amodal.visible[:, k] <= 0.75 * inside)
            cut = amodal.in_frame_share[:, k] <= 0.75
            found = occluded_frames([frame[k] for frame in shapes])
            for name, mine, true in zip(hits, found, (hidden, cut), strict=True):
                hits[name] += ((mine & true).sum(), (mine & ~true).sum(), (~mine & true).sum())
    right, wrong, missed = hits["occluded"]
    assert right + missed > 20
    assert right / (right + wrong) >= 0.95
    assert right / (right + missed) >= 0.85
    right, wrong, missed = hits["outside"]
    assert right + missed > 10
    assert (wrong, missed) == (0, 0)
