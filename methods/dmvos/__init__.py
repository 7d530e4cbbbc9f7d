"""DMVOS (ACM MM 2020). This module imports no torch, for listing methods loads it."""

from __future__ import annotations

from pathlib import Path

from vosbench.types import BuildOptions, Method, MethodPlugin

__all__ = ["PLUGIN"]


def _build(options: BuildOptions) -> Method:
    from .method import build  # noqa: PLC0415 - torch only when the method is used

    return build(options)


PLUGIN = MethodPlugin(card=Path(__file__).parent / "method.toml", build=_build)
