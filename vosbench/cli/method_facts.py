"""All that a user can set of one method, for `vosbench list methods NAME`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vosbench.errors import UsageError

__all__ = ["method_facts", "method_lines"]


def method_facts(name: str) -> dict[str, Any]:
    """What the card of a method says, and its weight files on this machine.

    Raises:
        UsageError: if there is no method of that name, or several are meant.
        InputError: if it cannot be loaded.
    """
    from vosbench.plugins import resolve_methods
    from vosbench.weights import list_weights

    resolved = resolve_methods([name])
    if len(resolved) != 1:
        raise UsageError(f"{name!r} names {len(resolved)} methods; look at one at a time")
    method = resolved[0]
    card = method.found.card
    return {
        "method": method.reference,
        **{key: value for key, value in card.method.model_dump().items() if key != "name"},
        "package": method.found.distribution,
        "capabilities": card.capabilities.model_dump(mode="json"),
        "parameters": method.parameters,
        "variants": {
            key: {"summary": one.summary, "oracle": one.oracle, "set": one.changes}
            for key, one in card.variants.items()
        },
        "weights": [row.as_dict() for row in list_weights() if row.method == method.found.name],
    }


def method_lines(told: Mapping[str, Any]) -> Iterator[str]:
    """The facts in blocks of text."""
    yield "\n".join(
        f"{key}: {told[key]}"
        for key in ("method", "title", "summary", "venue", "url", "licence", "reconstruction")
        if told[key]
    )
    able = {key: _word(value) for key, value in told["capabilities"].items()}
    yield _block("Capabilities", ("what", "value"), list(able.items()))
    parameters = [(key, _word(value)) for key, value in told["parameters"].items()]
    yield _block("Parameters, for --set NAME=VALUE", ("name", "default"), parameters)
    variants = [
        (
            f"{told['method'].partition('@')[0]}@{key}",
            ", ".join(f"{name}={_word(value)}" for name, value in one["set"].items()),
            f"{'oracle: ' if one['oracle'] else ''}{one['summary']}",
        )
        for key, one in told["variants"].items()
    ]
    yield _block("Variants, for --method", ("name", "sets", "summary"), variants)
    weights = [(row["file"], row["state"], row["licence"]) for row in told["weights"]]
    yield _block("Weights", ("file", "state", "licence"), weights)


def _block(title: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return f"{title}: none"
    from tabulate import tabulate

    table = tabulate(rows, headers=heads, tablefmt="simple", disable_numparse=True)
    return f"{title}\n{table}"


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)
