"""A narrow RGMP with random weights, in the official layout."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from vosbench_methods.rgmp import method

from tests.methods.rgmp.narrow import NARROW, narrow_network


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
