"""Real clips with pasted objects: what is promised of them holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import MakeDavis
from vosbench.data import Dataset, open_dataset
from vosbench.data.diagnostic import read_dose, read_truth, write_semi_real
from vosbench.data.diagnostic.semireal import MadeClip, compose_clips
from vosbench.data.masks import read_labels
from vosbench.errors import InputError


def made_of(dataset: Dataset, frames: int) -> dict[str, MadeClip]:
    one, two = dataset.sequences[:2]
    return {made.name: made for made in compose_clips(one, two, frames=frames)}


def check(clips: dict[str, MadeClip], name: str, frames: int, size: tuple[int, int]) -> None:
    plain = clips[f"{name}-plain"]
    assert len(clips) == 16
    for made in clips.values():
        assert len(made.images) == len(made.labels) == frames
        truth = made.truth
        for t, labels in enumerate(made.labels):
            assert labels.shape == size
            for k in range(truth.area.shape[1]):
                visible = labels == k + 1
                assert visible.sum() == truth.visible[t, k]
                assert not (visible & ~truth.amodal[t, k]).any()
        # what is given on the first frame is whole
        assert (truth.visible[0] == truth.in_frame[0]).all(), made.name
    for level in range(1, 6):
        covered = clips[f"{name}-covered-{level}"]
        np.testing.assert_array_equal(covered.images[0], plain.images[0])
        hidden = 1 - covered.truth.visible[:, 0] / np.maximum(covered.truth.in_frame[:, 0], 1)
        assert hidden.max() == pytest.approx(0.2 * level, abs=0.15)
        assert covered.truth.roles[-1] == "occluder"
        met = clips[f"{name}-met-{level}"]
        assert met.truth.object_actors[-1] == len(met.truth.object_actors) - 1
        assert met.truth.visible[0, -1] >= 0.5 * met.truth.area[0, -1]
        doubles = clips[f"{name}-doubles-{level}"]
        for one, two in zip(doubles.labels, plain.labels, strict=True):
            np.testing.assert_array_equal(one, two)
        changed = [
            (a != b).any(axis=2).sum() for a, b in zip(doubles.images, plain.images, strict=True)
        ]
        assert min(changed) > 0
    peaks = [
        (1 - clips[f"{name}-met-{level}"].truth.visible[:, 0] / plain.truth.area[:, 0]).max()
        for level in (1, 5)
    ]
    assert peaks[1] > peaks[0]


def test_the_suite_of_made_clips(make_davis: MakeDavis, tmp_path: Path) -> None:
    data = make_davis({"alpha": 12, "beta": 7}, objects=1, size=(64, 96))
    opened = open_dataset("davis2017", split="val", root=data)
    check(made_of(opened, 12), "alpha", 12, (64, 96))

    folder = tmp_path / "suite"
    names = write_semi_real(folder, opened.sequences, frames=6)
    assert len(names) == 32
    again = open_dataset(folder / "card.toml", root=folder)
    assert again.warnings == ()
    assert [one.name for one in again.sequences] == names
    met = next(one for one in again.sequences if one.name == "alpha-met-3")
    assert met.object_ids == (1, 2)
    found = read_dose(folder, "alpha-met-3")
    assert found is not None
    assert (found[0], found[1].value, found[1].control) == ("met", 0.6, "alpha-plain")
    truth = read_truth(folder, "alpha-covered-5")
    labels = read_labels(folder / "Annotations/480p/alpha-covered-5/00003.png", "ids")
    assert (labels == 1).sum() == truth.visible[3, 0] < truth.in_frame[3, 0]
    with pytest.raises(InputError, match="is not empty"):
        write_semi_real(folder, opened.sequences)


def test_clips_that_cannot_be_used_are_named(make_davis: MakeDavis, tmp_path: Path) -> None:
    data = make_davis({"alpha": 5, "beta": 1})
    opened = open_dataset("davis2017", split="val", root=data)
    with pytest.raises(InputError, match="beta"):
        write_semi_real(tmp_path / "suite", opened.sequences)


def test_the_suite_of_real_clips(shared: Path) -> None:
    opened = open_dataset(
        "davis2016",
        split="train",
        root=shared / "data" / "DAVIS2016",
        sequences="bear,dog-agility",
    )
    check(made_of(opened, 6), "bear", 6, (480, 854))
