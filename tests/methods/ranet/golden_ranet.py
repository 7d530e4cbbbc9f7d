"""RANet as `check_golden.py --adapter tests.methods.ranet.golden_ranet:run` asks for it.

Every entry is taken from the network that runs, by hooks on its modules or from the records that
its parts return; nothing is computed twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from vosbench_methods.nn import load_strictly
from vosbench_methods.ranet import network as network_module
from vosbench_methods.ranet.config import Wiring
from vosbench_methods.ranet.network import Features, Matched, RANet, Template
from vosbench_methods.ranet.ranking import Choice, choose

STAGES = ("c1", "l1", "l2", "l3", "l4")
SIDES = ("ls13", "ls14", "ls15", "ls22", "ls23", "ls24", "ls31", "ls32", "ls33")
GROUND = ("fg", "bg")
LEVELS = tuple(f"R{level}.{i}" for level in (1, 2, 3) for i in range(6 if level == 3 else 5))
HOOKED = ("L3", "L4", "L5", "L_g", *SIDES, "Ranking", "p_1", "res_1", "p_2", *LEVELS)
INSIDE = ("R1", "R2", "R3")


def run(name: str, state: Mapping[str, Tensor], inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """All entries, from weights under the official names."""
    assert name == "ranet"
    net = RANet().eval()
    load_strictly(net, state, source="golden weights")
    with torch.no_grad():
        case = GoldenRun(net, inputs)
        return {**case.single(), **case.multi()}


class GoldenRun:
    """The golden cases on one network; frames are encoded once for both."""

    def __init__(self, net: RANet, inputs: Mapping[str, Tensor]) -> None:
        self.net = net
        self.inputs = inputs
        self.found: dict[str, Tensor] = {}
        self._given: dict[str, list[Tensor]] = {}
        self._made: dict[str, list[Tensor]] = {}
        for name in (*HOOKED, *INSIDE):
            net.get_submodule(name).register_forward_hook(self._hook(name))

    @cached_property
    def template(self) -> Features:
        """Of frame 0."""
        return self._encoded("t", "ranet/template")

    @cached_property
    def search(self) -> Features:
        """Of frame 1."""
        return self._encoded("q", "ranet/search")

    def single(self, *, decode: bool = True) -> dict[str, Tensor]:
        """Entries of the single-object case and of the encoder."""
        self.net.wiring = Wiring(rule="single")
        masks, previous = self._masks("s", 1)
        template = self.net.make_template(self.template, masks)
        matched = self._matched(template)
        found = self.found
        found["s/kernel"] = template.kernel
        found["s/mask_cells"] = template.cells[:, 1].reshape(1, 1, 15, 27)
        found["s/corr"] = matched.similarity
        for at, ground in enumerate(GROUND):
            weight, score = matched.candidates[2 * at : 2 * at + 2]
            found[f"s/rank_in_{ground}"] = self._given["Ranking"][at]
            found[f"s/rank_out_{ground}"] = self._made["Ranking"][at]
            weighted = matched.similarity * weight[:, 0, :, None, None]
            found[f"s/max_{ground}"] = weighted.amax(dim=(2, 3), keepdim=True)
            found[f"s/score_{ground}"] = score
        for side in SIDES:
            found[f"q/{side}"] = self._made[side][0]
        if decode:
            logit, kept = self._decoded(matched, previous)
            for at, ground in enumerate(GROUND):
                found[f"s/order_{ground}"] = kept[at].order[0]
                found[f"s/selected_{ground}"] = self._given["p_1"][at]
                for step, entry in (("p_1", "p_1"), ("res_1", "res_1"), ("p_2", "merged")):
                    found[f"s/{entry}_{ground}"] = self._made[step][at]
            found["s/previous_cells"] = self._given["R1"][0][:, -1:]
            for level in INSIDE:
                found[f"s/{level}_in"] = self._given[level][0]
            for name in LEVELS:
                found[f"s/{name.replace('.', '_')}"] = self._made[name][0]
            found["s/logit"], found["s/prob"] = logit, torch.sigmoid(logit)
        return found

    def multi(self, *, decode: bool = True) -> dict[str, Tensor]:
        """Entries of the two-object case and of the encoder."""
        self.net.wiring = Wiring(rule="multi")
        masks, previous = self._masks("m", 2)
        template = self.net.make_template(self.template, masks)
        matched = self._matched(template)
        found = self.found
        found["m/kernel"] = template.kernel
        for k in range(3):
            found[f"m/mask_cells_{k}"] = template.cells[:, k].reshape(1, 1, 15, 27)
        found["m/rank_in"] = self._given["Ranking"][0]
        found["m/rank_out"] = self._made["Ranking"][0]
        for k in (1, 2):
            found[f"m/{k}/score_fg"] = matched.candidates.foreground_score[:, k - 1 : k]
            found[f"m/{k}/score_bg"] = matched.candidates.background_score[:, k - 1 : k]
        if decode:
            logit, kept = self._decoded(matched, previous)
            for k in (1, 2):
                one = slice(k - 1, k)
                for at, ground in enumerate(GROUND):
                    found[f"m/{k}/order_{ground}"] = kept[at].order[k - 1]
                    found[f"m/{k}/selected_{ground}"] = self._given["p_1"][at][one]
                    found[f"m/{k}/merged_{ground}"] = self._made["p_2"][at][one]
                found[f"m/{k}/previous_cells"] = self._given["R1"][0][one, -1:]
                found[f"m/{k}/R1"] = self._made["R1"][0][one]
                found[f"m/{k}/R2"] = self._made["R2"][0][one]
                found[f"m/{k}/logit"] = logit[:, one]
            found["m/prob"] = torch.sigmoid(logit)
        return found

    def _masks(self, case: str, objects: int) -> tuple[Tensor, Tensor]:
        """Template masks and previous masks, 1×K×480×864; label k + 1 is object k."""
        template, previous = (
            torch.cat([labels == k + 1 for k in range(1, objects + 1)], dim=1).float()
            for labels in (
                self.inputs[f"ranet/{case}/template_mask"],
                self.inputs[f"ranet/{case}/previous_mask"],
            )
        )
        return template, previous

    def _encoded(self, part: str, name: str) -> Features:
        self._forget()
        features = self.net.encode(self.inputs[name])
        for stage, value in zip(STAGES, features.stages, strict=True):
            self.found[f"{part}/{stage}"] = value
        self.found[f"{part}/L_g"] = self._made["L_g"][0]
        self.found[f"{part}/embedding"] = features.embedding
        if part == "q":
            for layer in ("L3", "L4", "L5"):
                self.found[f"q/{layer}"] = self._made[layer][0]
            branches = self._given["L_g"][0].split((128, 256, 512), dim=1)
            for branch, value in zip(("f3", "f4", "f5"), branches, strict=True):
                self.found[f"q/{branch}"] = value
        return features

    def _matched(self, template: Template) -> Matched:
        search = self.search
        self._forget()
        return self.net.match(search, template)

    def _decoded(self, matched: Matched, previous: Tensor) -> tuple[Tensor, list[Choice]]:
        with _recorded_choices() as kept:
            return self.net.decode(matched, previous), kept

    def _forget(self) -> None:
        self._given = {name: [] for name in (*HOOKED, *INSIDE)}
        self._made = {name: [] for name in (*HOOKED, *INSIDE)}

    def _hook(self, name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def record(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
            self._given[name].append(args[0].detach().clone())
            self._made[name].append(output.detach().clone())

        return record


@contextmanager
def _recorded_choices() -> Iterator[list[Choice]]:
    """What the ranking keeps, in the order of calls."""
    kept: list[Choice] = []
    usual = network_module.choose

    def record(*args: Any, **kwargs: Any) -> Choice:
        kept.append(choose(*args, **kwargs))
        return kept[-1]

    network_module.choose = record
    try:
        yield kept
    finally:
        network_module.choose = usual
