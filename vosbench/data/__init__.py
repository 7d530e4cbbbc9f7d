"""Data sets: cards, finding the data, opening a split, reading frames.

Masks are in `vosbench.data.masks`, the drawn clips in `vosbench.data.diagnostic`.
"""

from __future__ import annotations

from vosbench.data.cards import DatasetCard, Layout, Metadata, Split, list_cards, load_card
from vosbench.data.dataset import Dataset, open_dataset
from vosbench.data.images import read_frame, read_image_size
from vosbench.data.names import checked_name, is_safe_name, natural_key
from vosbench.data.roots import cache_folder, config_path, find_root
from vosbench.data.sequences import late_objects

__all__ = [
    "Dataset",
    "DatasetCard",
    "Layout",
    "Metadata",
    "Split",
    "cache_folder",
    "checked_name",
    "config_path",
    "find_root",
    "is_safe_name",
    "late_objects",
    "list_cards",
    "load_card",
    "natural_key",
    "open_dataset",
    "read_frame",
    "read_image_size",
]
