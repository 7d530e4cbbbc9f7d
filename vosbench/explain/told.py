"""What a run recorded of what its method told of itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vosbench.diagnose import Told
from vosbench.explain.collect import SelfTold
from vosbench.store import RunPaths, read_self_report

__all__ = ["self_told"]

_WINDOW = ["crop_left", "crop_top", "crop_right", "crop_bottom"]
_CENTRE = ["centre_x", "centre_y"]


def self_told(paths: RunPaths, sequence: str) -> SelfTold | None:
    """Windows and voted centres of one sequence, or None where the run has none.

    Raises:
        InputError: the file cannot be read.
    """
    table = read_self_report(paths.sequence_self(sequence))
    if table is None:
        return None
    windows: NDArray[np.float64] = table[_WINDOW].to_numpy(np.float64)
    centres: NDArray[np.float64] = table[_CENTRE].to_numpy(np.float64)
    told: dict[str, dict[int, Told]] = {}
    rows = zip(table["frame"], table["object_id"].tolist(), windows, centres, strict=True)
    for frame, object_id, window, centre in rows:
        left, top, right, bottom = window.tolist()
        x, y = centre.tolist()
        told.setdefault(str(frame), {})[object_id] = Told(
            window=(left, top, right, bottom) if np.isfinite(window).all() else None,
            centre=(x, y) if np.isfinite(centre).all() else None,
        )
    return told
