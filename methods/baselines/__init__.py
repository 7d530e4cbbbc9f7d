"""Baselines: what costs nothing, what the truth itself scores, and what needs no training.

Importing this loads no torch.
"""

from __future__ import annotations

from pathlib import Path

from vosbench.types import BuildOptions, Method, MethodPlugin

__all__ = [
    "COSINE",
    "EMPTY",
    "FIRST_MASK",
    "FLOW",
    "STATIC_BOX",
    "TRUTH_NOISE",
    "TRUTH_SHIFTED",
]

_FOLDER = Path(__file__).parent


def _build_empty(options: BuildOptions) -> Method:
    from .empty import build

    return build(options)


def _build_first_mask(options: BuildOptions) -> Method:
    from .first_mask import build

    return build(options)


def _build_static_box(options: BuildOptions) -> Method:
    from .static_box import build

    return build(options)


def _build_truth_shifted(options: BuildOptions) -> Method:
    from .truth import build_shifted

    return build_shifted(options)


def _build_truth_noise(options: BuildOptions) -> Method:
    from .truth import build_noise

    return build_noise(options)


def _build_flow(options: BuildOptions) -> Method:
    from .flow import build

    return build(options)


def _build_cosine(options: BuildOptions) -> Method:
    from .cosine import build

    return build(options)


EMPTY = MethodPlugin(card=_FOLDER / "empty.toml", build=_build_empty)
FIRST_MASK = MethodPlugin(card=_FOLDER / "first_mask.toml", build=_build_first_mask)
STATIC_BOX = MethodPlugin(card=_FOLDER / "static_box.toml", build=_build_static_box)
TRUTH_SHIFTED = MethodPlugin(card=_FOLDER / "truth_shifted.toml", build=_build_truth_shifted)
TRUTH_NOISE = MethodPlugin(card=_FOLDER / "truth_noise.toml", build=_build_truth_noise)
FLOW = MethodPlugin(card=_FOLDER / "flow.toml", build=_build_flow)
COSINE = MethodPlugin(card=_FOLDER / "cosine.toml", build=_build_cosine)
