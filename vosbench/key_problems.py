"""What is wrong in a file that a user wrote: which key, and which one may have been meant.

The cards of methods, data sets and programs and the policies of gates are validated by models; this
puts what validation found into words that need no knowledge of them.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

__all__ = ["key_problems"]

_Place: TypeAlias = Sequence[int | str]
_SIMILAR: Final = 0.5
_LONGEST: Final = 60


def key_problems(
    error: ValidationError, model: type[BaseModel], *, below: _Place = (), whole: str = "file"
) -> list[str]:
    """One text for each problem: the key with the tables that it stands in, and what it should be.

    Args:
        error: from validating the content of a file.
        model: that it was validated by.
        below: tables of the file in which the content stands.
        whole: what to call the file where the problem is not of one key.
    """
    return [
        f"{'.'.join(str(part) for part in (*below, *item['loc'])) or whole}: {_said(item, model)}"
        for item in error.errors()
    ]


def _said(item: ErrorDetails, model: type[BaseModel]) -> str:
    kind, text = item["type"], item["msg"]
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return f"there is no such key{_meant(str(item['loc'][-1]), _keys(model, item['loc']))}"
    if kind in ("value_error", "assertion_error"):
        return text.partition(", ")[2] or text
    given = repr(item["input"])
    shown = given if len(given) <= _LONGEST else f"{given[:_LONGEST]}..."
    return f"{text[0].lower()}{text[1:]}, not {shown}"


def _meant(word: str, known: Iterable[str]) -> str:
    listed = list(known)
    close = difflib.get_close_matches(word, listed, n=1, cutoff=_SIMILAR)
    if close:
        return f" (did you mean {close[0]!r}?)"
    return f"; there are: {', '.join(listed)}" if listed else ""


def _keys(model: type[BaseModel], place: _Place) -> list[str]:
    """Keys of the table that the last part of a place stands in."""
    here: Any = model
    for part in place[:-1]:
        here = _inside(here, part)
    table = _table(here)
    return [] if table is None else [one.alias or key for key, one in table.model_fields.items()]


def _inside(annotation: Any, part: int | str) -> Any:
    """What stands under a key or at an index of something of this type; None if it is unknown."""
    table = _table(annotation)
    if table is not None:
        fields = {one.alias or key: one.annotation for key, one in table.model_fields.items()}
        return fields.get(str(part))
    for choice in _choices(annotation):
        # the values of a mapping, or the members of a tuple or list
        inner = [one for one in get_args(choice) if one is not Ellipsis]
        if inner:
            return inner[-1]
    return None


def _table(annotation: Any) -> type[BaseModel] | None:
    for choice in _choices(annotation):
        if isinstance(choice, type) and issubclass(choice, BaseModel):
            return choice
    return None


def _choices(annotation: Any) -> tuple[Any, ...]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _choices(get_args(annotation)[0])
    return get_args(annotation) if origin in (Union, types.UnionType) else (annotation,)
