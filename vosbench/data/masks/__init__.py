"""Mask files: strict reading, fast writing, and the folders and archives that hold them."""

from __future__ import annotations

from vosbench.data.masks.encode import encode_labels
from vosbench.data.masks.labels import VOID, MaskRead, decode_labels, read_labels, read_size
from vosbench.data.masks.layout import MaskLayoutKind
from vosbench.data.masks.palette import DAVIS_PALETTE
from vosbench.data.masks.source import MaskSource, open_masks

__all__ = [
    "DAVIS_PALETTE",
    "VOID",
    "MaskLayoutKind",
    "MaskRead",
    "MaskSource",
    "decode_labels",
    "encode_labels",
    "open_masks",
    "read_labels",
    "read_size",
]
