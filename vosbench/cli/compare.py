"""`vosbench compare`: two or more runs, object by object."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli.common import (
    DataOption,
    DatasetOption,
    JsonOption,
    SplitOption,
    note,
    print_json,
    verb,
)
from vosbench.cli.report import FormatOption, TableOption, chosen_format, print_tables
from vosbench.errors import UsageError

if TYPE_CHECKING:
    from vosbench.compare import LooseMasks, RunScores

__all__ = ["compare"]


@verb
def compare(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Run directories, or folders or zips of masks; the first is the baseline.",
            show_default=False,
        ),
    ] = None,
    *,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", help="Run directory that the others are held to.")
    ] = None,
    ablation: Annotated[
        Path | None,
        typer.Option("--ablation", help="Folder of runs: each variant against the base variant."),
    ] = None,
    method: Annotated[
        str | None, typer.Option("--method", help="With --ablation: which method.")
    ] = None,
    dataset: DatasetOption = None,
    split: SplitOption = None,
    data: DataOption = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of bootstrap and permutation.")] = 0,
    json: JsonOption = False,
    details: Annotated[
        bool | None,
        typer.Option(
            "--details/--no-details",
            help="List sequences and frames that changed most; default: for one or two candidates.",
            show_default=False,
        ),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    format_: FormatOption = None,
    table: TableOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder that takes a page, the tables and the record."),
    ] = None,
) -> None:
    """Compare scored runs on what all of them scored; sequences are the sampled unit."""
    from vosbench.compare import (
        LooseMasks,
        clips_for,
        compare_runs,
        render_comparison_markdown,
        render_comparison_terminal,
        tables_of,
        write_comparison,
    )

    form = chosen_format(format_, table)
    if sum((json, markdown, form is not None)) > 1:
        raise UsageError("--json, --markdown and --format exclude each other")
    loose = LooseMasks(dataset, split, data)
    base, candidates, ablated = _chosen(runs or [], baseline, ablation, method, loose=loose)
    record = compare_runs(base, candidates, ablation=ablated, seed=seed)
    page = None
    if out is not None:
        clips, no_clips = clips_for(base, candidates, loose)
        page = write_comparison(out, record, base, candidates, clips=clips, no_clips=no_clips).html
    if json:
        print_json(record.model_dump(mode="json"))
    elif form is not None:
        print_tables(tables_of(record, base, candidates), form, table)
    elif markdown:
        typer.echo(render_comparison_markdown(record, details=details))
    else:
        typer.echo(render_comparison_terminal(record, details=details))
        if page is not None:
            typer.echo(str(page))
            return
    if page is not None:
        # what a program reads from stdout stays what it asked for
        note(str(page))


def _chosen(
    runs: list[Path],
    baseline: Path | None,
    ablation: Path | None,
    method: str | None,
    *,
    loose: LooseMasks,
) -> tuple[RunScores, list[RunScores], bool]:
    """The baseline, the candidates, and whether they are variants against their base variant."""
    from vosbench.compare import find_ablation, is_ablation, load_all, load_run_scores

    if ablation is not None:
        if runs or baseline is not None:
            raise UsageError("--ablation finds its runs itself: name no runs and no --baseline")
        found = find_ablation(ablation, method=method)
        for line in found.notes:
            note(f"note: {line}")
        return load_run_scores(found.base), [load_run_scores(r) for r in found.variants], True
    if method is not None:
        raise UsageError("--method goes with --ablation")
    paths = ([baseline] if baseline is not None else []) + runs
    # the baseline may be among the runs, but otherwise no run twice
    if len({path.resolve() for path in runs}) < len(runs):
        raise UsageError("a run is named twice: a comparison needs different runs")
    distinct = {path.resolve(): path for path in paths}
    if len(distinct) < 2:
        raise UsageError("a comparison needs two runs or more, or --ablation with a folder of runs")
    loaded = load_all(list(distinct.values()), loose)
    ablated = is_ablation([run.run for run in loaded])
    if ablated and baseline is None:
        # the base variant is what the variants are variants of, wherever it was named
        loaded.sort(key=lambda run: run.run.method.variant is not None)
    ablated = ablated and loaded[0].run.method.variant is None
    return loaded[0], loaded[1:], ablated
