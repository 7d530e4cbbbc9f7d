"""`vosbench list`: what methods, data sets and runs there are."""

from __future__ import annotations

import shutil
import sys
import textwrap
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from vosbench.cli.common import JsonOption, note, print_json, verb
from vosbench.cli.method_facts import method_facts, method_lines
from vosbench.errors import InputError, UsageError

__all__ = ["list_"]

RUNS: Final = Path("runs")
_LEAST_WIDTH: Final = 12
_GAP: Final = 2
"""Characters between columns."""


class What(StrEnum):
    """What can be listed."""

    METHODS = "methods"
    DATASETS = "datasets"
    RUNS = "runs"


@verb
def list_(
    what: Annotated[What, typer.Argument(help="methods, datasets or runs.")],
    name: Annotated[
        str | None,
        typer.Argument(help="A method, to see all that can be set of it; or the folder of runs."),
    ] = None,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of runs.", show_default="runs")
    ] = None,
    json: JsonOption = False,
) -> None:
    """List methods with their variants, data sets with their splits, or runs with their scores."""
    if out is not None and (what is not What.RUNS or name is not None):
        raise UsageError("--out is the folder of `list runs`, which is named once")
    if what is What.DATASETS and name is not None:
        raise UsageError("`list datasets` takes no name", hint=f"vosbench check dataset {name}")
    if what is What.METHODS and name is not None:
        told = method_facts(name)
        if json:
            print_json(told)
        else:
            typer.echo("\n\n".join(method_lines(told)))
        return
    folder = Path(name) if name is not None else out
    rows = {What.METHODS: _methods, What.DATASETS: _datasets}.get(what, lambda: _runs(folder))()
    if json:
        print_json({what.value: rows})
        return
    if not rows:
        note(f"no {what.value} found" + (f" under {folder or RUNS}" if what is What.RUNS else ""))
        return
    typer.echo(_table(rows))


def _table(rows: list[dict[str, Any]]) -> str:
    """Rows as a table; on a terminal wrapped to its width, elsewhere one line each."""
    from tabulate import tabulate

    keys = list(dict.fromkeys(key for row in rows for key in row))
    shown = [[_cell(row.get(key)) for key in keys] for row in rows]
    if sys.stdout.isatty():
        longest = [max(len(line[at]) for line in (keys, *shown)) for at in range(len(keys))]
        widths = _widths(longest, shutil.get_terminal_size().columns)
        shown = [list(map(_wrapped, line, widths)) for line in shown]
    return tabulate(shown, headers=keys, tablefmt="simple", disable_numparse=True)


def _wrapped(cell: str, width: int) -> str:
    # a name is never broken: it is what the user types next
    return textwrap.fill(cell, width, break_long_words=False, break_on_hyphens=False)


def _widths(longest: list[int], columns: int) -> list[int]:
    """Widths of columns that fit a terminal: the widest give way, none below `_LEAST_WIDTH`.

    Args:
        longest: characters of the longest cell of each column.
        columns: characters of the terminal.
    """
    room = columns - _GAP * (len(longest) - 1)
    widths = list(longest)
    while sum(widths) > room and max(widths) > _LEAST_WIDTH:
        widths[widths.index(max(widths))] -= 1
    return widths


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(value)
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if isinstance(value, float):
        return f"{100 * value:.1f}"
    return "" if value is None else str(value)


def _methods() -> list[dict[str, Any]]:
    from vosbench.plugins import BrokenMethod, find_methods

    rows: list[dict[str, Any]] = []
    for found in find_methods():
        if isinstance(found, BrokenMethod):
            rows.append(
                {"method": found.name, "package": found.distribution, "error": found.reason}
            )
            continue
        rows.append(
            {
                "method": found.name,
                "package": found.distribution,
                "variants": {name: v.summary for name, v in found.card.variants.items()},
                "summary": found.card.method.summary,
            }
        )
    return rows


def _datasets() -> list[dict[str, Any]]:
    from vosbench.data import list_cards

    return [
        {"dataset": c.name, "splits": sorted(c.splits), "protocol": c.protocol, "title": c.title}
        for c in list_cards()
    ]


def _runs(folder: Path | None) -> list[dict[str, Any]]:
    from vosbench.store import RunPaths, find_runs, read_run, read_scores

    # where nothing has been run there is no folder of runs yet; one that was named must be there
    if folder is not None and not folder.is_dir():
        raise InputError(
            f"{folder} {'is no folder' if folder.exists() else 'does not exist'}",
            hint="name the folder that was given to vosbench run --out",
        )
    rows: list[dict[str, Any]] = []
    for root in find_runs(folder or RUNS):
        try:
            run = read_run(root)
            scored = RunPaths(root).scores.is_file()
            mean = read_scores(root).overall.jf_mean if scored else None
        except InputError as error:
            rows.append({"run": str(root), "error": str(error)})
            continue
        rows.append(
            {
                "run": str(root),
                "method": run.method.reference,
                "data": f"{run.data.dataset} {run.data.split}",
                "sequences": len(run.data.sequences),
                "status": run.status,
                "J&F-Mean": mean,
                "created": run.created,
            }
        )
    return rows
