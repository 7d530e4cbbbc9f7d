"""One thread, and the golden fixtures of the official networks."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch


@pytest.fixture(autouse=True, scope="package")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def golden_folder(shared: Path) -> Path:
    folder = shared / "reference" / "golden" / "networks"
    if not folder.is_dir():
        pytest.skip(f"no golden network fixtures under {folder}")
    return folder


@pytest.fixture(scope="session")
def check_golden(golden_folder: Path) -> Iterator[ModuleType]:
    """The fixtures' own comparison."""
    spec = importlib.util.spec_from_file_location("check_golden", golden_folder / "check_golden.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    path = list(sys.path)
    writes = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    spec.loader.exec_module(module)
    yield module
    sys.path[:], sys.dont_write_bytecode = path, writes
