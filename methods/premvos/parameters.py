"""Parameters of the method's card, checked and typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

from vosbench.errors import UsageError
from vosbench.types import ParameterValue

from ..parameters import fields_given, refuse_unknown, within
from .merging import OFFICIAL_REACH, OFFICIAL_WEIGHTS, Weights

__all__ = ["Parameters"]


@dataclass(frozen=True)
class Parameters:
    """Which back ends, and the constants of the merging.

    Attributes:
        proposals: back end that proposes: `files`, `none`, `transformers`, or `module:factory`.
        refiner: back end that refines masks: `identity` or `module:factory`.
        embedder: back end that tells appearance: `borrowed`, `none`, `resnet` or `module:factory`.
        flow: back end for motion: `files`, `pwcnet`, `tvl1` or `module:factory`.
        files_proposals: folders of proposal files, first things first.
        files_flow: folder of `.flo` files.
        files_strict: damaged files and missing flows are errors; else as in the official code.
        model: folder of the model of `transformers`.
        least_score: see `backends.instances.Limits`, as the next two.
        most_overlap: IoU.
        most: per frame.
        pwcnet_weights: checkpoint of PWC-Net; empty for the file of `--weights`.
        resnet_weights: ResNet-50 with torchvision's names; empty for DMVOS's encoder.
        least_borrowed: IoU from which on a mask borrows a proposal's embedding.
        reach: distance of embeddings at which likeness ends.
        weights: of the sub-scores.
    """

    proposals: str = "files"
    refiner: str = "identity"
    embedder: str = "borrowed"
    flow: str = "files"
    files_proposals: str = ""
    files_flow: str = ""
    files_strict: bool = True
    model: str = ""
    least_score: float = 0.5
    most_overlap: float = 0.5
    most: int = 20
    pwcnet_weights: str = ""
    resnet_weights: str = ""
    least_borrowed: float = 0.5
    reach: float = OFFICIAL_REACH
    weights: Weights = OFFICIAL_WEIGHTS

    @classmethod
    def parse(cls, values: Mapping[str, ParameterValue]) -> Parameters:
        """Read the card's dotted names; what is absent keeps its default.

        Raises:
            UsageError: a name is unknown, or a value is of another type or out of range.
        """
        refuse_unknown("premvos-merge", values, [*_NAMES, *_WEIGHTS])
        given = fields_given(values, _NAMES, cls())
        weights = fields_given(values, _WEIGHTS, OFFICIAL_WEIGHTS)
        parameters = cls(**given, weights=Weights(**weights))
        parameters._check()
        return parameters

    def _check(self) -> None:
        for name, value, low, high in (
            ("proposals.least-score", self.least_score, 0.0, 1.0),
            ("proposals.most-overlap", self.most_overlap, 0.0, 1.0),
            ("proposals.most", self.most, 1, 1000),
            ("embedder.least-overlap", self.least_borrowed, 0.0, 1.0),
            ("reid.reach", self.reach, 1e-6, 1e9),
        ):
            within(name, value, low, high)
        weights = [getattr(self.weights, one.name) for one in fields(Weights)]
        if min(weights) < 0 or sum(weights) <= 0:
            raise UsageError(
                f"the weights of the sub-scores are {weights}; none may be below 0, nor all 0"
            )


_NAMES: Final = {
    "proposals.source": "proposals",
    "proposals.model": "model",
    "proposals.least-score": "least_score",
    "proposals.most-overlap": "most_overlap",
    "proposals.most": "most",
    "refiner.source": "refiner",
    "embedder.source": "embedder",
    "embedder.weights": "resnet_weights",
    "embedder.least-overlap": "least_borrowed",
    "flow.source": "flow",
    "flow.weights": "pwcnet_weights",
    "files.proposals": "files_proposals",
    "files.flow": "files_flow",
    "files.strict": "files_strict",
    "reid.reach": "reach",
}
_WEIGHTS: Final = {f"weight.{one.name.replace('_', '-')}": one.name for one in fields(Weights)}
