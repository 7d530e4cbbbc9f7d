"""`vosbench.load_run`: tidy tables with documented columns, and clear words for what is no run."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vosbench
from tests.conftest import REPOSITORY
from vosbench.errors import InputError
from vosbench.report import COLUMNS
from vosbench.report.text import METRICS
from vosbench.store.schema import FRAME_COLUMNS, TRACE_COLUMNS, FailureRecord

KINDS = ("frames", "objects", "sequences", "trace")


def test_tables_have_the_documented_columns_and_types(make_run: Any, clip: Any) -> None:
    run = vosbench.load_run(make_run([clip("bear", {1: [1, 0.5, 1], 2: [1, 0.25, 1]})]))
    for kind in KINDS:
        table = getattr(run, kind)
        assert {name: str(table[name].dtype) for name in table} == {
            name: column.dtype for name, column in COLUMNS[kind].items()
        }
        assert list(table.columns) == list(COLUMNS[kind])
        assert list(table.index) == list(range(len(table)))
    assert tuple(COLUMNS["frames"]) == FRAME_COLUMNS
    assert tuple(COLUMNS["trace"]) == TRACE_COLUMNS
    assert {metric.field for metric in METRICS} <= set(COLUMNS["objects"])
    assert [len(getattr(run, kind)) for kind in KINDS] == [6, 2, 1, 12]
    counted = run.frames[run.frames.evaluated]
    assert counted.groupby("object_id").J.mean().to_dict() == {1: 0.5, 2: 0.25}
    assert run.objects.j_mean.tolist() == [0.5, 0.25]
    assert run.sequences.j_mean.tolist() == [0.375]
    assert run.trace[run.trace.stage == "step"].ms.mean() == 20.0


def test_failed_and_unscored_sequences_keep_their_row(make_run: Any, clip: Any) -> None:
    broken = clip("dog", {1: [1, 1, 1]}, failure=FailureRecord(kind="Boom", message="it broke"))
    never = clip("cat", {1: [1, 1, 1]}, recorded=False, scored=False)
    run = vosbench.load_run(make_run([clip("bear", {1: [1, 1, 1]}), broken, never]))
    rows = run.sequences.set_index("sequence")
    assert rows.status.to_dict() == {"bear": "complete", "dog": "failed", "cat": "not run"}
    assert rows.failure.to_dict() == {"bear": "", "dog": "Boom", "cat": ""}
    assert rows.unscored.to_dict() == {"bear": "", "dog": "no masks", "cat": "no masks"}
    assert np.isnan(rows.jf_mean["dog"])
    assert rows.frames.isna().to_dict() == {"bear": False, "dog": False, "cat": True}


def test_a_run_without_scores_has_empty_tables(make_run: Any, clip: Any) -> None:
    run = vosbench.load_run(
        make_run([clip("bear", {1: [1, 1, 1]})], with_scores=False, with_trace=False)
    )
    assert run.scores is None
    assert [len(getattr(run, kind)) for kind in KINDS] == [0, 0, 1, 0]
    assert list(run.frames.columns) == list(COLUMNS["frames"])
    assert run.sequences.unscored.tolist() == ["the run was not scored"]


def test_every_column_is_in_the_documentation() -> None:
    text = (REPOSITORY / "docs" / "reports.md").read_text(encoding="utf-8")
    missing = [name for kind in KINDS for name in COLUMNS[kind] if f"`{name}`" not in text]
    assert missing == []


def test_what_is_no_run_is_named_with_what_to_do(make_run: Any, clip: Any, tmp_path: Path) -> None:
    run = make_run([clip("bear", {1: [1, 1, 1]})])
    masks = tmp_path / "my masks" / "bear"
    masks.mkdir(parents=True)
    (masks / "00000.png").write_bytes(b"")
    zipped = tmp_path / "masks.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("bear/00000.png", b"")
    (tmp_path / "empty").mkdir()
    make = "vosbench run --method precomputed --masks"
    for path, words, hint in (
        (masks.parent, "folder of masks", f"{make} '{masks.parent}' --name NAME"),
        (zipped, "archive", f"{make} {zipped} --name NAME"),
        (tmp_path / "nowhere", "does not exist", "runs/"),
        (tmp_path / "empty", "no run.json", "vosbench run"),
        (run.parent, "folder of runs", str(run)),
        (run / "run.json", "not its directory", str(run)),
    ):
        with pytest.raises(InputError, match=words) as caught:
            vosbench.load_run(path)
        assert hint in caught.value.hint


def test_a_damaged_table_is_an_error(make_run: Any, clip: Any) -> None:
    run = make_run([clip("bear", {1: [1, 1, 1]})])
    (run / "frames.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="frames.parquet"):
        vosbench.load_run(str(run))


def test_importing_vosbench_imports_nothing_heavy() -> None:
    heavy = "{'pandas', 'numpy', 'torch', 'matplotlib', 'pydantic'}"
    code = f"import sys, vosbench; vosbench.load_run; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
