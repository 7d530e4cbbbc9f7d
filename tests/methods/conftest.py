"""What the tests of several methods share: one thread, and the networks' golden fixtures."""

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
    """Small tensors gain nothing from more threads, and lose much on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def golden_folder(shared: Path) -> Path:
    """Recorded outputs of the official RANet and RGMP."""
    folder = shared / "reference" / "golden" / "networks"
    if not folder.is_dir():
        pytest.skip(f"no golden network fixtures under {folder}")
    return folder


@pytest.fixture(scope="session")
def check_golden(golden_folder: Path) -> Iterator[ModuleType]:
    """The fixtures' own judge."""
    spec = importlib.util.spec_from_file_location("check_golden", golden_folder / "check_golden.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    path, writes = list(sys.path), sys.dont_write_bytecode
    sys.dont_write_bytecode = True  # the folder is read-only
    spec.loader.exec_module(module)
    yield module
    sys.path[:], sys.dont_write_bytecode = path, writes
