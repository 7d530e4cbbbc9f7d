"""Why sequences have no result, in as few lines as there are different reasons."""

from __future__ import annotations

import re
from collections.abc import Mapping

from vosbench.data.names import shortened

__all__ = ["reason_lines"]


def reason_lines(reasons: Mapping[str, str]) -> list[str]:
    """One line for each reason, with the sequences that have it.

    Args:
        reasons: by sequence. Those that differ only in the sequence's name are one, and the first
            is told.
    """
    groups: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        alike = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", "\0", reason)
        groups.setdefault(alike, []).append(name)
    lines = []
    for names in groups.values():
        more = f" (the first of {len(names)} alike)" if len(names) > 1 else ""
        lines.append(f"  {shortened(names)}: {reasons[names[0]]}{more}")
    return lines
