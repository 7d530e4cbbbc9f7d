"""Shape of the RANet network, and how its parts are used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..nn import StrideOn

__all__ = ["ORDERS", "RULES", "NetworkConfig", "ObjectRule", "RankingOrder", "Wiring"]

ObjectRule: TypeAlias = Literal["single", "multi"]
RankingOrder: TypeAlias = Literal["score", "peak", "position"]

RULES: tuple[ObjectRule, ...] = ("single", "multi")
ORDERS: tuple[RankingOrder, ...] = ("score", "peak", "position")

DEEPEST_STRIDE = 32


@dataclass(frozen=True)
class NetworkConfig:
    """Defaults are the official network; other values make small ones for tests and training.

    Attributes:
        blocks: blocks per stage of the backbone; (3, 4, 23, 3) is ResNet-101.
        width: channels of the backbone's stem.
        slim: divides the channels of everything behind the backbone, and the maps kept.
        height: px of the network's input; a multiple of 32.
        width_px: px of the network's input; a multiple of 32. The ranking network is hard-wired to
            the number of template cells, which is height/32 · width_px/32.
        stride_on: which convolution of a stage's first block strides; the official one is `conv2`.
    """

    blocks: tuple[int, int, int, int] = (3, 4, 23, 3)
    width: int = 64
    slim: int = 1
    height: int = 480
    width_px: int = 864
    stride_on: StrideOn = "conv2"

    def __post_init__(self) -> None:
        if self.height % DEEPEST_STRIDE or self.width_px % DEEPEST_STRIDE:
            raise ValueError(
                f"the input is {self.height}×{self.width_px} px; both must be multiples of "
                f"{DEEPEST_STRIDE}"
            )
        if min(*self.blocks, self.width, self.slim, self.height, self.width_px) < 1:
            raise ValueError("blocks, width, slim, height and width_px must be at least 1")
        if self.stride_on not in ("conv1", "conv2"):
            raise ValueError(f"stride_on is {self.stride_on!r}; use 'conv1' or 'conv2'")
        if self.kept > self.cells:
            raise ValueError(
                f"{self.kept} maps cannot be kept of {self.cells} template cells; "
                "raise slim or the input's size"
            )

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of template cells; 15×27 officially."""
        return self.height // DEEPEST_STRIDE, self.width_px // DEEPEST_STRIDE

    @property
    def cells(self) -> int:
        """Template cells; 405 officially."""
        rows, columns = self.grid
        return rows * columns

    @property
    def kept(self) -> int:
        """Similarity maps that are kept of each set; 256 officially."""
        return self.of(256)

    def of(self, channels: int) -> int:
        """Channels of a part that has `channels` of them officially."""
        return max(1, channels // self.slim)


@dataclass(frozen=True)
class Wiring:
    """How the network's parts are used; none of it changes the weights' shapes.

    Attributes:
        rule: `single` scores foreground and background cells apart and takes cells that are
            at least 0.9 background for background; `multi` scores all cells once and weights
            them by each object's share (see `ranking`).
        order: what decides which similarity maps are kept, and in which order: the official
            `score` (peak similarity and learned part), the `peak` alone, or the cell's `position`.
        matching: whether the similarity maps say anything; if not they are zero.
        previous_mask: whether the decoder sees the previous mask; if not it is zero.
    """

    rule: ObjectRule = "multi"
    order: RankingOrder = "score"
    matching: bool = True
    previous_mask: bool = True
