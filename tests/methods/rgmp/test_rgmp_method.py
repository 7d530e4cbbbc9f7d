"""RGMP as the harness builds it: card, weights, precision, and the harness' own check."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from vosbench_methods.rgmp import PLUGIN, method
from vosbench_methods.rgmp.network import RGMPNet
from vosbench_methods.rgmp.parameters import NAMES, Parameters

from vosbench.checks import check_method
from vosbench.errors import InputError, UsageError
from vosbench.method_card import load_method_card
from vosbench.plugins import resolve_methods
from vosbench.types import BuildOptions, ClipInfo

CARD = load_method_card(PLUGIN.card)


def build(weights: Path | None, **options: Any) -> method.RGMPMethod:
    return method.build(BuildOptions(**({"parameters": {}, "weights": weights} | options)))


def answers(built: method.RGMPMethod) -> np.ndarray:
    random = np.random.default_rng(0)
    frames = random.integers(0, 256, (3, 40, 60, 3), dtype=np.uint8)
    labels = np.zeros((40, 60), np.uint8)
    labels[5:20, 5:30], labels[20:35, 30:55] = 1, 2
    session = built.start(ClipInfo("c", 40, 60, (1, 2)), frames[0], labels)
    return np.stack([session.step(frame).soft for frame in frames[1:]])


def test_card_and_code_name_the_same_parameters() -> None:
    assert CARD.parameters.keys() == NAMES.keys()
    assert Parameters.parse(CARD.parameters) == Parameters()
    for name, value in CARD.parameters.items():
        assert type(value) is type(getattr(Parameters(), NAMES[name]))


def test_variants_say_by_what_rule_they_work() -> None:
    assert {"single-scale", "no-previous-mask"} <= CARD.variants.keys()
    assert all(variant.rule for variant in CARD.variants.values())
    assert [n for n, v in CARD.variants.items() if v.oracle] == ["oracle-previous-mask"]


def test_the_card_says_whose_weights_and_under_which_terms() -> None:
    (entry,) = CARD.weights
    assert "non-commercial" in entry.licence
    assert "github.com/seoungwugoh/RGMP" in entry.source
    assert "non-commercial" in CARD.method.licence


def test_published_numbers_are_the_collected_ones(shared: Path) -> None:
    rows = json.loads((shared / "reference/published.json").read_text())["methods"]["rgmp"]["rows"]
    known = {row["dataset"]: row for row in rows}
    for row in CARD.published:
        assert row.source
        collected = known[f"{row.dataset}_{row.split.replace('-', '')}"]
        for name, value in row.values.items():
            assert collected[name] == value, name
    assert {row.split for row in CARD.published} == {"val", "test-dev"}


def test_listing_imports_no_torch() -> None:
    code = "import sys, vosbench_methods.rgmp; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_network_has_the_official_tensors_and_no_other(shared: Path) -> None:
    path = shared / "reference/state_dicts/rgmp_state_dict_shapes.json"
    official = {key: tuple(shape) for key, shape in json.loads(path.read_text()).items()}
    counters = {key for key in official if key.endswith("num_batches_tracked")}
    with torch.device("meta"):
        own = {key: tuple(value.shape) for key, value in RGMPNet().state_dict().items()}
    assert len(counters) == 53
    assert own == {key: shape for key, shape in official.items() if key not in counters}


def test_without_weights_it_says_where_they_are_and_how_to_name_them() -> None:
    with pytest.raises(InputError, match="needs the weights of its authors") as caught:
        build(None)
    assert "github.com/seoungwugoh/RGMP" in caught.value.hint
    assert "--weights" in caught.value.hint
    assert "non-commercial" in str(caught.value)


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("variant", [None, "no-union-pass", "oracle-previous-mask"])
def test_the_harness_own_check_passes(narrow_weights: Path, variant: str | None) -> None:
    (resolved,) = resolve_methods([f"rgmp@{variant}" if variant else "rgmp"])
    report = check_method(resolved, weights=narrow_weights, precision="fp32")
    assert not report.findings


@pytest.mark.usefixtures("narrow")
def test_counters_of_newer_files_and_bare_names_are_accepted(
    narrow_weights: Path, tmp_path: Path
) -> None:
    state = torch.load(narrow_weights, weights_only=True)
    newer = {key.removeprefix("module."): value for key, value in state.items()}
    newer["Encoder.bn1.num_batches_tracked"] = torch.zeros((), dtype=torch.int64)
    path = tmp_path / "newer.pth"
    torch.save(newer, path)
    np.testing.assert_array_equal(answers(build(path)), answers(build(narrow_weights)))
    assert build(path).weights_path == path
    assert "newer.pth" in build(path).weights_note


@pytest.mark.usefixtures("narrow")
def test_any_other_difference_is_refused(narrow_weights: Path, tmp_path: Path) -> None:
    state = torch.load(narrow_weights, weights_only=True)
    del state["module.Encoder.conv1_p.bias"]
    state["module.Decoder.pred1.weight"] = torch.zeros(2)
    state["module.Encoder.mean"] = torch.zeros(3)
    path = tmp_path / "broken.pth"
    torch.save(state, path)
    with pytest.raises(InputError, match=re.escape(str(path))) as caught:
        build(path)
    for name in ("Encoder.conv1_p.bias", "Decoder.pred1.weight", "Encoder.mean"):
        assert name in str(caught.value)
    with pytest.raises(InputError, match="does not exist"):
        build(tmp_path / "gone.pth")


def test_a_file_of_another_network_is_refused(narrow_weights: Path) -> None:
    with pytest.raises(InputError, match="does not fit the network"):
        build(narrow_weights)


def test_parameters_that_cannot_be_used(narrow_weights: Path) -> None:
    for name, value, message in (
        ("scale", "1", "no parameter 'scale'"),
        ("scales", "", "expected numbers with commas"),
        ("scales", "1;2", "expected numbers with commas"),
        ("scales", "0.5,nan", "expected 0.1 to 4.0"),
        ("scales", "1,1.0", "one scale twice"),
        ("scales", ",".join(f"0.{n}" for n in range(1, 10)), "has 9 numbers"),
        ("previous_mask.mode", "blurred", "expected one of soft, hard, none"),
        ("merge.background", "max", "expected one of union, product"),
        ("batch.objects", -1, "expected 0 to 254"),
        ("reference.enabled", 1, "expected bool"),
        ("oracle.previous-mask", True, "only variants see"),
    ):
        with pytest.raises(UsageError, match=message):
            build(narrow_weights, parameters={name: value})
    with pytest.raises(UsageError, match="no precision 'int8'"):
        build(narrow_weights, precision="int8")


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precisions_stay_near(narrow_weights: Path, precision: str) -> None:
    exact = answers(build(narrow_weights))
    coarse = answers(build(narrow_weights, precision=precision))
    assert coarse.dtype == np.float32
    assert 0 < np.abs(exact[0] - coarse[0]).mean() < 0.03


@pytest.mark.usefixtures("narrow")
def test_scales_are_averaged(narrow_weights: Path) -> None:
    one, two, both = (
        answers(build(narrow_weights, parameters={"scales": text}))[0]
        for text in ("0.5", "1", "0.5, 1")
    )
    np.testing.assert_allclose(both, (one + two) / 2, atol=1e-6)


@pytest.mark.gpu
@pytest.mark.usefixtures("narrow")
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_same_masks_on_a_gpu(narrow_weights: Path) -> None:
    here, there = build(narrow_weights), build(narrow_weights, device="cuda:0")
    np.testing.assert_allclose(answers(there), answers(here), atol=1e-2)
