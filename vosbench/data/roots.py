"""Where a data set lies on this machine.

Order: the folder the user names; `VOSBENCH_DATA_<NAME>`; `VOSBENCH_DATA`, which may hold several
data sets; `[data]` in the user's `config.toml`. A folder given by the user or by the data set's own
variable ends the search even when it does not fit: using other data silently would be worse.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vosbench.data.cards import DatasetCard
from vosbench.data.names import shortened
from vosbench.errors import InputError

__all__ = ["cache_folder", "config_path", "find_root", "folder_content", "layout_base"]

_MOST_LISTED = 12


@dataclass(frozen=True)
class _Place:
    """One folder to try, and why it is tried."""

    path: Path
    reason: str


def find_root(
    card: DatasetCard,
    root: Path | None = None,
    *,
    split: str | None = None,
    need_images: bool = True,
) -> Path:
    """The folder that holds the data set, as an absolute path.

    Args:
        card: card of the data set.
        root: folder that the user named, or None to search.
        split: a place that has this split's list too is preferred to one with the folders alone.
        need_images: whether the image folder must be there as well as the annotation folder.

    Raises:
        InputError: if no place fits; it lists what was looked for, every place tried with what was
            found there, and how to get the data.
    """
    places = list(_places(card, root))
    fitting = [p.path for p in places if _has_folders(card, p.path, need_images=need_images)]
    if not fitting:
        raise InputError(_not_found(card, places, need_images=need_images), hint=_how_to_get(card))
    listing = [path for path in fitting if split is not None and _has_list(card, split, path)]
    return (listing or fitting)[0].absolute()


def _places(card: DatasetCard, root: Path | None) -> Iterator[_Place]:
    if root is not None:
        yield from _below(root.expanduser(), card, "the folder given", own_first=True)
        return
    for name in card.lineage:
        variable = _variable(name)
        if os.environ.get(variable):
            folder = Path(os.environ[variable]).expanduser()
            yield from _below(folder, card, variable, own_first=True)
            return
    if os.environ.get("VOSBENCH_DATA"):
        folder = Path(os.environ["VOSBENCH_DATA"]).expanduser()
        yield from _below(folder, card, "VOSBENCH_DATA", own_first=False)
    configured = _configured(card)
    if configured is not None:
        yield from _below(configured, card, f"[data] in {config_path()}", own_first=True)


def _below(folder: Path, card: DatasetCard, reason: str, *, own_first: bool) -> Iterator[_Place]:
    """The folder itself and the usual names below it."""
    inner = [folder / name for name in (card.folders or (card.name.upper(), card.name))]
    paths = [folder, *inner] if own_first else [*inner, folder]
    yield from (_Place(path, reason) for path in paths)


def _variable(name: str) -> str:
    return "VOSBENCH_DATA_" + re.sub(r"[^A-Z0-9]", "_", name.upper())


def config_path() -> Path:
    """The user's configuration file, whether or not it exists."""
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "vosbench" / "config.toml"


def cache_folder() -> Path:
    """Folder for what vosbench makes itself and can make again."""
    own = os.environ.get("VOSBENCH_CACHE")
    if own:
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "vosbench"


def _configured(card: DatasetCard) -> Path | None:
    path = config_path()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"configuration {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"configuration {path} is not valid TOML: {error}") from error
    data = content.get("data", {})
    if not isinstance(data, dict):
        raise InputError(f"configuration {path}: data: must be a table of names and folders")
    for name in card.lineage:
        if name in data:
            if not isinstance(data[name], str) or not data[name]:
                raise InputError(f"configuration {path}: data.{name}: must be a folder's path")
            return path.parent / Path(data[name]).expanduser()
    return None


def layout_base(root: Path, patterns: tuple[str, ...]) -> Path | None:
    """The folder that holds the sequences' folders: of the first pattern that fits, or None.

    Where there are several patterns, one fits only if its folder holds a folder: so
    `JPEGImages/480p/SEQUENCE` and `JPEGImages/SEQUENCE` are told apart.
    """
    for pattern in patterns:
        folder = root / Path(pattern).parent
        if folder.is_dir() and (len(patterns) == 1 or any(p.is_dir() for p in _entries(folder))):
            return folder
    return None


def _has_folders(card: DatasetCard, root: Path, *, need_images: bool) -> bool:
    if layout_base(root, card.layout.annotations) is None:
        return False
    return not need_images or layout_base(root, card.layout.images) is not None


def _has_list(card: DatasetCard, split: str, root: Path) -> bool:
    part = card.splits[split]
    if any((root / path).is_file() for path in part.image_sets):
        return True
    return bool(part.parts) and all(_has_list(card, name, root) for name in part.parts)


def _entries(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise InputError(f"folder {folder} cannot be read: {error.strerror}") from error


def folder_content(folder: Path) -> str:
    """What is found at a path, in words, for messages."""
    if not folder.exists():
        return "does not exist"
    if not folder.is_dir():
        return "is not a folder"
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return f"holds {shortened(names, most=_MOST_LISTED)}" if names else "is empty"


def _not_found(card: DatasetCard, tried: list[_Place], *, need_images: bool) -> str:
    wanted = [" or ".join(str(Path(p).parent) for p in card.layout.annotations)]
    if need_images:
        wanted.insert(0, " or ".join(str(Path(p).parent) for p in card.layout.images))
    lines = [
        f"data set {card.name!r} ({card.title}) not found",
        f"  looked for: a folder with {' and '.join(wanted)}",
    ]
    if tried:
        lines.append("  looked in:")
        lines += [f"    {p.path} ({p.reason}): {folder_content(p.path)}" for p in tried]
    else:
        unset = [*(_variable(name) for name in card.lineage), "VOSBENCH_DATA"]
        lines.append(
            f"  looked in: nowhere, for no folder was given, {', '.join(unset)} are not set, and "
            f"{config_path()} does not name it"
        )
    return "\n".join(lines)


def _how_to_get(card: DatasetCard) -> str:
    text = card.how_to_get.strip()
    terms = f"Its terms: {card.licence}." if card.licence and card.generator is None else ""
    return "\n".join(part for part in (text, terms) if part)
