"""The program sets up only the verb that is asked for; nobody must notice."""

from __future__ import annotations

import subprocess
import sys

import pytest


def vosbench(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vosbench", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_help_lists_every_verb() -> None:
    from vosbench.cli.app import app

    text = vosbench("--help").stdout
    names = [command.name for command in app.registered_commands]
    assert {"score", "run"} <= set(names)
    assert [name for name in names if f"  {name} " not in text] == []
    assert "  check " in text


def test_a_misspelt_verb_is_answered_with_those_that_are_like_it() -> None:
    done = vosbench("scor")
    assert done.returncode == 2
    assert "score" in done.stderr


@pytest.mark.parametrize("words", [("score",), ("check", "masks")])
def test_a_verb_alone_keeps_its_name_and_its_help(words: tuple[str, ...]) -> None:
    done = vosbench(*words, "--help")
    assert done.returncode == 0
    assert f"vosbench {' '.join(words)} [OPTIONS]" in done.stdout
