"""Tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["more_of", "table"]


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> str:
    """A plain table; the first `left` columns are text, the others numbers."""
    from tabulate import tabulate

    return tabulate(
        rows,
        headers=list(headers),
        tablefmt="simple",
        disable_numparse=True,
        colalign=tuple("left" if at < left else "right" for at in range(len(headers))),
    )


def more_of(total: int, shown: int | None) -> str:
    """What to add to a title where only some rows are shown."""
    return f" ({shown} of {total}; all with --details)" if shown and total > shown else ""
