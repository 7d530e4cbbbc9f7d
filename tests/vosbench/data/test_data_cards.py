from __future__ import annotations

from pathlib import Path

import pytest

from vosbench.data import list_cards, load_card
from vosbench.errors import InputError, UsageError

GOOD = """
name = "mine"
title = "My data"
protocol = "davis2017"
label_kind = "ids"
default_split = "val"
[layout]
images = ["JPEGImages/{sequence}"]
annotations = ["Annotations/{sequence}"]
[splits.val]
image_sets = ["val.txt"]
"""


def written(folder: Path, text: str, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_shipped_cards_load_and_say_all_that_a_user_needs() -> None:
    cards = list_cards()
    names = [card.name for card in cards]
    assert names == sorted(names)
    assert {"davis2016", "davis2017", "folder", "diagnostic"} <= set(names)
    for card in cards:
        assert card.source is not None
        assert card.source.stem == card.name
        assert card.how_to_get
        assert card.licence
        assert load_card(card.name) == card


@pytest.mark.parametrize(
    ("name", "split", "sequences", "frames"),
    [
        ("davis2016", "train", 30, 2079),
        ("davis2016", "val", 20, 1376),
        ("davis2016-1080p", "val", 20, 1376),
        ("davis2017", "train", 60, 4209),
        ("davis2017", "val", 30, 1999),
        ("davis2017-fullres", "test-dev", 30, 2086),
    ],
)
def test_complete_splits_are_known(name: str, split: str, sequences: int, frames: int) -> None:
    _, part = load_card(name).split(split)
    assert (part.sequences, part.frames) == (sequences, frames)


def test_a_card_of_ones_own_is_read_from_its_path(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    card = load_card(path)
    assert card.name == "mine"
    assert card.lineage == ("mine",)
    assert load_card(str(path)) == card


def test_an_extending_card_states_only_the_differences(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
extends = "davis2017"
name = "mine"
title = "Mine"
[splits.val]
image_sets = ["mine.txt"]
""",
    )
    card, base = load_card(path), load_card("davis2017")
    assert card.lineage == ("mine", "davis2017")
    assert card.layout == base.layout
    assert card.splits["val"].image_sets == ("mine.txt",)
    assert card.splits["val"].frames == base.splits["val"].frames
    assert card.splits["train"] == base.splits["train"]


def test_extends_finds_a_card_beside_the_file(tmp_path: Path) -> None:
    written(tmp_path, GOOD, "base.toml")
    path = written(tmp_path, 'extends = "base.toml"\nname = "top"\ntitle = "Top"')
    assert load_card(path).lineage == ("top", "mine")


def test_a_name_is_not_inherited(tmp_path: Path) -> None:
    path = written(tmp_path, 'extends = "davis2017"\ntitle = "no name"')
    with pytest.raises(InputError, match="name: is missing"):
        load_card(path)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (('label_kind = "ids"', 'label_kind = "colour"'), "label_kind"),
        (
            ('title = "My data"', 'titel = "My data"'),
            "titel: there is no such key (did you mean 't",
        ),
        (
            ('["val.txt"]', '["val.txt"]\nframe = 3'),
            "splits.val.frame: there is no such key (did you",
        ),
        (('name = "mine"', 'name = "../mine"'), "name: string should match"),
        (("[splits.val]", "[splits.test]"), "default_split is 'val'"),
        (('["val.txt"]', '["../val.txt"]'), "splits.val.image_sets"),
        (('["val.txt"]', '["/etc/val.txt"]'), "splits.val.image_sets"),
        (('["JPEGImages/{sequence}"]', '["JPEGImages"]'), "layout.images"),
        (('["JPEGImages/{sequence}"]', '["../x/{sequence}"]'), "layout.images"),
        (('["JPEGImages/{sequence}"]', '["{root}/{sequence}"]'), "layout.images"),
        (('["val.txt"]', '["val.txt"]\nframes = 0'), "splits.val.frames"),
        (('["val.txt"]', '["val.txt"]\nparts = ["train"]'), "splits.val.parts"),
        (("[layout]", 'lineage = ["x"]\n[layout]'), "filled in by vosbench"),
        (("[layout]", "[layout"), "not valid TOML"),
        (("[layout]", "extends = 3\n[layout]"), "extends"),
        (("[layout]", 'extends = "davis20177"\n[layout]'), "extends: no data set"),
        (("[layout]", 'extends = "mine.toml"\n[layout]'), "circle"),
    ],
)
def test_a_bad_card_names_file_and_key(
    tmp_path: Path, change: tuple[str, str], complaint: str
) -> None:
    path = written(tmp_path, GOOD.replace(*change))
    with pytest.raises(InputError) as caught:
        load_card(path)
    assert str(path) in str(caught.value)
    assert complaint in str(caught.value)


def test_the_cards_in_the_documentation_are_right(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs/datasets.md").read_text(encoding="utf-8")
    examples = [part.split("```")[0] for part in text.split("```toml\n")[1:]]
    cards = [load_card(written(tmp_path, part)) for part in examples if "title =" in part]
    assert [card.lineage for card in cards] == [("mine",), ("davis2017-hard", "davis2017")]


def test_a_missing_card_file_is_unusable_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_card(tmp_path / "none.toml")


def test_a_card_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "card.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not valid TOML"):
        load_card(path)


def test_an_unknown_name_is_a_usage_error_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match="did you mean 'davis2017'"):
        load_card("davis-2017")


def test_an_unknown_split_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="it has: train, val, test-dev"):
        load_card("davis2017").split("test")
