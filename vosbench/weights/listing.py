"""Which weight files the installed methods name, and which of them are here."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from vosbench.engine.environment import file_sha256
from vosbench.plugins import BrokenMethod, FoundMethod, find_methods

__all__ = ["ListedWeights", "list_weights"]


@dataclass(frozen=True)
class ListedWeights:
    """One weight file of a method.

    Attributes:
        method: name.
        file: as the card names it.
        state: `shipped`, `altered` (here, but not with the card's digest), or `not shipped`.
        bytes: size, or None where it is not here.
        sha256: of the file that is here, else what the card says, else None.
        licence: empty where the card does not say.
        source: who made it and where it is, empty where the card does not say.
    """

    method: str
    file: str
    state: str
    bytes: int | None
    sha256: str | None
    licence: str
    source: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def list_weights() -> list[ListedWeights]:
    """The weight files of all installed methods, by method and file.

    Those that a card names come first; files below `weights/` beside the card are listed whether
    the card names them or not.
    """
    rows: list[ListedWeights] = []
    for found in find_methods():
        if not isinstance(found, BrokenMethod):
            rows.extend(_of(found))
    return rows


def _of(found: FoundMethod) -> list[ListedWeights]:
    folder = found.plugin.card.parent
    rows = []
    for entry in found.card.weights:
        path = folder / entry.file
        here = path.is_file()
        digest = file_sha256(path) if here else entry.sha256 or None
        altered = here and entry.sha256 and entry.sha256 != digest
        state = "altered" if altered else "shipped" if here else "not shipped"
        size = path.stat().st_size if here else None
        row = ListedWeights(
            found.name, entry.file, state, size, digest, entry.licence, entry.source
        )
        rows.append(row)
    named = {folder / entry.file for entry in found.card.weights}
    for path in sorted((folder / "weights").glob("*.safetensors")):
        if path not in named:
            name = path.relative_to(folder).as_posix()
            size, digest = path.stat().st_size, file_sha256(path)
            rows.append(ListedWeights(found.name, name, "shipped", size, digest, "", ""))
    return rows
