"""Masks that are there already, as a method. This module imports no torch."""

from __future__ import annotations

from pathlib import Path

from vosbench.errors import UsageError
from vosbench.types import BuildOptions, ClipMethod, MethodPlugin

__all__ = ["PLUGIN"]

_CARD = Path(__file__).parent / "method.toml"


def _build(options: BuildOptions) -> ClipMethod:
    from .method import build

    return build(options)


def _member(name: str) -> MethodPlugin:
    from vosbench.data.names import is_safe_name

    if not is_safe_name(name):
        raise UsageError(
            f"masks cannot be called {name!r}: a name has letters, digits and _ . + -",
            hint="give them another name with --name",
        )
    return MethodPlugin(card=_CARD, build=_build)


PLUGIN = MethodPlugin(card=_CARD, build=_build, member=_member)
