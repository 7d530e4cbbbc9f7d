"""SAM 2 in this process, through transformers. This module imports neither it nor torch."""

from __future__ import annotations

from pathlib import Path

from vosbench.types import BuildOptions, Method, MethodPlugin

__all__ = ["PLUGIN"]


def _build(options: BuildOptions) -> Method:
    from .method import build

    return build(options)


PLUGIN = MethodPlugin(card=Path(__file__).parent / "method.toml", build=_build)
