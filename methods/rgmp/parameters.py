"""Parameters of the method's card, checked and typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from vosbench.errors import UsageError
from vosbench.types import ParameterValue

from ..parameters import fields_given, one_of, refuse_unknown
from .merge import BackgroundRule

__all__ = ["NAMES", "Parameters", "PreviousMask"]

PreviousMask = Literal["soft", "hard", "none"]

LEAST_SCALE, MOST_SCALE = 0.1, 4.0
MOST_SCALES = 8
MOST_OBJECTS = 254


@dataclass(frozen=True)
class Parameters:
    """What can be changed without other weights, by the rules in README.md.

    Attributes:
        scales: factors on the padded frame, as text with commas; their results are averaged.
        previous_mask: how the last frame's masks are fed to the next frame.
        reference: whether the reference frame is compared with.
        background: where the background's probability comes from when objects compete.
        batch: most objects in one pass of the network; 0 leaves it to the device.
        oracle_previous_mask: feed the truth of the last frame in place of its prediction.
    """

    scales: str = "0.5,0.75,1"
    previous_mask: PreviousMask = "soft"
    reference: bool = True
    background: BackgroundRule = "union"
    batch: int = 0
    oracle_previous_mask: bool = False

    @property
    def factors(self) -> tuple[float, ...]:
        """`scales` as numbers.

        Raises:
            UsageError: the text is no list of scales that can be used.
        """
        try:
            factors = tuple(float(word) for word in self.scales.split(","))
        except ValueError as error:
            raise UsageError(
                f"scales is {self.scales!r}; expected numbers with commas, such as '0.5,0.75,1'"
            ) from error
        if len(factors) > MOST_SCALES:
            raise UsageError(f"scales has {len(factors)} numbers; expected {MOST_SCALES} at most")
        for factor in factors:
            if not LEAST_SCALE <= factor <= MOST_SCALE:
                raise UsageError(f"scales has {factor}; expected {LEAST_SCALE} to {MOST_SCALE}")
        if len(set(factors)) != len(factors):
            raise UsageError(f"scales is {self.scales!r}, which has one scale twice")
        return factors

    @classmethod
    def parse(cls, values: Mapping[str, ParameterValue]) -> Parameters:
        """Read the card's dotted names; what is absent keeps its default.

        Raises:
            UsageError: a name is unknown, or a value is of another type or out of range.
        """
        refuse_unknown("rgmp", values, NAMES)
        parameters = cls(**fields_given(values, NAMES, cls()))
        one_of("previous_mask.mode", parameters.previous_mask, get_args(PreviousMask))
        one_of("merge.background", parameters.background, get_args(BackgroundRule))
        if not 0 <= parameters.batch <= MOST_OBJECTS:
            raise UsageError(f"batch.objects is {parameters.batch}; expected 0 to {MOST_OBJECTS}")
        # a text that cannot be used must fail here, not on the first frame
        _ = parameters.factors
        return parameters


NAMES = {
    "scales": "scales",
    "previous_mask.mode": "previous_mask",
    "reference.enabled": "reference",
    "merge.background": "background",
    "batch.objects": "batch",
    "oracle.previous-mask": "oracle_previous_mask",
}
