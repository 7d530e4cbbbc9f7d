"""Baselines: what costs nothing, and what matching alone gives. Importing this loads no torch."""

from __future__ import annotations

from pathlib import Path

from vosbench.types import BuildOptions, Method, MethodPlugin

__all__ = ["COSINE", "FIRST_MASK"]

_FOLDER = Path(__file__).parent


def _build_first_mask(options: BuildOptions) -> Method:
    from .first_mask import build  # noqa: PLC0415 - like its neighbour

    return build(options)


def _build_cosine(options: BuildOptions) -> Method:
    from .cosine import build  # noqa: PLC0415 - torch only when the method is used

    return build(options)


FIRST_MASK = MethodPlugin(card=_FOLDER / "first_mask.toml", build=_build_first_mask)
COSINE = MethodPlugin(card=_FOLDER / "cosine.toml", build=_build_cosine)
