"""Two revisions of a method in two real environments, for gates that run both in turns."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Final

from tests.conftest import REPOSITORY

_PACKAGES: Final = {
    "vosbench": "vosbench",
    "methods": "vosbench_methods",
    "datasets": "vosbench_datasets",
    "reports": "vosbench_reports",
}
_METHOD: Final = '''
"""Follows nothing, at a given pace."""

import os
import time
from pathlib import Path

import numpy as np
import vosbench
from vosbench.types import MethodPlugin, Prediction, mark_stage


class Paced:
    """Keeps the first mask; `encode` and `match` take as long as they are told to."""

    def __init__(self, options):
        self._held = np.ones({megabytes} << 20, np.uint8)
        with Path(os.environ["PACED_LOG"]).open("a") as log:
            log.write(vosbench.__file__ + "\\n")

    def start(self, clip, frame, labels):
        self._labels = labels
        return self

    def step(self, frame, new_objects=None):
        mark_stage("encode")
        time.sleep({encode_ms} / 1000)
        mark_stage("match")
        time.sleep({match_ms} / 1000)
        return Prediction(self._labels)


PLUGIN = MethodPlugin(card=Path(__file__).parent / "method.toml", build=Paced)
'''
_CARD: Final = """
[method]
name = "paced"
title = "Paced"
[capabilities]
multi_object = true
"""


def install_paced(
    site: Path, *, encode_ms: float = 20.0, match_ms: float = 2.0, megabytes: int = 1
) -> None:
    """Put a revision of the method `paced` into a folder of packages."""
    package = site / "paced"
    package.mkdir(parents=True)
    code = _METHOD.replace("{megabytes}", str(megabytes)).replace("{encode_ms}", str(encode_ms))
    (package / "__init__.py").write_text(code.replace("{match_ms}", str(match_ms)))
    (package / "method.toml").write_text(_CARD)
    _register(site, "paced", "[vosbench.methods]\npaced = paced:PLUGIN\n")


def _register(site: Path, name: str, entry_points: str) -> None:
    information = site / f"{name}-0.1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    (information / "entry_points.txt").write_text(entry_points)


def make_environment(folder: Path, **paced: Any) -> Path:
    """A virtual environment with this package, copied, and a revision of `paced`; its Python.

    Large packages such as torch are those of this environment: its folder of packages comes last.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    paths = sysconfig.get_path("purelib", "venv", vars={"base": str(folder)})
    site = Path(paths)
    for source, name in _PACKAGES.items():
        unwanted = shutil.ignore_patterns("*.safetensors", "*.c", "__pycache__")
        shutil.copytree(REPOSITORY / source, site / name, ignore=unwanted)
    points = distribution("vosbench").read_text("entry_points.txt")
    assert points is not None
    _register(site, "vosbench", points)
    install_paced(site, **paced)
    (site / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def environment_with(site: Path, log: Path) -> Mapping[str, str]:
    """Variables of a process that sees a folder of packages before its own."""
    return {**os.environ, "PYTHONPATH": str(site), "PACED_LOG": str(log)}
