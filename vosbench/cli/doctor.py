"""`vosbench doctor`: is this machine ready, and if not, what is missing."""

from __future__ import annotations

from typing import Any

import typer

from vosbench.cli.common import JsonOption, print_json, verb
from vosbench.errors import InputError

__all__ = ["doctor"]


@verb
def doctor(json: JsonOption = False) -> None:
    """Check packages, devices, methods, data sets and folders. Exit 4 if something is broken."""
    from vosbench.setup_checks import inspect_setup

    checks = inspect_setup()
    if json:
        print_json({"checks": [check.as_dict() for check in checks]})
    else:
        marks = {"ok": "ok  ", "note": "note", "broken": "FAIL"}
        for check in checks:
            typer.echo(f"{marks[check.state]}  {check.name}: {check.text}")
    broken: list[Any] = [check.name for check in checks if check.state == "broken"]
    if broken:
        raise InputError(f"not ready: {', '.join(broken)}")
