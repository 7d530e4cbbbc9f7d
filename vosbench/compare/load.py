"""Opening what a comparison is given: runs, loose masks, and the data set behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vosbench.compare.masks import score_loose_masks
from vosbench.compare.source import RunScores, load_run_scores
from vosbench.data import Dataset, open_dataset
from vosbench.errors import InputError, UsageError
from vosbench.report import check_run_directory
from vosbench.store import RunPaths, read_run
from vosbench.store.schema import RunRecord
from vosbench.types import Sequence as Clip
from vosbench.workflow import open_run_data

__all__ = ["LooseMasks", "clips_for", "load_all"]


@dataclass(frozen=True)
class LooseMasks:
    """What the user says of the data: needed for masks that are in no run.

    Attributes:
        dataset: name or card, or None for that of the runs beside them.
        split: or None for the data set's own.
        data: root, or None for where it was found before.
    """

    dataset: str | None = None
    split: str | None = None
    data: Path | None = None


def load_all(paths: Sequence[Path], loose: LooseMasks) -> list[RunScores]:
    """Load runs, and score what is a folder, zip or JSON of masks.

    Masks are scored on the data of the first run among the paths, or on `--dataset`.

    Raises:
        InputError: a path is neither, or its data cannot be found.
        UsageError: a data set is named and there are only runs.
    """
    are_runs = [RunPaths(path).run.is_file() for path in paths]
    if all(are_runs):
        if loose.dataset is not None or loose.split is not None:
            raise UsageError(
                "--dataset and --split are for masks that belong to no run; these are runs"
            )
        return [load_run_scores(path) for path in paths]
    first = next((path for path, run in zip(paths, are_runs, strict=True) if run), None)
    if first is None and loose.dataset is None:
        _refuse(paths[0])
    for path, run in zip(paths, are_runs, strict=True):
        if not run and not _may_hold_masks(path):
            check_run_directory(path)
    known = read_run(first) if first is not None else None
    opened = _open(known, loose)
    protocol = known.data.protocol if known is not None else opened.protocol
    return [
        load_run_scores(path) if run else score_loose_masks(path, opened, protocol=protocol)
        for path, run in zip(paths, are_runs, strict=True)
    ]


def _refuse(path: Path) -> None:
    try:
        check_run_directory(path)
    except InputError as error:
        raise InputError(
            str(error), hint=f"say with --dataset what the masks are of, or: {error.hint}"
        ) from error


def _may_hold_masks(path: Path) -> bool:
    """Whether it is worth opening as masks: not what certainly is something else."""
    if path.is_file():
        return path.suffix.lower() in (".zip", ".json") and path.name not in (
            "run.json",
            "scores.json",
        )
    folders = ("*.png", "*/*.png", "*/*/*.png")
    return any(next(path.glob(pattern), None) is not None for pattern in folders)


def _open(run: RunRecord | None, loose: LooseMasks, *, images: bool = False) -> Dataset:
    if run is not None and loose.dataset is None:
        return open_run_data(run, loose.data, need_images=images)
    return open_dataset(loose.dataset or "", split=loose.split, root=loose.data, need_images=images)


def clips_for(
    baseline: RunScores, candidates: Sequence[RunScores], loose: LooseMasks
) -> tuple[Mapping[str, Clip], str]:
    """The clips for pictures, and why there are none or an empty text.

    Data that are gone cost the pictures only, unless the user named their place.

    Raises:
        InputError: the data are not where `--data` says.
    """
    made = [run.run for run in (baseline, *candidates) if RunPaths(Path(run.path)).run.is_file()]
    clips: dict[str, Clip] = {}
    try:
        # runs of different selections: what all have in common is among those of each
        opened = _open(made[0] if made else None, loose, images=True)
    except (InputError, UsageError) as error:
        if loose.data is not None:
            raise
        return clips, f"{error}"
    clips |= {clip.name: clip for clip in opened.sequences}
    return clips, ""
