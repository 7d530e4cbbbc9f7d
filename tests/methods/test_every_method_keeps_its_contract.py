"""`vosbench check method` over every installed method."""

from __future__ import annotations

from pathlib import Path

import pytest

from vosbench.checks import check_method
from vosbench.plugins import BrokenMethod, find_methods, resolve_methods

FOUND = find_methods()
SMALLER = {"dmvos": ("input.height=96", "input.width=160")}
"""Settings that make a network work at the size of the drawn clips."""


ELSEWHERE = {
    "ranet": "ranet/test_ranet_method.py",
    "rgmp": "rgmp/test_rgmp_method.py",
    "premvos-merge": "premvos/test_premvos_method.py",
    "precomputed": "precomputed/test_precomputed_contract.py",
    "external": "external/test_external_program.py",
    "sam2": "sam2/test_sam2_method.py",
}
"""Tests that check what needs weights, files or a program, and so cannot be built by name alone."""


def first_reference(name: str) -> str:
    """The method, or its first variant where it has nothing but oracles to show."""
    (method,) = [one for one in FOUND if one.name == name and not isinstance(one, BrokenMethod)]
    variants = method.card.variants
    oracles_only = bool(variants) and all(variant.oracle for variant in variants.values())
    return f"{name}@{next(iter(variants))}" if oracles_only else name


def test_no_installed_method_is_broken() -> None:
    broken = {one.name: one.reason for one in FOUND if isinstance(one, BrokenMethod)}
    assert broken == {}


@pytest.mark.parametrize("name", sorted(ELSEWHERE))
def test_what_is_checked_elsewhere_is(name: str) -> None:
    assert name in [one.name for one in FOUND]
    assert "check_method(" in (Path(__file__).parent / ELSEWHERE[name]).read_text()


@pytest.mark.parametrize("name", sorted({one.name for one in FOUND} - ELSEWHERE.keys()))
def test_the_method_keeps_its_contract(name: str) -> None:
    (resolved,) = resolve_methods([first_reference(name)], SMALLER.get(name, ()))
    precisions = resolved.found.card.capabilities.precisions
    precision = "fp32" if "fp32" in precisions else precisions[0]
    report = check_method(resolved, precision=precision)
    assert "untrained" not in {finding.code for finding in report.findings}
    assert [(f.code, f.sequence, f.frame, f.detail) for f in report.errors] == []
