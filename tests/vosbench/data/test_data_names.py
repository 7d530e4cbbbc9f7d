from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosbench.data.names import checked_name, close_names, is_safe_name, natural_key, shortened
from vosbench.errors import InputError


@pytest.mark.parametrize("name", ["bear", "bmx-trees", "00000", "a.b+c", "_x", "A" * 128])
def test_usual_names_are_let_through(name: str) -> None:
    assert checked_name(name, kind="sequence", where="here") == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../up", "a/b", "a\\b", "/abs", "-rf", ".hidden", "a b", "a\n", "ä", "A" * 129]
    + ["a\0b", "C:"],
)
def test_other_names_are_refused_with_place_and_remedy(name: str) -> None:
    with pytest.raises(InputError, match="here: sequence name") as caught:
        checked_name(name, kind="sequence", where="here")
    assert "rename" in caught.value.hint


@given(st.text(max_size=20))
def test_a_safe_name_is_one_plain_path_part(name: str) -> None:
    if is_safe_name(name):
        assert "/" not in name
        assert "\\" not in name
        assert not name.startswith((".", "-"))
        assert name.isascii()


def test_numbers_in_names_sort_by_value() -> None:
    names = ["f10", "f9", "f1", "10", "9", "f9b", "f09"]
    expected = ["9", "10", "f1", "f09", "f9", "f9b", "f10"]
    assert sorted(names, key=natural_key) == expected


@given(st.lists(st.text(max_size=12), max_size=12))
def test_natural_order_is_total(names: list[str]) -> None:
    keys = [natural_key(name) for name in names]
    assert len(set(keys)) == len(set(names))
    assert sorted(names, key=natural_key) == sorted(reversed(names), key=natural_key)


def test_close_names_are_offered_and_long_lists_cut() -> None:
    assert "camel" in close_names("camle", ["bear", "camel"])
    assert close_names("zzz", ["bear", "camel"]) == ""
    assert shortened("abcdefghij", most=3) == "a, b, c, and 7 more"
    assert shortened([]) == "nothing"
