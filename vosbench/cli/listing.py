"""`vosbench list`: what methods, data sets and runs there are."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from vosbench.cli.common import JsonOption, note, print_json, verb

__all__ = ["list_"]


class What(StrEnum):
    """What can be listed."""

    METHODS = "methods"
    DATASETS = "datasets"
    RUNS = "runs"


@verb
def list_(
    what: Annotated[What, typer.Argument(help="methods, datasets or runs.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of runs.")] = Path("runs"),
    json: JsonOption = False,
) -> None:
    """List methods with their variants, data sets with their splits, or runs with their scores."""
    rows = {What.METHODS: _methods, What.DATASETS: _datasets}.get(what, lambda: _runs(out))()
    if json:
        print_json({what.value: rows})
        return
    if not rows:
        note(f"no {what.value} found" + (f" under {out}" if what is What.RUNS else ""))
        return
    from tabulate import tabulate

    shown = [{key: _cell(value) for key, value in row.items()} for row in rows]
    typer.echo(tabulate(shown, headers="keys", tablefmt="simple", disable_numparse=True))


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


def _runs(out: Path) -> list[dict[str, Any]]:
    from vosbench.errors import InputError
    from vosbench.store import RunPaths, find_runs, read_run, read_scores

    rows: list[dict[str, Any]] = []
    for root in find_runs(out):
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
