"""Runs in the formats of other tools: JSON lines, TensorBoard, Weights & Biases offline."""

from __future__ import annotations

from vosbench.export.content import ExportedFrame, ExportedPicture, ExportedRun, read_exported
from vosbench.export.exporters import EXPORTERS, Exporter, export_run

__all__ = [
    "EXPORTERS",
    "ExportedFrame",
    "ExportedPicture",
    "ExportedRun",
    "Exporter",
    "export_run",
    "read_exported",
]
