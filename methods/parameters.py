"""Reading the parameters of a card into a method's own typed record; shared by the methods here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from vosbench.errors import UsageError
from vosbench.types import ParameterValue

__all__ = ["fields_given", "one_of", "refuse_unknown", "typed", "within"]


def refuse_unknown(
    method: str, values: Mapping[str, ParameterValue], known: Collection[str]
) -> None:
    """Check that every name is one of the method's.

    Raises:
        UsageError: a name is unknown.
    """
    unknown = sorted(values.keys() - set(known))
    if unknown:
        raise UsageError(
            f"{method} has no parameter {unknown[0]!r}", hint=f"Known: {', '.join(sorted(known))}"
        )


def fields_given(
    values: Mapping[str, ParameterValue], names: Mapping[str, str], defaults: object
) -> dict[str, Any]:
    """The fields that values set; what is absent stays out.

    Args:
        values: by the card's dotted names; names that `names` lacks are left out.
        names: dotted name to field.
        defaults: an object whose fields have values of the wanted types.

    Raises:
        UsageError: a value is of another type.
    """
    return {
        own: typed(name, values[name], getattr(defaults, own))
        for name, own in names.items()
        if name in values
    }


def typed(name: str, value: ParameterValue, default: ParameterValue) -> Any:
    """The value, a whole number made a float where the default is one.

    Raises:
        UsageError: it is of another type than the default.
    """
    kind = type(default)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not kind:
        raise UsageError(f"{name} is {value!r}; expected {kind.__name__}, such as {default!r}")
    return value


def one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    """Refuse a value that is none of the known ones."""
    if value not in known:
        raise UsageError(f"{name} is {value!r}; expected one of {', '.join(known)}")


def within(name: str, value: float, low: float, high: float) -> None:
    """Refuse a value outside of low..high, both allowed."""
    if not low <= value <= high:
        raise UsageError(f"{name} is {value}; expected {low} to {high}")
