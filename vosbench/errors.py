"""One error class per exit code.

Every error that a user can cause is a `VosbenchError`; the command line turns it into its message
on stderr and its exit code. A message says what was found, what was expected, where, and what to
do.
Anything else that escapes is a defect of vosbench and keeps its traceback.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "EXIT_DONE",
    "ComparisonError",
    "GateFailure",
    "InputError",
    "InterruptedRun",
    "RunIncomplete",
    "UsageError",
    "VosbenchError",
]

EXIT_DONE = 0


class VosbenchError(Exception):
    """Base of all errors that end a command with a message instead of a traceback.

    Attributes:
        exit_code: process exit status.
        hint: what the user can do next, or an empty string.
    """

    exit_code: ClassVar[int] = 4

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class GateFailure(VosbenchError):
    """Accuracy or speed fell below the gate's policy (exit 1)."""

    exit_code = 1


class UsageError(VosbenchError):
    """The command line is wrong or contradicts itself (exit 2)."""

    exit_code = 2


class RunIncomplete(VosbenchError):
    """The run ended, but some sequences failed (exit 3)."""

    exit_code = 3


class InputError(VosbenchError):
    """Data, masks, weights or a run directory cannot be used as they are (exit 4)."""

    exit_code = 4


class ComparisonError(VosbenchError):
    """There is nothing to compare, or the comparison is inconclusive (exit 5)."""

    exit_code = 5


class InterruptedRun(VosbenchError):
    """The user stopped the run; what was finished is kept (exit 130)."""

    exit_code = 130
