from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from vosbench.data import config_path, find_root, load_card
from vosbench.errors import InputError


def configure(text: str) -> None:
    config_path().parent.mkdir(parents=True)
    config_path().write_text(text, encoding="utf-8")


def test_the_folder_given_comes_first(
    davis2016: Any, tree_at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tree_at("other").add("dog")
    monkeypatch.setenv("VOSBENCH_DATA_DAVIS2016", str(davis2016.root))
    assert find_root(load_card("davis2016"), other.root) == other.root


def test_a_parent_of_the_usual_folder_name_serves_too(davis2016: Any) -> None:
    assert find_root(load_card("davis2016"), davis2016.root.parent) == davis2016.root


def test_a_given_folder_that_does_not_fit_ends_the_search(
    davis2016: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOSBENCH_DATA_DAVIS2016", str(davis2016.root))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="is empty"):
        find_root(load_card("davis2016"), empty)


def test_the_own_variable_beats_the_common_one(
    davis2016: Any, tree_at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tree_at("own").add("dog")
    monkeypatch.setenv("VOSBENCH_DATA_DAVIS2016", str(own.root))
    monkeypatch.setenv("VOSBENCH_DATA", str(davis2016.root.parent))
    assert find_root(load_card("davis2016")) == own.root


@pytest.mark.parametrize("folder", ["DAVIS2016", "davis2016", "DAVIS/2016", "."])
def test_the_common_variable_may_hold_several_data_sets(
    tree_at: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    tree = tree_at(f"all/{folder}").add("dog")
    monkeypatch.setenv("VOSBENCH_DATA", str(tmp_path / "all"))
    assert find_root(load_card("davis2016")) == tree.root


def test_a_place_with_the_splits_list_is_preferred(
    tree_at: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree_at("all/DAVIS2016").add("dog")
    listed = tree_at("all/DAVIS").add("dog").list_of("480p/val.txt", "dog")
    monkeypatch.setenv("VOSBENCH_DATA", str(tmp_path / "all"))
    assert find_root(load_card("davis2016"), split="val") == listed.root


def test_the_configuration_file_comes_last(davis2016: Any) -> None:
    configure(f'[data]\ndavis2016 = "{davis2016.root}"\n')
    assert find_root(load_card("davis2016")) == davis2016.root


def test_a_card_that_extends_another_uses_the_others_folder(
    tree_at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = tree_at("both", "1080p").add("dog")
    monkeypatch.setenv("VOSBENCH_DATA_DAVIS2016", str(tree.root))
    assert find_root(load_card("davis2016-1080p")) == tree.root


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("[data", "not valid TOML"), ("data = 3", "must be a table"), ("[data]\ndavis2016=3", "path")],
)
def test_a_bad_configuration_file_is_named(text: str, complaint: str) -> None:
    configure(text)
    with pytest.raises(InputError, match=complaint) as caught:
        find_root(load_card("davis2016"))
    assert str(config_path()) in str(caught.value)


def test_not_found_says_what_where_and_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "all" / "DAVIS").mkdir(parents=True)
    (tmp_path / "all" / "DAVIS" / "readme.txt").touch()
    monkeypatch.setenv("VOSBENCH_DATA", str(tmp_path / "all"))
    configure(f'[data]\ndavis2016 = "{tmp_path / "gone"}"\n')
    with pytest.raises(InputError) as caught:
        find_root(load_card("davis2016"))
    text = str(caught.value)
    assert caught.value.exit_code == 4
    assert "JPEGImages/480p and Annotations/480p" in text
    assert f"{tmp_path / 'all' / 'DAVIS'} (VOSBENCH_DATA): holds readme.txt" in text
    assert f"{tmp_path / 'gone'} ([data] in {config_path()}): does not exist" in text
    assert "davischallenge.org" in caught.value.hint
    assert "CC BY-NC" in caught.value.hint


def test_nothing_known_names_the_variables() -> None:
    with pytest.raises(InputError, match="VOSBENCH_DATA_DAVIS2016_1080P, VOSBENCH_DATA_DAVIS2016,"):
        find_root(load_card("davis2016-1080p"))


def test_scoring_alone_needs_no_image_folder(tree_at: Any) -> None:
    tree = tree_at()
    tree.save_mask(tree.masks("dog") / "00000.png", tree.mask_of(1))
    card = load_card("davis2016")
    assert find_root(card, tree.root, need_images=False) == tree.root
    with pytest.raises(InputError, match="JPEGImages/480p"):
        find_root(card, tree.root)


def test_a_relative_root_becomes_absolute(davis2016: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(davis2016.root.parent)
    found = find_root(load_card("davis2016"), Path("DAVIS2016"))
    assert found == davis2016.root
    assert os.path.isabs(found)  # noqa: PTH117 - the question is about the path's text
