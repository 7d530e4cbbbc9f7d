"""The tutorial on adding a method: every file of it is written, every command of it is run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import REPOSITORY, RunVosbench
from vosbench.checks import check_method
from vosbench.errors import InputError
from vosbench.method_card import MethodCard, load_method_card
from vosbench.plugins import FoundMethod, ResolvedMethod
from vosbench.types import BuildOptions, MethodPlugin

PAGE = REPOSITORY / "docs" / "adding-a-method.md"
PROGRAMS = REPOSITORY / "docs" / "external-programs.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, *languages: str) -> list[str]:
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [text for language, text in found if language in languages]


def files(page: Path) -> dict[str, str]:
    """Blocks that begin with the name of their file."""
    named = {}
    for text in blocks(page, "python", "toml"):
        first = re.match(r"# (\S+\.(?:py|toml))\n", text)
        if first:
            named[first[1]] = text
    return named


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> RunVosbench:
    """The package of the tutorial, installed, and the command beside it."""
    source = tmp_path_factory.mktemp("tutorial") / "my-vos"
    for name, text in files(PAGE).items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    site = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    words += ["--no-build-isolation", "--target", str(site), str(source)]
    subprocess.run(words, check=True, capture_output=True)
    return RunVosbench(tmp_path_factory.mktemp("work"), site)


def test_every_command_of_the_page_succeeds(tutorial: RunVosbench) -> None:
    lines = [line for text in blocks(PAGE, "console") for line in text.splitlines()]
    assert len(lines) >= 5
    said = {}
    for line in lines:
        assert line.startswith("$ vosbench ")
        said[line] = tutorial(*shlex.split(line)[2:])
    assert "Nearest" in (tutorial("list", "methods").out + PAGE.read_text())
    checked = next(result for line, result in said.items() if "check method" in line)
    assert "0 errors, 0 warnings" in checked.out


def test_every_file_of_the_page_is_whole() -> None:
    assert set(files(PAGE)) == {
        "my_vos/__init__.py",
        "my_vos/network.py",
        "my_vos/method.toml",
        "pyproject.toml",
    }
    assert len(blocks(PAGE, "python")) == 3, "two files, and the network"
    card = tomllib.loads(files(PAGE)["my_vos/method.toml"])
    (weights,) = (text for text in blocks(PAGE, "toml") if text.startswith("[[weights]]"))
    assert MethodCard.model_validate(card | tomllib.loads(weights)).weights[0].sha256


def test_the_network_of_the_page_keeps_the_contract(tmp_path: Path) -> None:
    (text,) = set(blocks(PAGE, "python")) - set(files(PAGE).values())
    module: dict[str, Any] = {}
    exec(text, module)  # noqa: S102 - the page's own code
    told = {"multi_object": True, "soft_masks": True, "late_objects": True}
    card = MethodCard.model_validate(
        {"method": {"name": "m", "title": "M"}, "capabilities": {**told, "precisions": ["fp32"]}}
    )
    plugin = MethodPlugin(card=Path("method.toml"), build=module["build"])
    resolved = ResolvedMethod(FoundMethod("m", "here", plugin, card), None, {}, {})
    report = check_method(resolved)
    assert {finding.code for finding in report.findings} == {"untrained"}
    method = module["build"](BuildOptions({}))
    weights = tmp_path / "net.pth"
    torch.save(method.net.state_dict(), weights)
    assert check_method(resolved, weights=weights).findings == ()
    torch.save({"0.weight": torch.zeros(1)}, weights)
    with pytest.raises(InputError, match=r"(?s)Missing key.*size mismatch"):
        module["build"](BuildOptions({}, weights=weights))


def test_the_card_of_a_program_is_sound(tmp_path: Path) -> None:
    from vosbench_methods.external.card import PLACEHOLDERS, Program, load_program

    path = tmp_path / "copy.toml"
    path.write_text(files(PROGRAMS)["copy.toml"], encoding="utf-8")
    card = load_method_card(path)
    assert load_program(path, card).timeout_s == 600
    text = PROGRAMS.read_text(encoding="utf-8")
    assert [name for name in Program.model_fields if f"`{name}`" not in text] == []
    assert [name for name in PLACEHOLDERS if f"`{{{name}}}`" not in text] == []


def test_the_page_names_every_finding() -> None:
    source = (REPOSITORY / "vosbench" / "checks" / "method.py").read_text() + (
        REPOSITORY / "vosbench" / "checks" / "probe.py"
    ).read_text()
    codes = set(re.findall(r'(?:Complaint|Finding)\(\s*(?:"\w+", )?"([a-z-]+)"', source))
    codes |= set(re.findall(r'self\._add\("([a-z-]+)"', source))
    codes -= {"untrained", "oracle", "error", "warning", "note"}
    text = PAGE.read_text(encoding="utf-8")
    assert len(codes) > 15
    assert [code for code in sorted(codes) if f"`{code}`" not in text] == []
