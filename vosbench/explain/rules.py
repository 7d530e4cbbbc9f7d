"""Which rules a measurement of the diagnosis is of."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import vosbench.diagnose

__all__ = ["rules_digest"]

_WITH: Final = ("collect.py", "faults.py", "findings.py", "masks.py", "selftest.py")
"""Of this package, what decides together with `vosbench.diagnose`."""


def rules_digest() -> str:
    """SHA-256 of the source of what finds events, splits losses, names causes and makes faults.

    An analysis card with another digest was measured with other rules, and must be made again.
    """
    rules = sorted(Path(vosbench.diagnose.__file__).parent.glob("*.py"))
    digest = hashlib.sha256()
    for path in (*rules, *(Path(__file__).parent / name for name in _WITH)):
        digest.update(f"{path.parent.name}/{path.name}\n".encode())
        digest.update(path.read_text(encoding="utf-8").encode())
    return digest.hexdigest()
