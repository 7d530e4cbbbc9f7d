"""Finding methods: every entry point of the group `vosbench.methods`, ours and others' alike.

A reference is `name`, `name@variant`, or `name@*` for the method and all its variants; in a name
`*`, `?` and `[...]` stand for all installed methods that match. A plug-in may stand for many
methods, which are `name:member`; the path of a card (`.toml`) is a member of `external`. A broken
plug-in is reported under its own name and never hides the others.
"""

from __future__ import annotations

import difflib
import fnmatch
import hashlib
import inspect
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from vosbench.errors import InputError, UsageError
from vosbench.method_card import MethodCard, load_method_card
from vosbench.types import MethodPlugin, ParameterValue

__all__ = [
    "ENTRY_POINT_GROUP",
    "BrokenMethod",
    "FoundMethod",
    "ResolvedMethod",
    "find_method",
    "find_methods",
    "resolve_methods",
]

ENTRY_POINT_GROUP = "vosbench.methods"
_FAMILY_OF_CARDS = "external"
"""Plug-in whose members may be named by the path of their card."""


@dataclass(frozen=True)
class FoundMethod:
    """A usable plug-in with its card."""

    name: str
    distribution: str
    plugin: MethodPlugin
    card: MethodCard

    @cached_property
    def code_sha256(self) -> str:
        """Digest of the plug-in's source: the `.py` and `.toml` files of the card's package.

        The package is the outermost folder above the card that is still a package, so shared blocks
        beside the method count too. Without a package it is the module that builds, and the card.
        """
        folder = self.plugin.card.parent
        if (folder / "__init__.py").is_file():
            while (folder.parent / "__init__.py").is_file():
                folder = folder.parent
            paths = sorted([*folder.rglob("*.py"), *folder.rglob("*.toml")])
        else:
            # a module of its own, beside which anything may lie
            paths = [Path(inspect.getfile(inspect.unwrap(self.plugin.build))), self.plugin.card]
            paths = [path.resolve() for path in paths]
            folder = Path(os.path.commonpath([path.parent for path in paths]))
        digest = hashlib.sha256()
        for path in paths:
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
        return digest.hexdigest()


@dataclass(frozen=True)
class BrokenMethod:
    """A plug-in that could not be loaded, and why."""

    name: str
    distribution: str
    reason: str


@dataclass(frozen=True)
class ResolvedMethod:
    """A method with its parameters settled, ready to be built."""

    found: FoundMethod
    variant: str | None
    asked: dict[str, ParameterValue]
    parameters: dict[str, ParameterValue]

    @property
    def reference(self) -> str:
        """`name` or `name@variant`."""
        return f"{self.found.name}@{self.variant}" if self.variant else self.found.name

    @property
    def oracle(self) -> bool:
        """Whether the variant is shown the ground truth."""
        return self.variant is not None and self.found.card.variants[self.variant].oracle


def _load(entry: EntryPoint) -> FoundMethod | BrokenMethod:
    distribution = entry.dist.name if entry.dist is not None else "unknown"
    try:
        plugin = entry.load()
        if not isinstance(plugin, MethodPlugin):
            kind = type(plugin).__name__
            raise InputError(f"{entry.value} is a {kind}, not a vosbench.types.MethodPlugin")
        card = load_method_card(plugin.card)
        if card.method.name != entry.name:
            raise InputError(
                f"the entry point is named {entry.name!r} but its card says {card.method.name!r}"
            )
    except (Exception, SystemExit) as error:
        # a foreign plug-in may raise anything at import
        return BrokenMethod(entry.name, distribution, f"{type(error).__name__}: {error}")
    return FoundMethod(entry.name, distribution, plugin, card)


def find_methods() -> list[FoundMethod | BrokenMethod]:
    """All installed methods, sorted by name; two of one name are both reported as broken."""
    entries = sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda entry: entry.name)
    names = [entry.name for entry in entries]
    found: list[FoundMethod | BrokenMethod] = []
    for entry in entries:
        if names.count(entry.name) > 1:
            owner = entry.dist.name if entry.dist is not None else "unknown"
            reason = "another installed package offers a method of the same name; remove one"
            found.append(BrokenMethod(entry.name, owner, reason))
        else:
            found.append(_load(entry))
    return found


def find_method(name: str) -> FoundMethod:
    """The method of that name.

    Raises:
        UsageError: if no plug-in has the name.
        InputError: if the plug-in is broken.
    """
    entries = entry_points(group=ENTRY_POINT_GROUP)
    matches = [entry for entry in entries if entry.name == name]
    if not matches:
        known = sorted({entry.name for entry in entries})
        close = difflib.get_close_matches(name, known, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise UsageError(f"no method {name!r}{hint}; installed: {', '.join(known) or 'none'}")
    if len(matches) > 1:
        raise InputError(f"method {name!r} is offered by several installed packages; remove one")
    loaded = _load(matches[0])
    if isinstance(loaded, BrokenMethod):
        raise InputError(
            f"method {name!r} (package {loaded.distribution}) cannot be loaded: {loaded.reason}"
        )
    return loaded


def _split(reference: str) -> tuple[str, str, str]:
    """Name or path of a card, the @ if there is one, and the variant."""
    path, dot_toml, rest = reference.rpartition(".toml")
    if dot_toml and (not rest or rest.startswith("@")):
        return path + dot_toml, rest[:1], rest[1:]
    return reference.partition("@")


def _matching(reference: str) -> list[str]:
    """The reference itself, or one for each installed method that its name is a pattern of."""
    name, at, variant = _split(reference)
    if not set("*?[") & set(name) or ":" in name or name.endswith(".toml"):
        return [reference]
    known = sorted({entry.name for entry in entry_points(group=ENTRY_POINT_GROUP)})
    matches = fnmatch.filter(known, name)
    if not matches:
        raise UsageError(
            f"--method {reference!r} matches no method; installed: {', '.join(known) or 'none'}"
        )
    return [f"{one}{at}{variant}" for one in matches]


def _find_member(name: str) -> FoundMethod:
    """A method, the member of one, or a card by its path."""
    by_path = name.endswith(".toml")
    family, colon, member = (_FAMILY_OF_CARDS, ":", name) if by_path else name.partition(":")
    member = member.removeprefix(f"{_FAMILY_OF_CARDS}:")
    found = find_method(family)
    if not colon:
        return found
    if found.plugin.member is None or not member:
        raise UsageError(f"--method {name!r}: {family!r} is one method and has no members")
    plugin = found.plugin.member(member)
    card = load_method_card(plugin.card)
    full_name = f"{family}:{card.method.name if by_path else member}"
    return FoundMethod(full_name, found.distribution, plugin, card)


def resolve_methods(
    references: Sequence[str], settings: Sequence[str] = ()
) -> list[ResolvedMethod]:
    """Turn references into methods with parameters; `name@*` becomes the method and all variants.

    Raises:
        UsageError: for an unknown method, variant or parameter, or the same method asked for twice.
    """
    resolved: list[ResolvedMethod] = []
    for reference in (one for pattern in references for one in _matching(pattern)):
        name, at, variant = _split(reference)
        if at and not variant:
            raise UsageError(f"--method {reference!r} names no variant after the @")
        found = _find_member(name)
        variants: list[str | None] = [variant or None]
        if variant == "*":
            variants = [None, *found.card.variants]
        for one in variants:
            parameters, asked = found.card.resolve(one, settings)
            resolved.append(ResolvedMethod(found, one, asked, parameters))
    names = [method.reference for method in resolved]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"asked for twice: {', '.join(twice)}")
    return resolved
