"""The wheel: complete, and usable from a folder that is not the source tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

SOURCES = ("vosbench", "methods", "datasets", "reports")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy so that the source tree stays as it is."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source / name)
    for name in SOURCES:
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / name, source / name, ignore=ignore)
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    subprocess.run([*command, str(source)], check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_wheel_holds_every_source_file(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    installed_as = {"vosbench": "vosbench"} | {n: f"vosbench_{n}" for n in SOURCES[1:]}
    missing = []
    for folder, name in installed_as.items():
        for path in (REPOSITORY / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                expected = f"{name}/{path.relative_to(REPOSITORY / folder).as_posix()}"
                if expected not in inside:
                    missing.append(expected)
    assert missing == []


def test_wheel_holds_nothing_else(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    tops = {top for top in tops if not top.endswith(".dist-info")}
    assert tops == {"vosbench", "vosbench_methods", "vosbench_datasets", "vosbench_reports"}


def test_wheel_runs_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(site), "CUDA_VISIBLE_DEVICES": ""}

    def call(*words: str) -> str:
        command = [sys.executable, "-m", "vosbench", *words]
        done = subprocess.run(
            command, cwd=elsewhere, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = subprocess.run(
        [
            sys.executable,
            "-c",
            "import vosbench, vosbench_methods as m; print(vosbench.__file__, m.__file__)",
        ],
        cwd=elsewhere,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert where.count(str(site)) == 2, "the test must see the wheel, not the source tree"
    assert "dmvos" in call("list", "methods")
    assert "davis2016" in call("list", "datasets")
    out = call(
        "run", "--method", "baseline-first-mask", "--dataset", "diagnostic-tiny", "--limit", "1"
    )
    report = elsewhere / out.strip().splitlines()[-1]
    assert report.is_file()
