"""`vosbench diagnose` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import MakeDavis, RunVosbench
from vosbench.diagnose import TERMS
from vosbench.explain import DIAGNOSIS_COLUMNS, DiagnosisRecord
from vosbench.store import read_record, read_scores, read_table


def test_two_runs_are_diagnosed_and_held_against_each_other(
    vosbench: RunVosbench, make_davis: MakeDavis, tmp_path: Path
) -> None:
    data = make_davis({"alpha": 12, "beta": 9})
    words = ("run", "--method", "tp-follow@*", "--dataset", "davis2017", "--data", data, "--json")
    runs = {run["method"]: Path(run["run"]) for run in vosbench(*words).json["runs"]}
    base, still = (tmp_path / runs[name] for name in ("tp-follow", "tp-follow@still"))

    answer = vosbench("diagnose", base, "--json").json
    record = read_record(base / "diagnosis.json", DiagnosisRecord)
    assert record.model_dump(mode="json") == answer
    mean = read_scores(base).overall.j_mean
    assert mean is not None
    assert sum(record.terms.values()) == pytest.approx(1 - mean, abs=1e-12)
    table = read_table(base / "diagnosis.parquet")
    assert tuple(table.columns) == DIAGNOSIS_COLUMNS
    assert len(table) == sum(one.evaluated_frames for one in record.objects)
    assert list(record.terms) == list(TERMS)

    shown = vosbench("diagnose", base)
    assert "What J loses" in shown.out
    assert "alpha" in shown.out
    assert "--store-soft" not in shown.out, "this method has none to store"
    assert Path(shown.out.splitlines()[-1]) == base / "diagnosis.json"

    text = vosbench("diagnose", base, still).out
    assert "tp-follow@still loses" in text
    assert "against tp-follow:" in text
    assert "warning: 2 sequences in common: with fewer than 10, intervals are rough" in text
    difference = vosbench("diagnose", base, still, "--json").json
    assert difference["loss"]["difference"] > 0
    total = sum(group["difference"] for group in difference["groups"])
    assert total == pytest.approx(difference["loss"]["difference"], abs=1e-12)

    # a part, or other rules, leave the stored diagnosis alone
    before = (base / "diagnosis.json").read_bytes()
    assert "diagnosis.json" not in vosbench("diagnose", base, "--sequences", "beta").out
    vosbench("diagnose", base, "--protocol", "vots")
    assert (base / "diagnosis.json").read_bytes() == before

    (still / "sequences" / "beta.json").unlink()
    unfinished = vosbench("diagnose", still, check=3)
    assert "beta: the run has not come to it" in unfinished.err
    assert list(read_record(still / "diagnosis.json", DiagnosisRecord).sequences) == ["alpha"]

    mask = next((base / "masks" / "alpha").glob("*.png"))
    mask.write_bytes(mask.read_bytes() + b" ")
    refused = vosbench("diagnose", base, check=4)
    assert "is not the mask that the run wrote" in refused.err


def test_loose_masks_need_a_data_set(
    vosbench: RunVosbench, make_davis: MakeDavis, tmp_path: Path
) -> None:
    data = make_davis({"alpha": 6, "beta": 6})
    masks = data / "Annotations" / "480p"
    assert "--dataset" in vosbench("diagnose", masks, check=2).err
    words = ("diagnose", masks, "--dataset", "davis2017", "--data", data)
    assert json.loads(vosbench(*words, "--json").out)["loss"] == 0
    assert not list(tmp_path.rglob("diagnosis*"))
    partial = tmp_path / "partial" / "alpha"
    partial.mkdir(parents=True)
    for path in (masks / "alpha").iterdir():
        (partial / path.name).write_bytes(path.read_bytes())
    words = ("diagnose", partial.parent, "--dataset", "davis2017", "--data", data)
    result = vosbench(*words, check=3)
    assert "there are no masks of sequence beta" in result.err
    assert "alpha" in result.out
