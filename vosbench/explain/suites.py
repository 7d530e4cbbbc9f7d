"""Writing diagnostic suites for whoever wants them as ordinary data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from vosbench.data import open_dataset
from vosbench.data.diagnostic import FULL_SIZES, write_full_suite, write_semi_real
from vosbench.errors import UsageError

__all__ = ["SEMI_REAL", "make"]

SEMI_REAL: Final = "semi-real"


def make(
    kind: str,
    out: Path,
    dataset: str | None,
    split: str | None,
    data: Path | None,
    *,
    sequences: str | None = None,
    limit: int | None = None,
) -> int:
    """Write a suite into a folder and say how many clips it has.

    Args:
        kind: a size of the drawn suite, or `semi-real`.
        out: folder; a drawn suite is completed, a semi-real one needs it empty or missing.
        dataset: of a semi-real suite, whose clips are used.
        split: of that data set.
        data: its root.
        sequences: name patterns: of clips of the drawn suite, or of sequences of the data set.
        limit: only the first so many of them.

    Raises:
        UsageError: for an unknown kind, or options that do not fit it.
        InputError: for data that cannot be used.
    """
    if kind == SEMI_REAL:
        if dataset is None:
            raise UsageError(
                "a semi-real suite is made from the clips of a data set: name one with --dataset"
            )
        opened = open_dataset(dataset, split=split, root=data, sequences=sequences, limit=limit)
        return len(write_semi_real(out, opened.sequences))
    for size in FULL_SIZES:
        if size == kind:
            if dataset is not None or split is not None or data is not None:
                raise UsageError(
                    f"a drawn suite needs no data set; --dataset, --split and --data are for "
                    f"{SEMI_REAL}"
                )
            write_full_suite(out, size, sequences=sequences, limit=limit)
            return len((out / "ImageSets" / "2017" / "all.txt").read_text("utf-8").split())
    raise UsageError(f"there is no suite {kind!r}; there are {', '.join(FULL_SIZES)}, {SEMI_REAL}")
