"""PReMVOS' merging stage with other back ends. This imports no torch, for listing loads it."""

from __future__ import annotations

from pathlib import Path

from vosbench.types import BuildOptions, ClipMethod, Method, MethodPlugin

__all__ = ["PLUGIN"]


def _build(options: BuildOptions) -> Method | ClipMethod:
    from .method import build

    return build(options)


PLUGIN = MethodPlugin(card=Path(__file__).parent / "method.toml", build=_build)
