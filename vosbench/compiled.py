"""Finding the compiled twins of slow NumPy code.

They are built with the package where there is a C compiler, and are never needed: each has a NumPy
definition beside it that gives the same results. `VOSBENCH_COMPILED=0` in the environment leaves
them aside.
"""

from __future__ import annotations

import importlib
import os
from types import ModuleType

__all__ = ["compiled_twin"]


def compiled_twin(name: str, *, version: int) -> ModuleType | None:
    """The compiled module of that full name, or None where NumPy has to do.

    Args:
        name: full module name.
        version: what its calls look like. An older build that was left behind in a source tree is
            not used.
    """
    if os.environ.get("VOSBENCH_COMPILED") == "0":
        return None
    try:
        module = importlib.import_module(name)
    except ImportError:
        return None
    return module if getattr(module, "VERSION", None) == version else None
