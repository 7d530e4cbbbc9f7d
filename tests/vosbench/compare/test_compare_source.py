"""Reading runs from disk, and finding those of an ablation."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.vosbench.compare.made_runs import make_run, random_scores, shifted, write_run
from vosbench.compare import compare_runs, find_ablation, is_ablation, load_run_scores
from vosbench.errors import ComparisonError, InputError, UsageError
from vosbench.store import write_table

BASE = random_scores(0, sequences=4)
VARIANT = shifted(BASE, 0.02, 0.01)


def test_a_run_comes_back_from_its_directory(tmp_path: Path) -> None:
    made = make_run(BASE, masks="x", failed={"gone": "Crash"})
    read = load_run_scores(write_run(tmp_path / "run", made))
    assert (read.run, read.scores, read.sequences) == (made.run, made.scores, made.sequences)
    assert read.frames == made.frames
    other = make_run(VARIANT, variant="b")
    assert (
        compare_runs(read, [other]).candidates[0].tests
        == compare_runs(made, [other]).candidates[0].tests
    )


def test_an_unscored_run_says_how_to_score_it(tmp_path: Path) -> None:
    root = write_run(tmp_path / "run", make_run(BASE))
    (root / "scores.json").unlink()
    with pytest.raises(InputError, match="has not been scored") as caught:
        load_run_scores(root)
    assert caught.value.hint == f"vosbench score {root}"


def test_damage_is_named(tmp_path: Path) -> None:
    root = write_run(tmp_path / "run", make_run(BASE))
    with pytest.raises(InputError, match="no run directory but a folder of runs"):
        load_run_scores(tmp_path)
    write_table(root / "frames.parquet", pd.DataFrame({"sequence": ["a"]}))
    with pytest.raises(InputError, match="no column object_id"):
        load_run_scores(root)
    (root / "frames.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="no readable Parquet"):
        load_run_scores(root)
    (root / "frames.parquet").unlink()
    assert load_run_scores(root).frames is None
    (root / "sequences" / "record-0.json").write_text("{")
    with pytest.raises(InputError, match=r"record-0\.json"):
        load_run_scores(root)


def test_ablation_takes_the_newest_scored_run_of_each_variant(tmp_path: Path) -> None:
    data = tmp_path / "tiny"
    base = write_run(data / "toy" / "1", make_run(BASE))
    old = write_run(data / "toy@b" / "old", make_run(VARIANT, variant="b", created="2020-01-01"))
    new = write_run(data / "toy@b" / "new", make_run(VARIANT, variant="b", created="2021-01-01"))
    bare = write_run(data / "toy@c" / "1", make_run(VARIANT, variant="c"))
    (bare / "scores.json").unlink()
    for folder in (tmp_path, data):
        found = find_ablation(folder)
        assert (found.base, found.variants) == (base, (new,))
        assert any(str(old) in line and "newer" in line for line in found.notes)
        assert any(str(bare) in line and "not been scored" in line for line in found.notes)


def test_ablation_does_not_guess(tmp_path: Path) -> None:
    with pytest.raises(ComparisonError, match="no runs"):
        find_ablation(tmp_path)
    write_run(tmp_path / "tiny" / "toy@b" / "1", make_run(VARIANT, variant="b"))
    with pytest.raises(ComparisonError, match="base variant"):
        find_ablation(tmp_path)
    write_run(tmp_path / "tiny" / "other" / "1", make_run(BASE, method="other"))
    with pytest.raises(UsageError, match="several methods: other, toy"):
        find_ablation(tmp_path)
    with pytest.raises(ComparisonError, match="nothing to compare"):
        find_ablation(tmp_path, method="other")
    write_run(tmp_path / "tiny-2" / "toy" / "1", make_run(BASE, dataset="tiny-2"))
    with pytest.raises(UsageError, match="several data sets"):
        find_ablation(tmp_path, method="toy")


def test_an_ablation_is_different_variants_with_their_base() -> None:
    base, b, c = (make_run(BASE, variant=v).run for v in (None, "b", "c"))
    other = make_run(BASE, method="other", variant="b").run
    assert is_ablation([base, b, c])
    assert is_ablation([b, base])
    assert not is_ablation([b, c])
    assert not is_ablation([base, b, b])
    assert not is_ablation([base, other])
