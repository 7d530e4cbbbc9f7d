"""The analysis card: what it measures, and what it says when a target is missed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vosbench.cli.app import app
from vosbench.diagnose import DEFAULTS
from vosbench.explain import AnalysisCard, render_card, rules_digest, self_test
from vosbench.explain import selftest as module
from vosbench.report.card import analysis_card
from vosbench.store import read_record


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> AnalysisCard:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOSBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        return self_test(
            sequences="occlusion-*,out-of-view-3,crossing-0,crossing-5,non-rigid-5,thin-parts-5"
        )


def test_targets_are_reached(card: AnalysisCard) -> None:
    assert {one.target: one.measured for one in card.targets if not one.reached} == {}
    assert card.clips == 8 + 17
    assert card.disturbed_controls == []
    assert card.control_causes == {"none": sum(card.control_causes.values())}


def test_faults_are_made_and_named(card: AnalysisCard) -> None:
    assert len(card.faults) == 11
    for one in card.faults:
        assert one.made == sum(one.named.values()) > 0
        assert len(one.otherwise) == one.made - one.named.get(one.intended, 0)
    assert {one.kind: one.share for one in card.identity} == {"swap": 1.0, "merge": 1.0}
    frames = {one.detector: one.frames for one in card.detectors}
    assert min(frames.values()) > 20


def test_the_card_in_words(card: AnalysisCard) -> None:
    text = render_card(card)
    assert "| occlusion |" in text
    assert "**no**" not in text
    missed = card.model_copy(
        update={"targets": [card.targets[0].model_copy(update={"reached": False})]}
    )
    assert "**no**" in render_card(missed)


def test_the_card_that_reports_show_is_of_these_rules() -> None:
    shown = analysis_card()
    assert shown.code_sha256 == rules_digest(), (
        "rules have changed: vosbench diagnose --self-test --out FOLDER, then copy "
        "FOLDER/analysis-card.json to reports/"
    )
    assert shown.thresholds == {n: float(getattr(DEFAULTS, n)) for n in DEFAULTS.__annotations__}
    assert all(one.reached for one in shown.targets)
    assert shown.clips == 98


def test_the_command_writes_the_card_and_fails_on_a_missed_target(
    card: AnalysisCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vosbench.explain.self_test", lambda progress: card)
    out = tmp_path / "card"
    done = CliRunner().invoke(app, ["diagnose", "--self-test", "--out", str(out), "--json"])
    assert done.exit_code == 0
    assert read_record(out / module.CARD_JSON, AnalysisCard) == card
    assert json.loads(done.stdout)["clips"] == card.clips
    assert (out / module.CARD_MARKDOWN).read_text().startswith("# Analysis card")
    bad = card.targets[0].model_copy(update={"reached": False})
    worse = card.model_copy(update={"targets": [bad]})
    monkeypatch.setattr("vosbench.explain.self_test", lambda progress: worse)
    done = CliRunner().invoke(app, ["diagnose", "--self-test", "--out", str(out)])
    assert done.exit_code == 1
    assert "missed" in done.stderr
    done = CliRunner().invoke(app, ["diagnose", "run", "--self-test"])
    assert done.exit_code == 2


def test_a_suite_is_made_and_diagnosed_by_dose(tmp_path: Path) -> None:
    suite = tmp_path / "suite"
    words = ["diagnose", "--make-suite", "tiny", "--out", str(suite)]
    done = CliRunner().invoke(app, [*words, "--sequences", "light-*"])
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(suite)
    masks = suite / "Annotations" / "480p"
    words = ["--dataset", "diagnostic-full-tiny", "--data", str(suite)]
    done = CliRunner().invoke(app, ["diagnose", str(masks), *words, "--json"])
    (dose,) = json.loads(done.stdout)["doses"]
    assert dose["factor"] == "light"
    assert [point["dose"] for point in dose["points"]] == [0.15, 0.3, 0.45, 0.6, 0.75]
    assert dose["control"] == 1
    assert dose["breaking_dose"] is None
    shown = CliRunner().invoke(app, ["diagnose", str(masks), *words]).stdout
    assert "Dose and response" in shown
    shown = CliRunner().invoke(app, ["diagnose", str(masks), *words, "--attributes"]).stdout
    assert "kappa train" in shown
    for wrong, said in (
        (["--make-suite", "tiny"], "--out"),
        (["--make-suite", "huge", "--out", str(suite)], "no suite"),
        (["--make-suite", "semi-real", "--out", str(suite)], "--dataset"),
        (["--make-suite", "tiny", "--out", str(suite), "--split", "all"], "no data set"),
        ([], "name a run directory"),
        ([str(masks), "--tags", "x.csv"], "--attributes"),
    ):
        done = CliRunner().invoke(app, ["diagnose", *wrong])
        assert done.exit_code == 2, wrong
        assert said in done.stderr
