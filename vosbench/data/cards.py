"""The card of a data set: one TOML file, validated, no code.

A card says where images, annotations and image sets lie below a root, how masks are read, by which
protocol they are scored, and how a user gets the data. Users add a data set by writing a card; with
`extends` it takes over another card and states only the differences.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from vosbench.data.generators import GENERATORS, Drawn, Generator
from vosbench.data.names import NAME_PATTERN, close_names
from vosbench.errors import InputError, UsageError
from vosbench.key_problems import key_problems

__all__ = ["Annotated", "DatasetCard", "Layout", "Metadata", "Split", "list_cards", "load_card"]

Annotated = Literal["every", "some"]
"""Which frames have ground truth: all of them, or the first and any others (often none)."""

_MAX_EXTENDS = 8
_OWN_KEYS = ("name", "title")


class _CardPart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Layout(_CardPart):
    """Folders of one sequence below the root, candidates in the order in which they are tried."""

    images: tuple[str, ...] = Field(min_length=1)
    annotations: tuple[str, ...] = Field(min_length=1)
    per_object: bool = Field(default=False, description="annotations in one folder per object")

    @field_validator("images", "annotations")
    @classmethod
    def _patterns_stay_below_the_root(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            _check_relative(pattern)
            if pattern.split("/")[-1] != "{sequence}" or pattern.count("{") != 1:
                raise ValueError(
                    f"{pattern!r} must end in /{{sequence}}, and hold no other placeholder"
                )
        return patterns


class Metadata(_CardPart):
    """How a data set's own JSON file on its objects is read; see `vosbench.data.metadata`."""

    seen_categories: tuple[str, ...] = Field(
        default=(), description="categories that occur in the training data"
    )
    unseen_sequences: str | None = Field(
        default=None, description="list file: all objects of these sequences are unseen"
    )
    frame_step: int = Field(default=5, ge=1, description="between frame numbers of a range")

    @field_validator("unseen_sequences")
    @classmethod
    def _list_stays_below_the_root(cls, path: str | None) -> str | None:
        return _checked_relative(path)


class Split(_CardPart):
    """One split: the file that lists its sequences, and what a complete copy holds."""

    image_sets: tuple[str, ...] = Field(
        default=(), description="list files, candidates in order; none = every sub-folder"
    )
    parts: tuple[str, ...] = Field(
        default=(), description="splits to join where no list file of this one exists"
    )
    annotated: Annotated = "every"
    layout: Layout | None = Field(default=None, description="where it differs from the card's")
    meta: str | None = Field(default=None, description="JSON file on the objects of the split")
    manifest_sha256: str | None = Field(
        default=None, pattern="^[0-9a-f]{64}$", description="of a complete copy"
    )
    sequences: int | None = Field(default=None, ge=1, description="of a complete copy")
    frames: int | None = Field(default=None, ge=1, description="of a complete copy")

    @field_validator("image_sets")
    @classmethod
    def _lists_stay_below_the_root(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        for path in paths:
            _check_relative(path)
        return paths

    @field_validator("meta")
    @classmethod
    def _meta_stays_below_the_root(cls, path: str | None) -> str | None:
        return _checked_relative(path)


class DatasetCard(_CardPart):
    """A whole card.

    Attributes:
        name: what the user types, and the folder of runs.
        protocol: scoring protocol by name.
        label_kind: how masks are read; `auto` decides per sequence: a first mask whose only
            non-zero value is 255 is `binary`, any other is `ids`.
        late_objects: objects may start after the first frame; frames before the first mask are left
            out.
        metadata: how `meta` of a split is read.
        folders: folder names under which the data set is looked for below `VOSBENCH_DATA`.
        generator: which of its data sets, where vosbench draws the data itself.
        lineage: names of this card and of those that it extends; the root of any of them serves.
        source: file that the card was read from.
    """

    name: str = Field(pattern=NAME_PATTERN)
    title: str = Field(min_length=1)
    summary: str = ""
    licence: str = ""
    citation: str = ""
    how_to_get: str = ""
    protocol: str = Field(min_length=1)
    label_kind: Literal["binary", "ids", "auto"]
    late_objects: bool = False
    folders: tuple[str, ...] = ()
    generator: Generator | None = None
    default_split: str
    layout: Layout
    metadata: Metadata = Metadata()
    splits: dict[str, Split] = Field(min_length=1)
    lineage: tuple[str, ...] = ()
    source: Path | None = None

    @field_validator("folders")
    @classmethod
    def _folders_stay_below_the_root(cls, folders: tuple[str, ...]) -> tuple[str, ...]:
        for folder in folders:
            _check_relative(folder)
        return folders

    @model_validator(mode="after")
    def _splits_fit_together(self) -> DatasetCard:
        if self.default_split not in self.splits:
            raise ValueError(
                f"default_split is {self.default_split!r}, but the splits are: "
                f"{', '.join(self.splits)}"
            )
        for name, split in self.splits.items():
            for part in split.parts:
                if part not in self.splits or part == name or self.splits[part].parts:
                    raise ValueError(f"splits.{name}.parts: {part!r} is not another plain split")
        return self

    @property
    def drawn(self) -> Drawn | None:
        """How vosbench draws the data itself; None where the user has to get them."""
        return None if self.generator is None else GENERATORS[self.generator]

    def split(self, name: str | None) -> tuple[str, Split]:
        """The named split, or the default one.

        Raises:
            UsageError: if the card has no such split.
        """
        chosen = self.default_split if name is None else name
        if chosen not in self.splits:
            raise UsageError(
                f"data set {self.name!r} has no split {chosen!r}"
                f"{close_names(chosen, self.splits, count=1)}; it has: {', '.join(self.splits)}"
            )
        return chosen, self.splits[chosen]

    def for_split(self, name: str) -> DatasetCard:
        """The card with the layout of one split, for splits that lie in folders of their own."""
        layout = self.splits[name].layout
        return self if layout is None else self.model_copy(update={"layout": layout})


def _check_relative(path: str) -> None:
    parts = path.split("/")
    if not path or path.startswith("/") or "\\" in path or any(p in ("", ".", "..") for p in parts):
        raise ValueError(f"{path!r} must be a relative path with forward slashes and without '..'")


def _checked_relative(path: str | None) -> str | None:
    if path is not None:
        _check_relative(path)
    return path


def _shipped_folders() -> list[Path]:
    """Folder of the shipped cards; `importlib.resources` cannot find it in an editable install."""
    spec = find_spec("vosbench_datasets")
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    return [Path(place) for place in places if Path(place).is_dir()]


def _shipped() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for folder in _shipped_folders():
        for path in sorted(folder.glob("*.toml")):
            found.setdefault(path.stem, path)
    return found


def list_cards() -> list[DatasetCard]:
    """All shipped cards, sorted by name.

    Raises:
        InputError: if one of them is broken.
    """
    return [load_card(path) for _, path in sorted(_shipped().items())]


def load_card(reference: str | Path) -> DatasetCard:
    """Read a card.

    Args:
        reference: name of a shipped card, or path of a `.toml` file.

    Raises:
        UsageError: for a name that no shipped card has.
        InputError: for a file that cannot be read or is no valid card; it names file and key.
    """
    path = _find(reference)
    content, lineage = _merged(path, ())
    if "lineage" in content or "source" in content:
        raise InputError(f"data set card {path}: `lineage` and `source` are filled in by vosbench")
    try:
        return DatasetCard.model_validate({**content, "lineage": lineage, "source": path})
    except ValidationError as error:
        problems = "\n".join(f"  {one}" for one in key_problems(error, DatasetCard, whole="card"))
        raise InputError(
            f"data set card {path} is wrong:\n{problems}",
            hint="docs/datasets.md describes every key of a card",
        ) from error


def _find(reference: str | Path, *, beside: Path | None = None) -> Path:
    text = str(reference)
    is_path = isinstance(reference, Path) or text.endswith(".toml") or "/" in text or "\\" in text
    if is_path:
        path = Path(text).expanduser()
        return path if beside is None else beside / path
    shipped = _shipped()
    if text not in shipped:
        raise UsageError(
            f"no data set {text!r}{close_names(text, shipped)}; shipped: "
            f"{', '.join(sorted(shipped)) or 'none'}",
            hint="a data set of your own is named by the path of its card, ending in .toml",
        )
    return shipped[text]


def _merged(path: Path, below: tuple[Path, ...]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Content of a card on top of the cards it extends, and the names of all of them."""
    if path.resolve() in below or len(below) >= _MAX_EXTENDS:
        raise InputError(f"data set card {path}: `extends` leads in a circle or too deep")
    content = _read(path)
    base = content.pop("extends", None)
    name = str(content.get("name", ""))
    if base is None:
        return content, (name,)
    if not isinstance(base, str):
        raise InputError(f"data set card {path}: extends: must be a card's name or path")
    try:
        base_path = _find(base, beside=path.parent)
    except UsageError as error:
        raise InputError(f"data set card {path}: extends: {error}") from error
    inherited, lineage = _merged(base_path, (*below, path.resolve()))
    for key in _OWN_KEYS:
        inherited.pop(key, None)
    return _overlaid(inherited, content), (name, *lineage)


def _overlaid(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    """Tables are joined key by key; everything else in `top` replaces what `base` has."""
    result = dict(base)
    for key, value in top.items():
        old = result.get(key)
        both = isinstance(value, dict) and isinstance(old, dict)
        result[key] = _overlaid(old, value) if both else value  # type: ignore[arg-type]
    return result


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"data set card {path} cannot be read: {error.strerror or error}",
            hint="name a shipped data set (vosbench list datasets) or an existing .toml file",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"data set card {path} is not valid TOML: {error}") from error
