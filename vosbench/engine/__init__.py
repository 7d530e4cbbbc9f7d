"""The streaming engine: runs a method over a dataset and leaves a run directory."""

from __future__ import annotations

from vosbench.engine.run import Listener, RunRequest, build_method, check, execute

__all__ = ["Listener", "RunRequest", "build_method", "check", "execute"]
