"""`vosbench diagnose`: why masks lose, and what one run loses against another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli.common import (
    DataOption,
    DatasetOption,
    DeviceOption,
    JsonOption,
    LimitOption,
    SequencesOption,
    SplitOption,
    WeightsOption,
    note,
    print_json,
    verb,
)
from vosbench.errors import GateFailure, RunIncomplete, UsageError

if TYPE_CHECKING:
    from vosbench.explain import Diagnosis

__all__ = ["diagnose"]


@verb
def diagnose(
    path: Annotated[
        Path | None,
        typer.Argument(metavar="RUN", help="Run directory, or folder, zip or JSON of masks."),
    ] = None,
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
    replay: Annotated[
        bool, typer.Option("--replay", help="Try other merging rules on the stored soft masks.")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Run the method again from the truth at failures.")
    ] = False,
    weights: WeightsOption = None,
    device: DeviceOption = "auto",
    attributes: Annotated[
        bool, typer.Option("--attributes", help="J by what makes sequences hard.")
    ] = False,
    tags: Annotated[
        Path | None,
        typer.Option("--tags", help="CSV of tags by people, to hold --attributes against."),
    ] = None,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="No diagnosis: measure the diagnosis itself.")
    ] = False,
    make_suite: Annotated[
        str | None,
        typer.Option(
            "--make-suite",
            metavar="SIZE",
            help="No diagnosis: draw the diagnostic suite (tiny, std or 480p), or compose "
            "one from the clips of --dataset (semi-real).",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for a suite, or for the card.")
    ] = None,
    details: Annotated[
        bool, typer.Option("--details", help="List all objects, failures and events.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Split what J loses by cause; find events, failures and confused objects."""
    from vosbench.explain import Attributes, Restart, diagnose_path
    from vosbench.store import refuse_nothing

    if self_test:
        if path is not None or make_suite is not None:
            raise UsageError("--self-test takes no RUN and does not go with --make-suite")
        _self_test(out or Path("analysis-card"), json=json)
        return
    if make_suite is not None:
        if path is not None or out is None:
            raise UsageError(
                "--make-suite takes no RUN and needs --out",
                hint="vosbench diagnose --make-suite tiny --out FOLDER",
            )
        from vosbench.explain.suites import make
        from vosbench.report.text import count

        made = make(make_suite, out, dataset, split, data, sequences=sequences, limit=limit)
        note(count(made, "clip"))
        typer.echo(str(out))
        return
    if path is None:
        raise UsageError("name a run directory, or a folder, zip or JSON of masks")
    if tags is not None and not attributes:
        raise UsageError("--tags are compared with --attributes: ask for both")
    for one in (path, other):
        if one is not None:
            refuse_nothing(one)
    found = Attributes(tags=tags, progress=note) if attributes else None
    again = Restart(weights=weights, device=device, progress=note) if restart else None
    found_in = [
        diagnose_path(
            one,
            dataset=dataset,
            split=split,
            data=data,
            protocol=protocol,
            sequences=sequences,
            limit=limit,
            replay=replay,
            restart=again,
            attributes=found,
        )
        for one in (path, other)
        if one is not None
    ]
    _show(found_in, details=details, json=json)


def _show(found: list[Diagnosis], *, details: bool, json: bool) -> None:
    """One diagnosis, or what the second of two loses against the first."""
    from vosbench.explain import (
        compare_centres,
        compare_diagnoses,
        render_diagnosis,
        render_difference,
    )
    from vosbench.report.text import count

    records = [one.record for one in found]
    if len(records) > 1:
        difference = compare_diagnoses(*records)
        if all(one.placement.clipped is not None for one in records):
            centres = compare_centres(*(one.findings for one in found))
            difference = difference.model_copy(update={"centres": centres})
        if json:
            print_json(difference.model_dump(mode="json"))
        else:
            typer.echo(render_difference(difference))
    elif json:
        print_json(records[0].model_dump(mode="json"))
    else:
        typer.echo(render_diagnosis(records[0], details=details))
    if not json:
        for written in (path for one in found for path in one.written):
            typer.echo(str(written))
    missing = {name: why for record in records for name, why in record.undiagnosed.items()}
    for name, why in missing.items():
        note(f"not diagnosed: {name}: {why}")
    if missing:
        raise RunIncomplete(f"{count(len(missing), 'sequence')} could not be diagnosed")


def _self_test(out: Path, *, json: bool) -> None:
    """Write the analysis card and say whether its targets are reached."""
    from vosbench.explain import CARD_JSON, CARD_MARKDOWN, render_card, self_test
    from vosbench.report.text import count
    from vosbench.store import write_record
    from vosbench.store.atomic import write_text

    card = self_test(progress=note)
    text = render_card(card)
    write_text(out / CARD_MARKDOWN, text + "\n")
    write_record(out / CARD_JSON, card)
    if json:
        print_json(card.model_dump(mode="json"))
    else:
        typer.echo(text)
        typer.echo(str(out / CARD_JSON))
    failed = [one.target for one in card.targets if not one.reached]
    if failed:
        raise GateFailure(
            f"{count(len(failed), 'target')} of the analysis card missed: {'; '.join(failed)}"
        )
