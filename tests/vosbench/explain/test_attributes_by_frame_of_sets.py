"""J on frames with and without an attribute: what it is, how sure, and where it is left."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from tests.conftest import MakeDavis
from vosbench.data import open_dataset
from vosbench.diagnose import TERMS
from vosbench.diagnose.frame_figures import FrameFigures
from vosbench.explain import DIAGNOSIS_COLUMNS, Attributes, diagnose_path, render_diagnosis
from vosbench.explain.attribute_frames import ATTRIBUTE_COLUMNS, attribute_frames
from vosbench.explain.attributes import (
    RULES,
    ExaminedAttributes,
    attributes_record,
    examine_attributes,
)
from vosbench.explain.records import AttributeFramesRecord, LossRecord
from vosbench.metrics import get_protocol
from vosbench.store import read_table, write_table


def low_resolution(
    clips: dict[str, list[tuple[float, float | None]]],
) -> AttributeFramesRecord:
    """The record of LR of clips with one object, each frame a J and a figure or None."""
    findings, examined = [], {}
    for name, frames in clips.items():
        region = np.array([j for j, _ in frames])
        terms = np.zeros((len(frames), len(TERMS)))
        terms[:, TERMS.index("missed")] = 1 - region
        figures = np.array([np.nan if value is None else value for _, value in frames])
        one = SimpleNamespace(
            object_id=1,
            frames=len(frames) - 1,
            # the first frame is given
            evaluated=np.arange(len(frames)) > 0,
            region=region,
            terms=terms,
        )
        findings.append(SimpleNamespace(sequence=name, objects=[one]))
        absent = tuple("absent" if value is None else "" for _, value in frames)
        nothing = np.full(len(frames), np.nan)
        names = {rule.figure for rule in RULES}
        of = FrameFigures(
            {**dict.fromkeys(names, nothing), "LR": figures}, dict.fromkeys(names, absent)
        )
        examined[name] = ExaminedAttributes({1: {}}, {1: of})
    return attribute_frames(cast(Any, findings), examined)["LR"]


GIVEN = (1.0, 0.05)


def test_j_on_frames_with_and_without_by_hand() -> None:
    found = low_resolution(
        {
            "a": [GIVEN, (0.2, 0.05), (0.4, 0.05), (0.8, 0.3), (0.0, None)],
            "b": [GIVEN, (0.6, 0.09), (1.0, 0.1), (0.8, 0.3)],
            "c": [GIVEN, (0.9, 0.5)],
        }
    )
    assert (found.frames_with, found.frames_without, found.undefined) == (3, 4, {"absent": 1})
    assert (found.objects_with, found.sequences_with, found.sequences_without) == (2, 2, 3)
    assert found.mean_with is not None
    assert found.mean_without is not None
    assert found.mean_with.mean == pytest.approx(0.4)
    assert found.mean_without.mean == pytest.approx(0.875)
    assert found.terms_with is not None
    assert found.terms_with["missed"] == pytest.approx(0.6)
    assert found.difference == pytest.approx(-0.475)
    # without a, b and c in turn: -0.3, -0.55, -0.4 + 2.6 / 3 less; t of one degree of freedom
    left_out = np.array([0.6 - 0.9, 0.3 - 0.85, 0.4 - 2.6 / 3])
    reach = 12.706204736 * np.sqrt(2 / 3 * ((left_out + 0.475) ** 2).sum())
    assert found.low == pytest.approx(-0.475 - reach)
    assert found.high == pytest.approx(-0.475 + reach)
    # only a and b have both: 0.3 - 0.8 and 0.6 - 0.9
    assert found.objects_both == 2
    assert found.within == pytest.approx(-0.4)
    assert found.within_low is not None
    assert found.within_low < -0.4


def test_one_sequence_with_it_gives_no_interval() -> None:
    found = low_resolution({"a": [GIVEN, (0.2, 0.05)], "b": [GIVEN, (0.6, 0.3)]})
    assert found.difference == pytest.approx(-0.4)
    assert (found.low, found.high, found.within, found.objects_both) == (None, None, None, 0)
    none = low_resolution({"a": [GIVEN, (0.2, 0.5)]})
    assert (none.difference, none.mean_with, none.terms_with) == (None, None, None)
    same = low_resolution({k: [GIVEN, (0.5, 0.05), (0.9, 0.3)] for k in "abc"})
    assert same.difference == pytest.approx(-0.4)
    assert (same.low, same.within_low) == (None, None)


def test_the_table_says_of_each_frame_what_the_record_sums_up(
    make_davis: MakeDavis, tmp_path: Path
) -> None:
    data = make_davis({"alpha": 14, "beta": 8, "gamma": 12})
    for path in (data / "Annotations" / "480p").rglob("*.png"):
        # there and back in a frame, from the sixth on
        shift = 24 * (int(path.stem) % 2) if int(path.stem) > 5 else 0
        Image.fromarray(np.roll(np.array(Image.open(path)), shift, axis=1)).save(path)
    masks = tmp_path / "masks"
    shutil.copytree(data / "Annotations" / "480p", masks)
    for path in masks.rglob("*.png"):
        labels = np.array(Image.open(path))
        labels[:, int(path.stem) + 12 :] = 0
        Image.fromarray(labels).save(path)
    words = {"dataset": "davis2017", "data": data}
    assert tuple(diagnose_path(masks, **words).frames.columns) == DIAGNOSIS_COLUMNS
    diagnosis = diagnose_path(masks, attributes=Attributes(), **words)
    write_table(tmp_path / "table.parquet", diagnosis.frames)
    table = read_table(tmp_path / "table.parquet")
    assert tuple(table.columns) == DIAGNOSIS_COLUMNS + ATTRIBUTE_COLUMNS
    record = diagnosis.record.attributes
    assert record is not None
    both = 0
    for one in record.attributes:
        found, column = one.frames, table[f"attr_{one.attribute}"]
        assert found is not None
        has, lacks = column.eq(True), column.eq(False)
        assert (found.frames_with, found.frames_without) == (has.sum(), lacks.sum())
        assert sum(found.undefined.values()) == column.isna().sum()
        rule = next(rule for rule in RULES if rule.name == one.attribute)
        why = table["attr_undefined"].str.contains(rf"\b{rule.figure}:", regex=True)
        assert (why == column.isna()).all()
        for mean, terms, rows in (
            (found.mean_with, found.terms_with, table[has]),
            (found.mean_without, found.terms_without, table[lacks]),
        ):
            if mean is None or terms is None:
                assert rows.empty
                continue
            assert mean.mean == pytest.approx(rows["J"].mean())
            assert sum(terms.values()) == pytest.approx(1 - mean.mean)
        both += found.difference is not None
    assert both, "some attribute must be on some frames only, or nothing was tested"
    shown = render_diagnosis(diagnosis.record)
    assert "Object-frames with and without" in shown
    assert "nobody has tagged frames" in shown


def test_objects_that_come_later_have_attributes_too(make_davis: MakeDavis, tmp_path: Path) -> None:
    data = make_davis({"alpha": 10})
    for path in sorted((data / "Annotations" / "480p" / "alpha").glob("*.png"))[:4]:
        labels = np.array(Image.open(path))
        Image.fromarray(np.where(labels == 2, 0, labels).astype(np.uint8)).save(path)
    masks = tmp_path / "masks"
    shutil.copytree(data / "Annotations" / "480p", masks)
    table = diagnose_path(
        masks, dataset="davis2017", data=data, protocol="late-objects", attributes=Attributes()
    ).frames
    assert set(table["object_id"]) == {1, 2}
    assert table["attr_LR"].notna().all()


@pytest.mark.parametrize(
    ("name", "split", "expected"),
    [
        ("surf", "train", "SV SV-length FM OV HO"),
        ("drift-straight", "val", "SV SV-length FM OV OCC AC CS HO"),
        ("drift-turn", "train", "SV SV-length FM OV OCC AC HO"),
        ("bmx-trees", "val", "LR SV SV-length OCC SC DEF ROT HO"),
    ],
)
def test_tags_of_real_sequences_are_those_that_the_kappas_were_measured_with(
    shared: Path, name: str, split: str, expected: str
) -> None:
    root = shared / "data" / "DAVIS2016"
    (clip,) = open_dataset("davis2016", split=split, root=root, sequences=name).sequences
    examined = examine_attributes(clip, get_protocol("davis2016"))
    loss = LossRecord(j_mean=1.0, loss=0.0, terms=dict.fromkeys(TERMS, 0.0), dominant="")
    record = attributes_record({name: examined.figures}, {name: loss})
    assert record.sequences[name] == expected.split()
    (frames,) = examined.frames.values()
    # of a sequence that is tagged so on any frame, and on no frame of one that is not
    for tag in ("OV", "OCC"):
        assert (tag in expected.split()) == bool(np.nansum(frames.values[tag]))
