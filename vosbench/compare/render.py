"""A comparison as text for a terminal, and as Markdown for a pull request."""

from __future__ import annotations

from typing import Final

from vosbench.compare.content import Block, Made, blocks
from vosbench.compare.records import ComparisonRecord
from vosbench.report.text import escape_markdown, plain

__all__ = ["render_comparison_markdown", "render_comparison_terminal"]

_MOST_DETAILED: Final = 2


def render_comparison_terminal(record: ComparisonRecord, *, details: bool | None = None) -> str:
    """Aligned tables, without a line break at the end.

    Args:
        record: the comparison.
        details: also the sequences and frames that changed most; None: for one or two candidates.

    Control characters in names are spelled out, so that they cannot steer a terminal.
    """
    return "\n\n".join(_terminal_block(block) for block in _blocks(record, details))


def render_comparison_markdown(record: ComparisonRecord, *, details: bool | None = None) -> str:
    """GitHub's Markdown, without a line break at the end. Names are shown literally.

    Args:
        record: the comparison.
        details: as in `render_comparison_terminal`.
    """
    parts = [_markdown_block(block) for block in _blocks(record, details)]
    return "\n\n".join(["## Comparison", *parts])


def _blocks(record: ComparisonRecord, details: bool | None) -> list[Block]:
    if details is None:
        details = len(record.candidates) <= _MOST_DETAILED
    return blocks(record, details=details)


def _terminal_block(block: Block) -> str:
    parts = [plain(block.title)] if block.title else []
    parts += [plain(line) for line in block.lines]
    if block.rows:
        parts.append(_table(block, [[plain(cell) for cell in row] for row in block.rows], "simple"))
    return "\n".join(parts)


def _markdown_block(block: Block) -> str:
    parts = [f"### {escape_markdown(block.title)}"] if block.title else []
    if block.lines:
        parts.append("\n".join(f"- {escape_markdown(line)}" for line in block.lines))
    if block.rows:
        rows = [
            [cell if isinstance(cell, Made) else escape_markdown(cell) for cell in row]
            for row in block.rows
        ]
        parts.append(_table(block, rows, "github"))
    return "\n\n".join(parts)


def _table(block: Block, rows: list[list[str]], form: str) -> str:
    from tabulate import tabulate

    width = len(block.headers)
    return tabulate(
        rows,
        headers=list(block.headers),
        tablefmt=form,
        # names such as 1e5 stay names, and figures keep their decimals
        disable_numparse=True,
        colalign=tuple("left" if at < block.left else "right" for at in range(width)),
    )
