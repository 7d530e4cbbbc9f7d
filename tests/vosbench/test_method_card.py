"""Method cards: what they accept, and how parameters resolve."""

from __future__ import annotations

from pathlib import Path

import pytest

from vosbench.errors import InputError, UsageError
from vosbench.method_card import MethodCard, load_method_card, parse_setting

CARD = """
[method]
name = "demo"
title = "Demo"

[parameters]
"crop.enabled" = true
"smoothing.momentum" = 0.5
"input.height" = 480
"merge.rule" = "argmax"

[variants.no-crop]
summary = "whole frame"
set = { "crop.enabled" = false }

[[published]]
dataset = "davis2016"
split = "val"
"J&F" = 87.8
source = "somewhere"
"""


@pytest.fixture
def card(tmp_path: Path) -> MethodCard:
    path = tmp_path / "method.toml"
    path.write_text(CARD)
    return load_method_card(path)


def test_variant_then_settings(card: MethodCard) -> None:
    parameters, asked = card.resolve("no-crop", ["smoothing.momentum=0.7"])
    assert parameters["crop.enabled"] is False
    assert parameters["smoothing.momentum"] == 0.7
    assert parameters["input.height"] == 480
    assert asked == {"smoothing.momentum": 0.7}


def test_a_setting_that_undoes_its_variant_is_refused(card: MethodCard) -> None:
    with pytest.raises(UsageError, match="demo@no-crop"):
        card.resolve("no-crop", ["crop.enabled=true"])


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("crop.enabled=off", False),
        ("crop.enabled=Yes", True),
        ("smoothing.momentum=1", 1.0),
        ("input.height= 240 ", 240),
        ("merge.rule=soft-aggregation", "soft-aggregation"),
    ],
)
def test_values_take_the_type_of_the_default(
    card: MethodCard, setting: str, value: bool | float | str
) -> None:
    _, parsed = parse_setting(setting, card.parameters, owner="demo")
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    "setting",
    [
        "crop.enabled=2",
        "input.height=4.5",
        "smoothing.momentum=nan",
        "smoothing.momentum=inf",
        "x=1",
        "=1",
        "input.height",
    ],
)
def test_wrong_settings_are_usage_errors(card: MethodCard, setting: str) -> None:
    with pytest.raises(UsageError):
        parse_setting(setting, card.parameters, owner="demo")


def test_unknown_variant_names_the_close_one(card: MethodCard) -> None:
    with pytest.raises(UsageError, match=r"did you mean 'no-crop'"):
        card.resolve("nocrop")


def test_published_figures_keep_their_unit(card: MethodCard) -> None:
    assert card.published[0].values == {"J&F": 87.8}
    assert not card.published[0].verified


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('name = "demo"', 'name = "../demo"', "method.name"),
        ('"crop.enabled" = false', '"crop.enable" = false', "unknown parameter 'crop.enable'"),
        ('"crop.enabled" = false', '"crop.enabled" = 1', "of another type"),
        (
            'title = "Demo"',
            'titel = "Demo"',
            "method.titel: there is no such key (did you mean 'title'",
        ),
        ('title = "Demo"', "", "method.title: is missing"),
        (
            'summary = "whole frame"',
            'sumary = "x"',
            "no-crop.sumary: there is no such key (did you",
        ),
        ('summary = "whole frame"', "summary = 3", "variants.no-crop.summary: input should be"),
        ("[[published]]", "[paramters]\n[[published]]", "(did you mean 'parameters'?)"),
        ("[parameters]", "[parameters", "not valid TOML"),
    ],
)
def test_bad_cards_name_file_and_key(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = tmp_path / "method.toml"
    path.write_text(CARD.replace(old, new))
    with pytest.raises(InputError) as caught:
        load_method_card(path)
    assert str(path) in str(caught.value)
    assert says in str(caught.value)
