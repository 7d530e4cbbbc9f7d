"""The run directory: atomic files, records, tables."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from vosbench.errors import InputError
from vosbench.store import atomic as atomic_module
from vosbench.store import read_record, read_run, read_table, write_record, write_table
from vosbench.store.atomic import write_bytes, write_json
from vosbench.store.schema import SCHEMA_VERSION, SequenceRecord, Summary


def record() -> SequenceRecord:
    return SequenceRecord(
        sequence="bear",
        status="complete",
        frames=3,
        object_ids=[1, 2],
        height=48,
        width=64,
        run_key="k",
        masks_sha256={"00000": "a"},
    )


def test_records_come_back_as_written(tmp_path: Path) -> None:
    write_record(tmp_path / "r.json", record())
    assert read_record(tmp_path / "r.json", SequenceRecord) == record()


def test_undefined_figures_are_null_never_a_number(tmp_path: Path) -> None:
    empty = Summary.model_validate(dict.fromkeys(["J&F-Mean", "J-Mean", "J-Recall", "J-Decay",
                                                  "F-Mean", "F-Recall", "F-Decay"]))  # fmt: skip
    write_record(tmp_path / "s.json", empty)
    assert json.loads((tmp_path / "s.json").read_text())["J&F-Mean"] is None
    with pytest.raises(ValueError, match="nan"):
        write_json(tmp_path / "n.json", {"x": float("nan")})
    assert not (tmp_path / "n.json").exists()


def test_interrupted_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "file"
    write_bytes(target, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic_module.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_bytes(target, b"new")
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_written_files_obey_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write_bytes(tmp_path / "file", b"x")
    finally:
        os.umask(old)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "cannot be read"),
        ('{"schema_version": 99}', f"up to {SCHEMA_VERSION}"),
        ('{"sequence": "bear"}', "no SequenceRecord"),
        ("[]", "no SequenceRecord"),
    ],
)
def test_damaged_records_are_input_errors(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        read_record(path, SequenceRecord)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)


def test_missing_record_says_that_it_is_no_run(tmp_path: Path) -> None:
    for wanted in ("is empty", "it has no run.json"):
        with pytest.raises(InputError, match=wanted) as caught:
            read_run(tmp_path)
        assert "runs/<dataset>/<method>/<id>" in caught.value.hint
        (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match="no complete run"):
        read_record(tmp_path / "sequence.json", SequenceRecord)
    with pytest.raises(InputError, match="does not exist"):
        read_run(tmp_path / "nowhere")


def test_tables_are_the_same_bytes_for_the_same_rows(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": ["x", "y"], "b": [1.5, np.nan], "c": [1, 2]})
    write_table(tmp_path / "one.parquet", table)
    write_table(tmp_path / "two.parquet", table.copy())
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    pd.testing.assert_frame_equal(read_table(tmp_path / "one.parquet"), table)


def test_damaged_table_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1 nonsense")
    with pytest.raises(InputError, match=r"t\.parquet"):
        read_table(tmp_path / "t.parquet")
    with pytest.raises(InputError, match="missing"):
        read_table(tmp_path / "none.parquet")
