"""Measuring time: one clock, one trace, from which every speed figure derives."""

from __future__ import annotations

from vosbench.timing.trace import Stage, Trace, summarise

__all__ = ["Stage", "Trace", "summarise"]
