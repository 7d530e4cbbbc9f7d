"""The command line: one verb per file, arguments and exit codes only.

Results go to stdout, progress and errors to stderr; with `--json` stdout is one JSON object. The
last line of a command that writes something is the path of what it wrote.
"""

from __future__ import annotations

from vosbench.cli.app import main

__all__ = ["main"]
