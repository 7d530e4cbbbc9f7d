"""A narrow RGMP with random weights, in the official layout; one thread, for it is small."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from vosbench_methods.rgmp import method

from tests.methods.rgmp.narrow import NARROW, narrow_network


@pytest.fixture(autouse=True, scope="package")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def narrow_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as the authors' is: keys with `module.`, in the older format of torch.save."""
    net = narrow_network(seed=4)
    path = tmp_path_factory.mktemp("weights") / "weights.pth"
    state = {f"module.{key}": value for key, value in net.state_dict().items()}
    torch.save(state, path, _use_new_zipfile_serialization=False)
    return path


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The method is built with the narrow network's shape."""
    monkeypatch.setattr(method, "NETWORK", NARROW)
