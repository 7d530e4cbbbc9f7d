"""`vosbench check method` over every installed method that can be built from what is here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from vosbench.checks import check_method
from vosbench.errors import VosbenchError
from vosbench.plugins import BrokenMethod, find_methods, resolve_methods
from vosbench.types import BuildOptions, MethodPlugin

torch = pytest.importorskip("torch")

FOUND = find_methods()
SMALLER = {"dmvos": ("input.height=96", "input.width=160")}
"""Settings that make a network work at the size of the drawn clips."""


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny clips gain nothing from threads, and lose much where other tests run too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def first_reference(name: str) -> str:
    """The method, or its first variant where it has nothing but oracles to show."""
    (method,) = [one for one in FOUND if one.name == name and not isinstance(one, BrokenMethod)]
    variants = method.card.variants
    oracles_only = bool(variants) and all(variant.oracle for variant in variants.values())
    return f"{name}@{next(iter(variants))}" if oracles_only else name


def test_no_installed_method_is_broken() -> None:
    broken = {one.name: one.reason for one in FOUND if isinstance(one, BrokenMethod)}
    assert broken == {}


@pytest.mark.parametrize("name", [one.name for one in FOUND])
def test_the_method_keeps_its_contract(name: str) -> None:
    (resolved,) = resolve_methods([first_reference(name)], SMALLER.get(name, ()))
    assert isinstance(resolved.found.plugin, MethodPlugin)
    precisions = resolved.found.card.capabilities.precisions
    precision = "fp32" if "fp32" in precisions else precisions[0]
    options = BuildOptions(resolved.parameters, precision=precision, oracle=resolved.oracle)
    try:
        built = resolved.found.plugin.build(options)
    except VosbenchError as error:
        pytest.skip(f"{name} cannot be built from what is here: {error}")
    if getattr(built, "untrained", False):
        pytest.skip(f"{name} has no trained weights here; its own tests look at its answers")
    del built
    report = check_method(resolved, precision=precision)
    assert [(f.code, f.sequence, f.frame, f.detail) for f in report.errors] == []
