"""One reference may name several methods."""

from __future__ import annotations

import pytest

from vosbench.errors import UsageError
from vosbench.plugins import find_methods, resolve_methods


def test_a_pattern_stands_for_the_methods_that_match() -> None:
    expected = [one.name for one in find_methods() if one.name.startswith("baseline-")]
    assert [one.reference for one in resolve_methods(["baseline-*"])] == expected
    assert len(expected) > 1
    both = resolve_methods(["dmvos", "baseline-first-mas?"])
    assert [one.reference for one in both] == ["dmvos", "baseline-first-mask"]
    assert [one.reference for one in resolve_methods(["dm*@no-crop"])] == ["dmvos@no-crop"]


def test_a_pattern_that_matches_nothing_or_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="matches no method; installed: .*dmvos"):
        resolve_methods(["planet-*"])
    with pytest.raises(UsageError, match="asked for twice: baseline-first-mask"):
        resolve_methods(["baseline-*", "baseline-first-mask"])
