"""`vosbench diagnose`: why masks lose, and what one run loses against another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vosbench.cli.common import (
    DataOption,
    DatasetOption,
    JsonOption,
    LimitOption,
    SequencesOption,
    SplitOption,
    note,
    print_json,
    verb,
)
from vosbench.errors import RunIncomplete

__all__ = ["diagnose"]


@verb
def diagnose(
    path: Annotated[
        Path, typer.Argument(metavar="RUN", help="Run directory, or folder, zip or JSON of masks.")
    ],
    other: Annotated[
        Path | None,
        typer.Argument(metavar="[RUN2]", help="A second one: what it loses against the first."),
    ] = None,
    *,
    dataset: DatasetOption = None,
    split: SplitOption = None,
    data: DataOption = None,
    protocol: Annotated[
        str | None, typer.Option("--protocol", help="Default: the run's, or the data set's own.")
    ] = None,
    sequences: SequencesOption = None,
    limit: LimitOption = None,
    details: Annotated[
        bool, typer.Option("--details", help="List all objects, failures and events.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Split what J loses by cause; find events, failures and confused objects. Needs no images."""
    from vosbench.explain import (
        compare_diagnoses,
        diagnose_path,
        render_diagnosis,
        render_difference,
    )

    records = [
        diagnose_path(
            one,
            dataset=dataset,
            split=split,
            data=data,
            protocol=protocol,
            sequences=sequences,
            limit=limit,
        ).record
        for one in (path, other)
        if one is not None
    ]
    missing = {name: why for record in records for name, why in record.undiagnosed.items()}
    if other is not None:
        difference = compare_diagnoses(*records)
        if json:
            print_json(difference.model_dump(mode="json"))
        else:
            typer.echo(render_difference(difference))
    elif json:
        print_json(records[0].model_dump(mode="json"))
    else:
        typer.echo(render_diagnosis(records[0], details=details))
    for name, why in missing.items():
        note(f"not diagnosed: {name}: {why}")
    if missing:
        raise RunIncomplete(f"{len(missing)} sequence(s) could not be diagnosed")
