"""The two template environments: HTML escapes by autoescape, Markdown by its own finalizer."""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vosbench.errors import InputError
from vosbench.report.published import PublishedRow
from vosbench.report.table import significant
from vosbench.report.text import (
    METRICS,
    UNDEFINED,
    Verbatim,
    count,
    defined,
    escape_markdown,
    fenced,
    plain,
    plain_block,
    points,
    published_number,
)
from vosbench.report.worst import Picture, WorstView

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["asset_path", "asset_text", "csp_hash", "html_environment", "markdown_environment"]

_SHOWN_VALUES = {metric.card_key for metric in METRICS} | {"ms_per_frame"}


def _folder() -> Path:
    spec = find_spec("vosbench_reports")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        # an editable install lists a marker of its import hook beside the real folder
        if Path(location).is_dir():
            return Path(location)
    raise InputError("the templates of vosbench are not installed", hint="install vosbench again")


def asset_path(name: str) -> Path:
    """A file of the templates' folder."""
    return _folder() / name


def asset_text(name: str) -> str:
    """A style sheet or script of the templates' folder."""
    return asset_path(name).read_text(encoding="utf-8")


def csp_hash(content: str) -> str:
    """What a content security policy calls an inline element by."""
    digest = hashlib.sha256(content.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def html_environment() -> Environment:
    """Environment of the page. Strings are made plain, then escaped."""
    from markupsafe import Markup

    def finalize(value: Any) -> Any:
        if isinstance(value, str) and not isinstance(value, (Markup, Verbatim)):
            return plain(value)
        return value

    environment = _environment(autoescape=True, finalize=finalize)
    environment.filters["block"] = plain_block
    return environment


def markdown_environment() -> Environment:
    """Environment of the Markdown report. Every string is escaped, unless it is `Verbatim`."""

    def finalize(value: Any) -> Any:
        if isinstance(value, str) and not isinstance(value, Verbatim):
            return escape_markdown(value)
        return value

    environment = _environment(autoescape=False, finalize=finalize)
    environment.filters["fenced"] = fenced
    # paths of our own making: letters, digits, dots, dashes and slashes
    environment.filters["asset"] = Verbatim
    return environment


def _environment(*, autoescape: bool, finalize: Any) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_folder()),
        # off only for Markdown, where `finalize` escapes every string
        autoescape=autoescape,  # noqa: S701
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "is_defined": lambda value: defined(value) is not None,
        "other_values": _other_values,
        "points": points,
        "published_number": published_number,
        "shell": _shell,
        "significant": significant,
    }
    environment.globals |= {
        "counted": count,
        "metrics": METRICS,
        "picture_alt": picture_alt,
        "undefined": UNDEFINED,
    }
    return environment


def picture_alt(view: WorstView, picture: Picture) -> str:
    """Text alternative of an overlay."""
    worst = view.worst
    where = f"{worst.sequence}, frame {worst.frame}, object {worst.object_id}"
    scores = f"J {points(worst.j)}, F {points(worst.f)}"
    if picture.shows == "errors":
        return f"Wrong pixels of {where}, on the dimmed frame: {scores}."
    return f"Predicted objects of {where}, tinted, with the true outlines: {scores}."


def _other_values(row: PublishedRow) -> list[tuple[str, float]]:
    return sorted((key, value) for key, value in row.values.items() if key not in _SHOWN_VALUES)


def _shell(command: Iterable[str]) -> str:
    return shlex.join(command)
