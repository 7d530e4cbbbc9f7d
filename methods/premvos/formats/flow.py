"""Optical flow in Middlebury's `.flo` files.

Little-endian: the number 202021.25 as float32, width and height as int32, then per pixel, row by
row, the motion in x and in y as float32 (px). (Baker et al., "A Database and Evaluation Methodology
for Optical Flow", IJCV 2011, and the `README.txt` of its `flow-code`.)
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

import numpy as np

from vosbench.errors import InputError

from ..merging import Flow

__all__ = ["read_flow", "write_flow"]

_MAGIC: Final = 202021.25
_HEADER: Final = struct.Struct("<fii")
_MOST_PIXELS: Final = 1 << 26
_UNKNOWN: Final = 1e9


def read_flow(path: Path, *, size: tuple[int, int] | None = None) -> Flow:
    """Read a flow.

    Args:
        path: `.flo` file.
        size: height and width in px that it must have, or None for any.

    Returns:
        H×W×2 float32, px.

    Raises:
        InputError: the file is missing, no `.flo` file, of another size, cut short or longer than
            its header says, or it marks pixels as unknown or not finite.
    """
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER.size)
            height, width = _header(header, path)
            if size is not None and (height, width) != size:
                raise InputError(
                    f"{path}: the flow has {height}x{width} px, the frame {size[0]}x{size[1]}"
                )
            expected = height * width * 8
            content = file.read(expected + 1)
    except OSError as error:
        raise InputError(f"flow {path} cannot be read: {error.strerror}") from error
    if len(content) != expected:
        found = "fewer" if len(content) < expected else "more"
        raise InputError(
            f"{path}: {found} than the {_HEADER.size + expected} bytes that {height}x{width} px "
            "take; the file is damaged",
            hint="Write it again.",
        )
    flow = np.frombuffer(content, "<f4").astype(np.float32).reshape(height, width, 2)
    _refuse_unknown(flow, path)
    return flow


def write_flow(path: Path, flow: Flow) -> None:
    """Write a flow (H×W×2, px).

    Raises:
        ValueError: it has another shape.
    """
    if flow.ndim != 3 or flow.shape[2] != 2:
        raise ValueError(f"a flow is H×W×2, not {'×'.join(map(str, flow.shape))}")
    header = _HEADER.pack(_MAGIC, flow.shape[1], flow.shape[0])
    path.write_bytes(header + np.ascontiguousarray(flow, "<f4").tobytes())


def _header(header: bytes, path: Path) -> tuple[int, int]:
    if len(header) < _HEADER.size:
        raise InputError(f"{path}: {len(header)} bytes are no .flo file; its header alone takes 12")
    magic, width, height = _HEADER.unpack(header)
    if magic != _MAGIC:
        raise InputError(f"{path}: starts with {magic!r}, a .flo file with {_MAGIC}")
    if not (width > 0 and height > 0 and width * height <= _MOST_PIXELS):
        raise InputError(f"{path}: the header says {height}x{width} px, which no frame has")
    return height, width


def _refuse_unknown(flow: Flow, path: Path) -> None:
    known = np.abs(flow) < _UNKNOWN  # false for what is not a number, too
    if not known.all():
        y, x = np.argwhere(~known.all(axis=2))[0]
        raise InputError(
            f"{path}: the flow at row {y}, column {x} is {flow[y, x].tolist()}, unknown or not "
            f"finite ({int((~known.all(axis=2)).sum())} such pixels)",
            hint="Masks can only be moved along a flow that is known everywhere.",
        )
