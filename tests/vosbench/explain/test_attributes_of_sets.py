"""Attributes of a set of sequences, J with and without them, and the tags of people."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from vosbench.data import open_dataset
from vosbench.diagnose import TERMS
from vosbench.errors import InputError
from vosbench.explain.attributes import (
    RULES,
    attributes_record,
    examine_attributes,
    read_tags,
)
from vosbench.explain.records import LossRecord
from vosbench.explain.render_parts import render_attributes
from vosbench.metrics import get_protocol

NOTHING = {rule.figure: math.nan for rule in RULES}


def loss(region: float) -> LossRecord:
    terms = dict.fromkeys(TERMS, 0.0) | {"drift": 0.75 * (1 - region), "leak": 0.25 * (1 - region)}
    return LossRecord(j_mean=region, loss=1 - region, terms=terms, dominant="drift")


def test_j_with_and_without() -> None:
    figures = {
        "small": {1: {**NOTHING, "LR": 0.3, "FM": 0.0}, 2: {**NOTHING, "LR": 0.05, "FM": 0.0}},
        "large": {1: {**NOTHING, "LR": 0.5, "FM": 0.0}},
        "unknown": {1: NOTHING},
    }
    sequences = {"small": loss(0.6), "large": loss(0.9), "unknown": loss(0.1)}
    tags = {"small": frozenset({"LR"}), "large": frozenset({"LR", "SV"})}
    record = attributes_record(figures, sequences, tags=tags)
    assert record.sequences == {"small": ["LR"], "large": [], "unknown": []}
    by_name = {one.attribute: one for one in record.attributes}
    low = by_name["LR"]
    assert (low.sequences_with, low.sequences_without) == (1, 1)
    assert low.difference == pytest.approx(-0.3)
    assert low.terms_with is not None
    assert low.terms_without is not None
    # the three tenths that are lost more, by cause
    assert low.terms_with["drift"] - low.terms_without["drift"] == pytest.approx(0.225)
    assert sum(low.terms_with.values()) == pytest.approx(1 - 0.6)
    assert by_name["FM"].terms_with is None
    assert "identity" not in render_attributes(record, details=False)
    assert "drift -22.5" in render_attributes(record, details=False)
    assert low.tagged_here == 2
    assert low.kappa_here == 0
    assert by_name["FM"].sequences_without == 2
    assert by_name["FM"].j_with is None
    assert by_name["OCC"].kappa_here is None
    assert record.figures["unknown"]["1"]["LR"] is None


def test_tags_are_read_and_untagged_years_left_out(tmp_path: Path) -> None:
    path = tmp_path / "tags.csv"
    path.write_text("sequence,year,attributes\na,2016,DEF occ\nb,2016,\nc,2017,\n")
    assert read_tags(path) == {"a": frozenset({"DEF", "OCC"}), "b": frozenset()}
    path.write_text('sequence,attributes\na,"SV, LR"\nb,\n')
    assert read_tags(path) == {"a": frozenset({"SV", "LR"}), "b": frozenset()}
    path.write_text("name,attributes\na,DEF\n")
    with pytest.raises(InputError, match="no column sequence"):
        read_tags(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_tags(tmp_path / "missing.csv")


def test_people_agree_on_some_training_sequences(shared: Path) -> None:
    """The attributes with a definition, on sequences on which DAVIS's tags are clear."""
    root = shared / "data" / "DAVIS2016"
    tags = read_tags(shared / "data" / "davis_attributes.csv")
    names = "bus,surf"
    opened = open_dataset("davis2016", split="train", root=root, sequences=names, need_images=False)
    figures, sequences = {}, {}
    for clip in opened.sequences:
        figures[clip.name] = examine_attributes(clip, get_protocol("davis2016")).figures
        sequences[clip.name] = loss(0.5)
    record = attributes_record(figures, sequences, tags=tags)
    for attribute in ("LR", "SV-length", "OV"):
        for name, found in record.sequences.items():
            assert (attribute in found) == (attribute.split("-")[0] in tags[name]), (
                name,
                attribute,
            )
