"""The official networks' own numbers, and deliberate mistakes that must miss them.

Stand-in weights, inputs and expected values come from the golden fixtures; every mistake of their
list is made here and compared at the entry that the list names as the first to fail.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from vosbench_methods.nn import l2_normalise, load_strictly
from vosbench_methods.ranet import blocks, ranking
from vosbench_methods.ranet import network as network_module
from vosbench_methods.ranet.method import runner_of
from vosbench_methods.ranet.network import RANet

from tests.methods.ranet.golden_ranet import GoldenRun

Patch = pytest.MonkeyPatch


@pytest.fixture(scope="module")
def golden(check_golden: ModuleType) -> Any:
    return check_golden.Golden("ranet")


@pytest.fixture(scope="module")
def case(check_golden: ModuleType) -> Iterator[GoldenRun]:
    """Both cases on the whole network, encoded and matched, not yet decoded."""
    with torch.device("meta"):
        net = RANet()
    weights = {k: torch.from_numpy(v) for k, v in check_golden.load_weights("ranet").items()}
    load_strictly(net, weights, source="golden weights")
    inputs = {
        key: torch.from_numpy(np.ascontiguousarray(value))
        for key, value in check_golden.load_inputs().items()
        if key.startswith("ranet/")
    }
    with torch.no_grad():
        yield GoldenRun(net.eval(), inputs)


def test_every_recorded_entry_is_met(golden: Any, case: GoldenRun) -> None:
    found = {**case.single(), **case.multi()}
    assert found.keys() == golden.entries.keys()
    assert golden.report(found, verbose=False) == []


def test_the_network_as_it_is_built_is_as_exact(golden: Any, case: GoldenRun) -> None:
    """Placed and called as a run does; the half types' memory order would miss this in float32."""
    runner = runner_of(case.net)
    mask = (case.inputs["ranet/s/template_mask"] >= 1.6).float()
    made = runner.template(case.inputs["ranet/template"], mask)
    assert golden.compare("s/kernel", made.kernel)[0]
    fast = case.inputs["ranet/template"].contiguous(memory_format=torch.channels_last)
    stem = case.net.base_model
    assert not golden.compare("t/c1", F.relu(stem.bn1(stem.conv1(fast))))[0]


def renormalised(x: Tensor, size: int) -> Tensor:
    return l2_normalise(F.avg_pool2d(x, size))


def resized_as(corners: bool) -> Callable[..., Tensor]:
    def resize(x: Tensor, size: tuple[int, int], **_: bool) -> Tensor:
        return F.interpolate(x, size=size, mode="bilinear", align_corners=corners)

    return resize


def single(case: GoldenRun) -> dict[str, Tensor]:
    return case.single(decode=False)


# Each mistake: name in the list, what is patched, what is then computed.


def wrong_sides(case: GoldenRun, patch: Patch) -> dict[str, Tensor]:
    patch.setattr(blocks, "resized", resized_as(False))
    return {"q/ls14": case.net.ls14(case.search.stages.layer3)}


def wrong_l5(case: GoldenRun, patch: Patch) -> dict[str, Tensor]:
    patch.setattr(network_module, "resized", resized_as(True))
    patch.setattr(case.net.base_model, "forward", lambda image: case.template.stages)
    return _reencoded(case)


def _reencoded(case: GoldenRun) -> dict[str, Tensor]:
    made: list[Tensor] = []
    hook = case.net.L_g.register_forward_hook(lambda m, a, output: made.append(output.clone()))
    case.net.encode(torch.zeros(1))
    hook.remove()
    return {"t/L_g": made[0]}


def wrong_dilations(case: GoldenRun, patch: Patch) -> dict[str, Tensor]:
    far = case.net.R1[2].l3
    patch.setattr(far, "dilation", (9, 9))
    patch.setattr(far, "padding", (9, 9))
    return {"s/R1_2": case.net.R1[2](case.found["s/R1_1"])}


def wrong_epsilon(case: GoldenRun, patch: Patch) -> dict[str, Tensor]:
    stem = case.net.base_model
    patch.setattr(stem.bn1, "eps", 1e-6)
    return {"t/c1": F.relu(stem.bn1(stem.conv1(case.inputs["ranet/template"])))}


def wrong_threshold(value: float) -> Callable[[GoldenRun, Patch], dict[str, Tensor]]:
    def mistake(case: GoldenRun, patch: Patch) -> dict[str, Tensor]:
        patch.setattr(ranking, "BACKGROUND_FROM", value)
        return single(case)

    return mistake


def hard_cells(case: GoldenRun, patch: Patch) -> dict[str, Tensor]:
    usual = case.net.make_template
    patch.setattr(
        case.net,
        "make_template",
        lambda *a: (t := usual(*a))._replace(cells=(t.cells >= 0.5).float()),
    )
    return single(case)


def wrong_share(value: float) -> Callable[[GoldenRun, Patch], dict[str, Tensor]]:
    def mistake(case: GoldenRun, patch: Patch) -> dict[str, Tensor]:
        patch.setattr(ranking, "LEARNED_SHARE", value)
        return single(case)

    return mistake


def not_exchanged(case: GoldenRun, patch: Patch) -> dict[str, Tensor]:
    patch.setattr(ranking, "exchanged", lambda maps: maps)
    return single(case)


def wrong_kernel(pool: Callable[[Tensor, int], Tensor]) -> Callable[..., dict[str, Tensor]]:
    def mistake(case: GoldenRun, patch: Patch) -> dict[str, Tensor]:
        return {"s/kernel": pool(case.template.embedding, 2)}

    return mistake


def wrong_previous(mode: str) -> Callable[[GoldenRun, Patch], dict[str, Tensor]]:
    def mistake(case: GoldenRun, patch: Patch) -> dict[str, Tensor]:
        mask = (case.inputs["ranet/s/previous_mask"] >= 1.6).float()
        return {"s/previous_cells": F.interpolate(mask, size=(60, 108), mode=mode)}

    return mistake


def wrong_ranking_dilation(case: GoldenRun, patch: Patch) -> dict[str, Tensor]:
    middle = case.net.Ranking[1].conv2
    patch.setattr(middle, "dilation", (1, 1))
    patch.setattr(middle, "padding", (1, 1))
    return single(case)


def swapped_grounds(case: GoldenRun, patch: Patch) -> dict[str, Tensor]:
    parts = case.found["s/R1_in"].split((64, 128, 128, 1), dim=1)
    return {"s/R1_in": torch.cat([parts[0], parts[2], parts[1], parts[3]], dim=1)}


def stride_on_first(case: GoldenRun, patch: Patch) -> dict[str, Tensor]:
    stage = case.net.base_model.layer2
    patch.setattr(stage[0].conv1, "stride", (2, 2))
    patch.setattr(stage[0].conv2, "stride", (1, 1))
    return {"t/l2": stage(case.template.stages.layer1)}


def without_others(case: GoldenRun, patch: Patch) -> dict[str, Tensor]:
    score = case.found["m/1/score_bg"].clone()
    score[..., 405:] = 0
    return {"m/1/score_bg": score}


def unweighted_score(case: GoldenRun, patch: Patch) -> dict[str, Tensor]:
    usual = case.net.make_template
    peaks = case.found["s/corr"].amax(dim=(2, 3))
    cells = usual(case.template, case._masks("m", 2)[0]).cells
    part = 0.2 * F.relu(case.found["m/rank_out"]).flatten(1)
    scores = [peaks * cells[:, k] + part * (cells[:, k] > 0) for k in (0, 2)]
    return {"m/1/score_bg": torch.cat(scores, dim=1)[:, None]}


Mistake = Callable[[GoldenRun, Patch], dict[str, Tensor]]
MISTAKES: dict[str, Mistake] = {
    "side/decoder upsampling align_corners=False": wrong_sides,
    "L5 / merge upsampling align_corners=True": wrong_l5,
    "MSB dilations 1,3,9": wrong_dilations,
    "norm eps 1e-6 instead of 1e-5": wrong_epsilon,
    "BG threshold 0.5 instead of 0.9": wrong_threshold(0.5),
    "BG threshold 0.8": wrong_threshold(0.8),
    "hard FG cells": hard_cells,
    "score factor 1 for 0.2": wrong_share(1.0),
    "score factor 0 (no learned ranking)": wrong_share(0.0),
    "channel/space not exchanged": not_exchanged,
    "template re-normalised": wrong_kernel(renormalised),
    "template max-pooled": wrong_kernel(F.max_pool2d),
    "previous mask nearest": wrong_previous("nearest"),
    "previous mask bilinear": wrong_previous("bilinear"),
    "ranking dilation 1": wrong_ranking_dilation,
    "FG/BG order swapped": swapped_grounds,
    "stride on first 1x1": stride_on_first,
    "multi: BG without the other objects": without_others,
    "multi: score not weighted by the soft mask": unweighted_score,
}


def test_mistakes_miss_where_the_list_says(
    golden_folder: Path, golden: Any, case: GoldenRun
) -> None:
    rows = json.loads((golden_folder / "mutations.json").read_text(encoding="utf-8"))["rows"]
    first = {row["mutation"]: row["first"] for row in rows if row["net"] == "ranet"}
    assert first.keys() - {"none"} == MISTAKES.keys()
    if "s/R1_in" not in case.found or "m/rank_out" not in case.found:
        case.single()
        case.multi(decode=False)
    right = dict(case.found)
    for name, mistake in MISTAKES.items():
        entry = first[name]
        assert golden.compare(entry, right[entry])[0], f"{entry} is wrong without any mistake"
        case.found = dict(right)
        with pytest.MonkeyPatch.context() as patch:
            wrong = mistake(case, patch)
        assert not golden.compare(entry, wrong[entry])[0], f"{name} is not seen at {entry}"
    case.found = right


def test_official_shapes_are_the_network_s(golden_folder: Path) -> None:
    text = (golden_folder / "ranet_state_dict_shapes.json").read_text(encoding="utf-8")
    with torch.device("meta"):
        own: nn.Module = RANet()
    assert {k: list(v.shape) for k, v in own.state_dict().items()} == json.loads(text)
    assert sum(value.numel() for value in own.parameters()) == 64_521_236
