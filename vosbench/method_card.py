"""The card of a method: `method.toml`, validated.

A card tells what a method is, what it can do, its parameters with their defaults, its variants, and
the numbers that were published for it. Parameters have flat dotted names (`smoothing.momentum`);
the type of a default is the type of the parameter.
"""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from vosbench.errors import InputError, UsageError
from vosbench.key_problems import key_problems
from vosbench.types import ParameterValue, Precision

__all__ = [
    "Capabilities",
    "Identity",
    "MethodCard",
    "Published",
    "Variant",
    "WeightFile",
    "load_method_card",
    "parse_setting",
]


class _CardPart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Identity(_CardPart):
    """Who made the method and under which terms."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    title: str
    summary: str = ""
    venue: str = ""
    doi: str = ""
    url: str = ""
    licence: str = ""
    reconstruction: str = Field(default="", description="what is not the authors' own, if anything")


class Capabilities(_CardPart):
    """What the method can do itself; the engine adapts the rest."""

    multi_object: bool = False
    soft_masks: bool = False
    late_objects: bool = False
    devices: tuple[str, ...] = ("cpu",)
    precisions: tuple[Precision, ...] = ("fp32",)


class Variant(_CardPart):
    """A named set of parameters."""

    summary: str
    rule: str = Field(default="", description="how it works without retraining, where that matters")
    oracle: bool = Field(default=False, description="is shown the ground truth; never a result")
    changes: dict[str, ParameterValue] = Field(default_factory=dict, alias="set")


class Published(_CardPart):
    """A number that somebody published; shown beside measured ones, never among them."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)

    dataset: str
    split: str
    source: str
    verified: bool = False
    conditions: str = ""
    variant: str = ""

    @property
    def values(self) -> dict[str, float]:
        """The figures of the row, in the unit they were published in (points, ms)."""
        extra = self.model_extra or {}
        return {
            key: float(value) for key, value in extra.items() if isinstance(value, (int, float))
        }


class WeightFile(_CardPart):
    """A weight file that the method ships or that its user fetches."""

    file: str = Field(description="path from the card's folder, or the name it was published under")
    sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$", description="empty: not known")
    licence: str = ""
    source: str = Field(default="", description="who made it, and where to get it")


class MethodCard(_CardPart):
    """A whole `method.toml`."""

    method: Identity
    capabilities: Capabilities = Capabilities()
    parameters: dict[str, ParameterValue] = Field(default_factory=dict)
    variants: dict[str, Variant] = Field(default_factory=dict)
    published: tuple[Published, ...] = ()
    weights: tuple[WeightFile, ...] = ()
    program: dict[str, Any] = Field(
        default_factory=dict, description="how to run an external program; read by its method"
    )

    @model_validator(mode="after")
    def _variants_change_known_parameters(self) -> MethodCard:
        for name, variant in self.variants.items():
            for key, value in variant.changes.items():
                if key not in self.parameters:
                    raise ValueError(f"variant {name!r} sets unknown parameter {key!r}")
                if not _same_kind(value, self.parameters[key]):
                    raise ValueError(
                        f"variant {name!r} sets {key!r} to {value!r}; its default is "
                        f"{self.parameters[key]!r}, of another type"
                    )
        return self

    def resolve(
        self, variant: str | None, settings: Iterable[str] = ()
    ) -> tuple[dict[str, ParameterValue], dict[str, ParameterValue]]:
        """Parameters in effect, and the part of them that `--set` asked for.

        Args:
            variant: name of a variant of this card, or None for the defaults.
            settings: `key=value` texts, applied after the variant.

        Raises:
            UsageError: for an unknown variant or parameter, or a value of the wrong type.
        """
        parameters = dict(self.parameters)
        if variant is not None:
            if variant not in self.variants:
                raise UsageError(
                    f"method {self.method.name!r} has no variant {variant!r}; it has: "
                    f"{', '.join(sorted(self.variants)) or 'none'}{_close(variant, self.variants)}"
                )
            parameters |= self.variants[variant].changes
        asked = {}
        for setting in settings:
            key, value = parse_setting(setting, self.parameters, owner=self.method.name)
            if variant is not None and key in self.variants[variant].changes:
                raise UsageError(
                    f"--set {key} contradicts {self.method.name}@{variant}, which sets it itself",
                    hint="change it on the method without the variant",
                )
            asked[key] = value
        return parameters | asked, asked


def _same_kind(value: ParameterValue, default: ParameterValue) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, (int, float))
    return isinstance(value, type(default))


def _close(word: str, known: Iterable[str]) -> str:
    matches = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {matches[0]!r}?)" if matches else ""


def parse_setting(
    setting: str, parameters: Mapping[str, ParameterValue], *, owner: str
) -> tuple[str, ParameterValue]:
    """Read one `key=value`, with the type that the parameter's default has.

    Raises:
        UsageError: when there is no `=`, the key is unknown, or the value does not fit.
    """
    key, separator, text = setting.partition("=")
    key, text = key.strip(), text.strip()
    if not separator or not key:
        raise UsageError(f"--set {setting!r} is not of the form key=value")
    if key not in parameters:
        raise UsageError(
            f"method {owner!r} has no parameter {key!r}{_close(key, parameters)}; it has: "
            f"{', '.join(sorted(parameters)) or 'none'}"
        )
    default = parameters[key]
    try:
        return key, _convert(text, default)
    except ValueError as error:
        raise UsageError(
            f"--set {key}: {text!r} is no {_kind_name(default)} (its default is {default!r})"
        ) from error


def _kind_name(default: ParameterValue) -> str:
    return {bool: "true or false", int: "whole number", float: "number", str: "text"}[type(default)]


def _convert(text: str, default: ParameterValue) -> ParameterValue:
    if isinstance(default, bool):
        words = {"true": True, "on": True, "1": True, "yes": True}
        words |= {"false": False, "off": False, "0": False, "no": False}
        if text.lower() not in words:
            raise ValueError(text)
        return words[text.lower()]
    if isinstance(default, int):
        return int(text)
    if isinstance(default, float):
        number = float(text)
        if not math.isfinite(number):
            raise ValueError(text)
        return number
    return text


def load_method_card(path: Path) -> MethodCard:
    """Read and check a `method.toml`.

    Raises:
        InputError: naming the file and the key that is wrong.
    """
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return MethodCard.model_validate(content)
    except OSError as error:
        raise InputError(f"method card {path} cannot be read: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"method card {path} is not valid TOML: {error}") from error
    except ValidationError as error:
        problems = "; ".join(key_problems(error, MethodCard, whole="card"))
        raise InputError(
            f"method card {path} is wrong: {problems}",
            hint="docs/adding-a-method.md describes the keys of a card",
        ) from error
