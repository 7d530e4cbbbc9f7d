"""This project's own baselines: readable, and held by what is checked in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from vosbench.gate import read_baseline, read_policy
from vosbench.pytest_plugin import VosbenchGate

FOLDER = REPOSITORY / "reports" / "baselines"
FILES = sorted(FOLDER.glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_own_baselines_can_be_held_to(path: Path) -> None:
    record = read_baseline(path)
    policy = read_policy(FOLDER / "policy.toml")
    assert (record.dataset, record.protocol) == (policy.data.dataset, policy.data.protocol)
    assert all(one.masks for one in record.sequences.values())
    assert all(one.terms for one in record.objects.values())
    assert "/" not in record.reference
    assert path.stat().st_size < 100_000


def test_the_harness_keeps_its_figures(tmp_path: Path) -> None:
    """The method that repeats its first mask has no arithmetic of its own: any machine agrees."""
    gate = VosbenchGate()
    root = gate.run("baseline-first-mask", precision="fp32", out=tmp_path)
    record = gate(
        root,
        baseline=FOLDER / "first-mask-diagnostic-tiny.json",
        policy=FOLDER / "policy.toml",
    )
    assert record.verdict == "pass"
