"""Programs of other people, run as they are. This module imports no torch.

A card (TOML) says how a program is called and where its masks are. Cards in `cards/` are
`external:NAME`; any other card is named by its path, or shipped by a package as a method of its own
with `program_plugin`.
"""

from __future__ import annotations

import difflib
from pathlib import Path

from vosbench.errors import UsageError
from vosbench.types import BuildOptions, ClipMethod, MethodPlugin

__all__ = ["CARDS", "PLUGIN", "program_plugin"]

CARDS = Path(__file__).parent / "cards"


def program_plugin(card: Path) -> MethodPlugin:
    """The method that a program's card describes, for an entry point of `vosbench.methods`."""

    def build(options: BuildOptions) -> ClipMethod:
        from .method import build

        return build(card, options)

    return MethodPlugin(card=card, build=build)


def _member(name: str) -> MethodPlugin:
    """A card by its path, or one of ours by its name."""
    if name.endswith(".toml"):
        return program_plugin(Path(name).expanduser())
    known = sorted(path.stem for path in CARDS.glob("*.toml"))
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise UsageError(
            f"there is no card external:{name}{hint}; there are: {', '.join(known)}",
            hint="a card of your own is named by its path: --method path/to/card.toml",
        )
    return program_plugin(CARDS / f"{name}.toml")


def _build(options: BuildOptions) -> ClipMethod:
    del options
    known = sorted(path.stem for path in CARDS.glob("*.toml"))
    raise UsageError(
        f"external stands for many programs; name one: {', '.join(f'external:{n}' for n in known)}",
        hint="a card of your own is named by its path: --method path/to/card.toml",
    )


PLUGIN = MethodPlugin(card=Path(__file__).parent / "method.toml", build=_build, member=_member)
