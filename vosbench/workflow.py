"""What the verbs do, without arguments and exit codes: run, then score, then report.

Each stage works from what the stage before left on disk, so each can be done again alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vosbench.data import Dataset, open_dataset
from vosbench.data.masks import MaskSource, open_masks
from vosbench.errors import InputError, UsageError
from vosbench.evaluate import (
    Evaluation,
    Flip,
    ProtocolMatrix,
    evaluation_of,
    ranking_flips,
    score_masks,
    score_matrix,
    write_official_csvs,
)
from vosbench.metrics import get_protocol
from vosbench.store import (
    RunPaths,
    exclusive,
    read_run,
    write_record,
    write_table,
)
from vosbench.store.schema import RunRecord, ScoreRecord
from vosbench.types import Sequence as Clip

if TYPE_CHECKING:
    from vosbench.report import PublishedRow

__all__ = [
    "data_of_masks",
    "draw_report",
    "open_run_data",
    "published_beside",
    "score_path",
    "score_run",
    "score_under_all",
]


def score_run(root: Path, run: RunRecord, dataset: Dataset, *, processes: int = 1) -> ScoreRecord:
    """Score a run's finished sequences and leave scores, frame table and official CSVs in it.

    Sequences that failed, and those with no ground truth beyond the first frame, are named in
    `unscored`; the set's figures are over the others.

    Raises:
        InputError: if masks are not those the run wrote, or another process is writing the run.
    """
    from vosbench.engine.reuse import refuse_changed

    paths = RunPaths(root)
    with exclusive(paths):
        unscored = {name: f"the run failed on it; see sequences/{name}.json" for name in run.failed}
        bare = [s.name for s in dataset.sequences if _annotated(s) <= 1 and s.name not in unscored]
        unscored |= dict.fromkeys(bare, "there is no ground truth beyond the first frame")
        finished = [s for s in dataset.sequences if s.name not in unscored]
        for sequence in finished:
            refuse_changed(paths, sequence.name)
        evaluation = _evaluate(root, run, finished, processes)
        record = evaluation.record.model_copy(
            update={
                "unscored": evaluation.record.unscored | unscored,
                "without_truth": bare,
                "warnings": [
                    *_part_of_split(dataset, run.data.warnings),
                    *evaluation.record.warnings,
                ],
            }
        )
        _write_scores(root, evaluation, record)
    return record


def _annotated(sequence: Clip) -> int:
    return sum(frame.annotation is not None for frame in sequence.frames)


def _evaluate(root: Path, run: RunRecord, finished: Sequence[Clip], processes: int) -> Evaluation:
    if finished:
        return score_masks(
            open_masks(root),
            finished,
            protocol=run.data.protocol,
            dataset=run.data.dataset,
            split=run.data.split,
            processes=processes,
        )
    rules = get_protocol(run.data.protocol)
    return evaluation_of([], protocol=rules, dataset=run.data.dataset, split=run.data.split)


def _write_scores(root: Path, evaluation: Evaluation, record: ScoreRecord) -> None:
    paths = RunPaths(root)
    write_table(paths.frames, evaluation.frames)
    write_official_csvs(evaluation, root)
    # last, so that scores.json never speaks of a frame table that is not there
    write_record(paths.scores, record)


def score_path(
    path: Path,
    *,
    dataset: str | None,
    split: str | None,
    data: Path | None,
    protocol: str | None,
    sequences: str | None = None,
    limit: int | None = None,
    processes: int = 1,
    official_decay: bool = False,
) -> ScoreRecord:
    """Score masks that are anywhere: a run directory, a folder, or a zip.

    For a run directory all but the path may be left out, and scoring it as it was run renews the
    scores inside it. Other masks are scored without anything being written beside them.

    Raises:
        UsageError: if the data set of loose masks is not named.
        InputError: for masks or data that cannot be used.
    """
    run, opened = data_of_masks(path, dataset, split, data, sequences=sequences, limit=limit)
    if run is not None and opened.manifest_sha256 == run.data.manifest_sha256:
        as_run = protocol in (None, run.data.protocol) and not official_decay
        if as_run and opened.card.name == run.data.dataset:
            return score_run(path, run, opened, processes=processes)
    evaluation = score_masks(
        _open_masks_of(path, opened),
        opened.sequences,
        protocol=protocol or opened.protocol,
        dataset=opened.card.name,
        split=opened.split,
        processes=processes,
        official_decay=official_decay,
    )
    record = evaluation.record
    part = _part_of_split(opened, opened.warnings)
    warnings = [*opened.warnings, *part, *record.warnings]
    return record.model_copy(update={"warnings": warnings})


def _part_of_split(dataset: Dataset, said: Sequence[str]) -> list[str]:
    """Say so where the user chose some of the sequences; a partial copy has been told of."""
    complete = dataset.card.splits[dataset.split].sequences
    chosen = len(dataset.sequences)
    if complete is None or chosen >= complete or any("complete split" in line for line in said):
        return []
    return [
        f"{chosen} of {complete} sequences of {dataset.card.name} {dataset.split} were chosen: "
        "numbers from them are not those of the complete split"
    ]


def _open_masks_of(path: Path, opened: Dataset) -> MaskSource:
    """Loose masks of a data set, whose card may tell what the folders of a single clip do not."""
    source = open_masks(path)
    if opened.card.layout.per_object and not {s.name for s in opened.sequences} & {
        *source.sequences()
    }:
        return open_masks(path, layout="per-object")
    return source


def score_under_all(
    paths: Sequence[Path],
    *,
    dataset: str | None,
    split: str | None,
    data: Path | None,
    sequences: str | None = None,
    limit: int | None = None,
    processes: int = 1,
) -> tuple[list[ProtocolMatrix], list[Flip]]:
    """Score sets of masks under every protocol; nothing is written.

    Returns:
        A matrix for each path, and the pairs whose order depends on the protocol, seen from the
        data set's own.

    Raises:
        UsageError: if the data set of loose masks is not named, or the paths are of several.
        InputError: for masks or data that cannot be used.
    """
    matrices, seen = [], {}
    for path in paths:
        _, opened = data_of_masks(path, dataset, split, data, sequences=sequences, limit=limit)
        seen[opened.manifest_sha256] = opened
        if len(seen) > 1:
            raise UsageError(
                f"{path} is of other data than {paths[0]}: they have no common ranking"
            )
        matrices.append(
            score_matrix(
                str(path),
                _open_masks_of(path, opened),
                opened.sequences,
                dataset=opened.card.name,
                split=opened.split,
                processes=processes,
            )
        )
    reference = next(iter(seen.values())).protocol
    return matrices, ranking_flips(matrices, reference=reference)


def data_of_masks(
    path: Path,
    dataset: str | None,
    split: str | None,
    data: Path | None,
    *,
    sequences: str | None,
    limit: int | None,
) -> tuple[RunRecord | None, Dataset]:
    """The data that masks are of: what a run saw, unless other data are named."""
    run = read_run(path) if RunPaths(path).run.is_file() else None
    if run is None and dataset is None:
        raise UsageError(f"{path} is no run directory: say which data set with --dataset")
    if run is not None and dataset is None and split is None:
        return run, open_run_data(run, data, sequences=sequences, limit=limit)
    opened = open_dataset(
        dataset or (run.data.reference if run else ""),
        split=split,
        root=data,
        sequences=sequences,
        limit=limit,
        need_images=False,
    )
    return run, opened


def open_run_data(
    run: RunRecord,
    data: Path | None,
    *,
    sequences: str | None = None,
    limit: int | None = None,
    need_images: bool = False,
) -> Dataset:
    """The data a run saw, from `data` or else from where the run found it.

    Raises:
        InputError: if the data are not there, or are not what the run saw.
    """
    recorded = Path(run.data.root)
    root = data or (recorded if recorded.is_dir() else None)
    try:
        opened = open_dataset(
            run.data.reference or run.data.dataset,
            split=run.data.split,
            root=root,
            sequences=sequences or ",".join(run.data.sequences),
            limit=limit,
            need_images=need_images,
        )
    except InputError as error:
        if root is not None:
            raise
        raise InputError(
            f"the run found its data under {recorded}, which is gone. {error}",
            hint="say with --data where they are now",
        ) from error
    whole = sequences is None and limit is None
    if whole and opened.manifest_sha256 != run.data.manifest_sha256:
        raise InputError(
            f"the data under {opened.root} are not what run {run.run_id} saw: the frame lists, "
            "sizes or first masks differ",
            hint="point --data at the same release of the data set, or run again",
        )
    return opened


def _published(run: RunRecord) -> list[PublishedRow]:
    """What the installed method cards say was published for the run's data set and split."""
    from vosbench.plugins import BrokenMethod, find_methods
    from vosbench.report import published_rows

    cards = [found.card for found in find_methods() if not isinstance(found, BrokenMethod)]
    rows = [row for card in cards for row in published_rows(card)]
    return [r for r in rows if (r.dataset, r.split) == (run.data.dataset, run.data.split)]


def published_beside(root: Path) -> list[PublishedRow]:
    """What the installed method cards say was published for the data set and split of a run.

    Raises:
        InputError: if it is no run directory.
    """
    from vosbench.report import check_run_directory

    check_run_directory(root)
    return _published(read_run(root))


def draw_report(
    root: Path, *, dataset: Dataset | None = None, data: Path | None = None, frames: str = "auto"
) -> tuple[Path, str]:
    """Draw the report of a scored run.

    Args:
        root: run directory.
        dataset: the run's data, if already open.
        data: root of the data, else where the run found it. Data that are gone cost the pictures
            of frames only.
        frames: which sequences can be stepped through, as for `write_report`.

    Returns:
        Path of the HTML page, and why it shows no frames or an empty text.
    """
    from vosbench.report import write_report

    run = read_run(root)
    missing = ""
    if dataset is None:
        try:
            dataset = open_run_data(run, data, need_images=True)
        except InputError as error:
            # asked for by name, missing data are an error; else the report goes without frames
            if data is not None:
                raise
            missing = f"the report shows no frames: {error}"
    sequences = {s.name: s for s in dataset.sequences} if dataset is not None else None
    report = write_report(root, published=_published(run), sequences=sequences, frames=frames)
    return report.html, missing
