"""The data set that masks belong to, opened for looking at them."""

from __future__ import annotations

from pathlib import Path

from vosbench.data.cards import load_card
from vosbench.data.dataset import Dataset, open_dataset
from vosbench.errors import UsageError
from vosbench.store import RunPaths, read_run, refuse_nothing

__all__ = ["open_task"]


def open_task(
    path: Path,
    *,
    dataset: str | None,
    split: str | None,
    data: Path | None,
    sequences: str | None = None,
    limit: int | None = None,
    as_chosen: bool = False,
    images_for_frames: bool = False,
) -> Dataset:
    """Open the data that masks belong to: as named, or as a run directory remembers them.

    Args:
        path: run directory, folder or zip of masks.
        dataset: name or path of a card; None means that of the run.
        split: split, or None for the card's default or the run's own.
        data: root of the data, or None to search for it.
        sequences: name patterns; None means all, or with `as_chosen` those of the run.
        limit: only the first so many of them.
        as_chosen: a run on chosen sequences is of these, not of its whole split.
        images_for_frames: demand images where annotations alone do not tell all frames.

    Raises:
        UsageError: if masks that are no run directory come without a data set.
        InputError: if there is nothing at the path, or the data cannot be used.
    """
    refuse_nothing(path)
    run = read_run(path) if RunPaths(path).run.is_file() else None
    if dataset is None and run is None:
        raise UsageError(f"{path} is no run directory: say which data set with --dataset")
    if dataset is None and run is not None:
        if as_chosen and split in (None, run.data.split):
            sequences = sequences or ",".join(run.data.sequences)
        dataset = run.data.reference or run.data.dataset
        split = split or run.data.split
        recorded = Path(run.data.root)
        data = data or (recorded if recorded.is_dir() else None)
    card = load_card(dataset or "")
    _, part = card.split(split)
    need_images = images_for_frames and part.annotated == "some"
    return open_dataset(
        dataset or "",
        split=split,
        root=data,
        sequences=sequences,
        limit=limit,
        need_images=need_images,
    )
