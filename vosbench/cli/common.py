"""What all verbs share: errors to exit codes, JSON to stdout, notes to stderr."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeAlias

import typer

from vosbench.errors import InputError, InterruptedRun, VosbenchError

__all__ = [
    "CompileOption",
    "DataOption",
    "DatasetOption",
    "DeviceOption",
    "JsonOption",
    "LimitOption",
    "PrecisionOption",
    "ProtocolOption",
    "SequencesOption",
    "SettingsOption",
    "SplitOption",
    "WeightsOption",
    "note",
    "print_json",
    "verb",
]

_P = ParamSpec("_P")

DataOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--data", help="Root of the data set.", show_default=False),
]
SplitOption: TypeAlias = Annotated[
    str | None, typer.Option("--split", help="Split; default: the data set's own.")
]
SequencesOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--sequences", help="Only sequences that match GLOB (commas between several)."),
]
LimitOption: TypeAlias = Annotated[
    int | None, typer.Option("--limit", min=1, help="Only the first N sequences.")
]
JsonOption: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout.")
]

DatasetOption: TypeAlias = Annotated[
    str | None, typer.Option("--dataset", help="Name of a data set, or path of a card.")
]
ProtocolOption: TypeAlias = Annotated[
    str | None, typer.Option("--protocol", help="Default: the data set's own.")
]
SettingsOption: TypeAlias = Annotated[
    list[str] | None, typer.Option("--set", help="KEY=VALUE: change one parameter of the method.")
]
WeightsOption: TypeAlias = Annotated[
    Path | None, typer.Option("--weights", help="Weight file instead of the method's own.")
]
DeviceOption: TypeAlias = Annotated[
    str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")
]
PrecisionOption: TypeAlias = Annotated[
    str, typer.Option("--precision", help="auto, fp32, bf16 or fp16.")
]
CompileOption: TypeAlias = Annotated[bool, typer.Option("--compile", help="Use torch.compile.")]


def verb(function: Callable[_P, None]) -> Callable[_P, None]:
    """Turn errors a user can cause into a message on stderr and their exit code."""

    @functools.wraps(function)
    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except VosbenchError as error:
            note(f"error: {error}")
            if error.hint:
                note(f"hint: {error.hint}")
            raise typer.Exit(error.exit_code) from error
        except BrokenPipeError:
            # the reader of our output went away, as `head` does; there is nobody left to tell
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
            raise typer.Exit(InputError.exit_code) from None
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            note(f"error: {where}{error.strerror or error}")
            note("hint: check that the path exists, can be written, and that the disk has room")
            raise typer.Exit(InputError.exit_code) from error
        except KeyboardInterrupt as error:
            note("interrupted")
            raise typer.Exit(InterruptedRun.exit_code) from error

    return wrapped


def note(text: str) -> None:
    """One line on stderr."""
    typer.echo(text, err=True)


def print_json(content: Any) -> None:
    """One JSON object on stdout. NaN is refused: undefined numbers are null."""
    typer.echo(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))
