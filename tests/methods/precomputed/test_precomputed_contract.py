"""Masks on disk keep the contract that every method has to keep."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from vosbench_methods.precomputed import PLUGIN

from vosbench.checks import check_method
from vosbench.checks.clips import probe_clips
from vosbench.data.masks import encode_labels
from vosbench.plugins import ResolvedMethod, resolve_methods
from vosbench.types import BuildOptions, ClipMethod, Method, MethodPlugin


def precomputed(folder: Path) -> ResolvedMethod:
    """The method with masks named, which `check method` has no option for."""
    (resolved,) = resolve_methods(["precomputed:truth"])

    def build(options: BuildOptions) -> Method | ClipMethod:
        return PLUGIN.build(replace(options, masks=folder))

    found = replace(resolved.found, plugin=MethodPlugin(card=PLUGIN.card, build=build))
    return replace(resolved, found=found)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The truth of the clips that are drawn for the check."""
    for clip in probe_clips():
        for index, labels in enumerate(clip.truth):
            mask = tmp_path / "masks" / clip.name / f"{index:05d}.png"
            mask.parent.mkdir(parents=True, exist_ok=True)
            mask.write_bytes(encode_labels(labels))
    return tmp_path / "masks"


def test_masks_on_disk_keep_the_contract(folder: Path) -> None:
    assert check_method(precomputed(folder)).findings == ()


def test_masks_with_foreign_ids_do_not(folder: Path) -> None:
    mask = folder / "one-object" / "00003.png"
    mask.write_bytes(encode_labels(probe_clips()[0].truth[3] * 9))
    (error,) = check_method(precomputed(folder)).errors
    assert (error.code, error.sequence) == ("labels-ids", "one-object")
    assert "9" in error.detail
