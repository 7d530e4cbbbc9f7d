"""vosbench: run, score and explain semi-supervised video object segmentation methods.

The package's public face is small on purpose and imports nothing heavy; torch and pandas load only
where they are used.
"""

from __future__ import annotations

__version__ = "0.1.0"

__all__ = ["__version__"]
