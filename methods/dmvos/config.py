"""Shape of the DMVOS network: everything that must be known to build it and to read its weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..nn import StrideOn

__all__ = ["ISOMETRIC_MODES", "IsometricMode", "NetworkConfig"]

IsometricMode: TypeAlias = Literal["rank_sample", "topk", "ranked_maps", "raw", "max", "none"]

ISOMETRIC_MODES: tuple[IsometricMode, ...] = (
    "rank_sample",
    "topk",
    "ranked_maps",
    "raw",
    "max",
    "none",
)


@dataclass(frozen=True)
class NetworkConfig:
    """Defaults are the reconstruction's full design at ResNet-50 size.

    Attributes:
        isometric_mode: how the similarities to many template cells become a fixed number of
            channels. `rank_sample` takes `rank_samples` ranks at equal steps; `topk` the largest;
            `max` repeats the single largest; `ranked_maps` keeps the 256 cells with the largest
            peaks; `raw` keeps every cell in place; `none` matches nothing and feeds constant
            planes. `rank_sample`, `topk`, `max` and `none` share their weights, the other two need
            their own.
        rank_samples: channels of each rank stack (K).
        top: how many of the largest similarities the similarity map averages.
        ranked_maps: maps kept by the mode `ranked_maps`.
        raw_cells: template cells of the mode `raw`; 405 is 15×27, so the input must be 480×854.
        offset: whether the centre offset enters the fusion; if not, constant planes take its place,
            which the fusion's instance normalisation turns into zeros.
        previous_mask: whether the fusion has a channel for the previous frame's mask.
        mask_in_closeness: without a channel for it, average the previous mask into the closeness
            plane.
        template_pool: 2×2 average pooling of the template's features.
        stride_on: where the encoder strides; must be that of the encoder's weights.
        encoder_blocks: blocks per stage.
        encoder_width: channels of the encoder's stem.
        embed_width: channels of the features that matching and offset share.
        match_width: channels of each embedded rank stack.
        match_inner: inner channels of the rank stack's residual block.
        offset_widths: hidden channels of the offset head.
        fusion_width: channels of the fused map.
        skip_widths: channels of the squeezed skips s4, s3, s2.
        decoder_widths: output channels of the three decoder levels.
    """

    isometric_mode: IsometricMode = "rank_sample"
    rank_samples: int = 32
    top: int = 8
    ranked_maps: int = 256
    raw_cells: int = 405
    offset: bool = True
    previous_mask: bool = False
    mask_in_closeness: bool = False
    template_pool: bool = True
    stride_on: StrideOn = "conv2"
    encoder_blocks: tuple[int, int, int, int] = (3, 4, 6, 3)
    encoder_width: int = 64
    embed_width: int = 256
    match_width: int = 64
    match_inner: int = 32
    offset_widths: tuple[int, int] = (128, 64)
    fusion_width: int = 256
    skip_widths: tuple[int, int, int] = (64, 64, 32)
    decoder_widths: tuple[int, int, int] = (128, 64, 32)

    def __post_init__(self) -> None:
        if self.isometric_mode not in ISOMETRIC_MODES:
            raise ValueError(
                f"isometric mode {self.isometric_mode!r} is unknown; use one of {ISOMETRIC_MODES}"
            )
        if self.stride_on not in ("conv1", "conv2"):
            raise ValueError(f"stride_on is {self.stride_on!r}; use 'conv1' or 'conv2'")
        if self.rank_samples < 2 or self.top < 1:
            raise ValueError("rank_samples must be at least 2 and top at least 1")
        for name, value in vars(self).items():
            sizes = value if isinstance(value, tuple) else (value,)
            if any(
                isinstance(size, int) and not isinstance(size, bool) and size < 1 for size in sizes
            ):
                raise ValueError(f"{name} is {value}; sizes must be at least 1")
