"""`vosbench weights`: what is listed, converted and told apart; nothing that a file says is run."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.torch import load_file
from typer.testing import CliRunner

from vosbench.cli.app import app
from vosbench.errors import InputError, UsageError
from vosbench.weights import convert_weights

torch = pytest.importorskip("torch")


def call(*words: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(word) for word in ("weights", *words)])
    assert result.exit_code == code, result.output
    return result.output


def state() -> dict[str, Any]:
    generator = torch.Generator().manual_seed(3)
    shared = torch.randn(4, 6, generator=generator)
    return {
        "module.conv.weight": torch.randn(3, 2, 1, 1, generator=generator),
        "module.conv.bias": shared[1],
        "module.tied": shared.t(),
        "module.steps": torch.tensor(7),
        "module.half": torch.ones(2, dtype=torch.bfloat16),
    }


def test_converted_tensors_are_the_same(tmp_path: Path) -> None:
    source = tmp_path / "net.pth"
    torch.save({"epoch": 3, "state_dict": state(), "best": np.float64(0.5)}, source)
    told = json.loads(call("convert", source, "--strip-prefix", "module.", "--json"))
    target = tmp_path / "net.safetensors"
    assert told["path"] == str(target)
    assert told["sha256"] == hashlib.sha256(target.read_bytes()).hexdigest()
    assert told["source_sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert (told["wrapper"], told["tensors"]) == ("state_dict", 5)
    loaded = load_file(target)
    for name, value in state().items():
        found = loaded[name.removeprefix("module.")]
        assert found.dtype == value.dtype
        assert torch.equal(found, value)
    with safe_open(target, framework="pt") as file:
        origin = json.loads(file.metadata()["vosbench.converted"])
    assert origin["source"] == "net.pth"
    assert origin["prefix"] == "module."
    first = target.read_bytes()
    convert_weights(source, tmp_path / "again.safetensors", prefix="module.")
    assert (tmp_path / "again.safetensors").read_bytes() == first


@pytest.mark.parametrize("zipped", [True, False])
def test_what_old_checkpoints_hold_beside_tensors(tmp_path: Path, zipped: bool) -> None:
    source = tmp_path / "old.pth"
    content = {
        "weight": torch.ones(3),
        "args": argparse.Namespace(lr=0.1),
        "best": np.float32(0.5),
        "dtype": np.dtype("float32"),
    }
    torch.save(content, source, _use_new_zipfile_serialization=zipped)
    done = convert_weights(source)
    assert done.tensors == 1
    assert done.dropped == ("args (Namespace)", "best (float32)", "dtype (Float32DType)")


class Harmful:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self._path),)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_file_is_not_run(tmp_path: Path, zipped: bool) -> None:
    source = tmp_path / "bad.pth"
    torch.save(
        {"weight": torch.ones(1), "x": Harmful(tmp_path / "made")},
        source,
        _use_new_zipfile_serialization=zipped,
    )
    said = call("convert", source, code=4)
    assert "posix.mkdir" in said
    assert "weights_only" not in said
    assert not (tmp_path / "made").exists()
    assert not list(tmp_path.glob("*.safetensors"))


def test_whole_modules_and_damaged_files_are_refused(tmp_path: Path) -> None:
    module = tmp_path / "module.pth"
    torch.save(torch.nn.Linear(2, 2), module)
    assert "torch.nn.modules.linear.Linear" in call("convert", module, code=4)
    good = tmp_path / "good.pth"
    torch.save(state(), good)
    cut = tmp_path / "cut.pth"
    cut.write_bytes(good.read_bytes()[:900])
    for content in (b"", b"<html>not found</html>", good.read_bytes()[:900]):
        cut.write_bytes(content)
        with pytest.raises(InputError, match="cannot be read as tensors alone"):
            convert_weights(cut)
    torch.save({"epoch": 3}, cut)
    with pytest.raises(InputError, match="no tensors in it"):
        convert_weights(cut)


def test_contradictions_of_convert(tmp_path: Path) -> None:
    source = tmp_path / "net.pth"
    torch.save({"a": {"w": torch.ones(1)}, "b": {"w": torch.zeros(1)}}, source)
    with pytest.raises(UsageError, match="no table 'c'; it holds a"):
        convert_weights(source, key="c")
    with pytest.raises(UsageError, match="lack the prefix"):
        convert_weights(source, key="b", prefix="module.")
    done = convert_weights(source, key="b")
    assert load_file(done.path)["w"].item() == 0
    assert "exists" in call("convert", source, "--key", "b", code=2)
    with pytest.raises(UsageError, match="not as 'net.pt'"):
        convert_weights(source, tmp_path / "net.pt")


def test_sparse_tensors_have_no_place(tmp_path: Path) -> None:
    source = tmp_path / "sparse.pth"
    torch.save({"w": torch.ones(2, 2).to_sparse()}, source)
    with pytest.raises(InputError, match="w is sparse"):
        convert_weights(source)


def test_listed_weights_have_their_digest() -> None:
    rows = json.loads(call("list", "--json"))["weights"]
    row = next(row for row in rows if row["method"] == "dmvos" and row["state"] == "shipped")
    from vosbench.plugins import find_method

    path = find_method("dmvos").plugin.card.parent / row["file"]
    assert row["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert row["bytes"] == path.stat().st_size
    assert "dmvos" in call("list")


def test_shipped_weights_verify_and_altered_ones_do_not(tmp_path: Path) -> None:
    shipped = json.loads(call("verify", "dmvos", "--json"))
    assert shipped["errors"] == 0
    digest = shipped["facts"]["sha256"]
    path = Path(shipped["facts"]["file"])
    assert "0 errors" in call("verify", "dmvos", path, "--expect", digest.upper())
    said = call("verify", "dmvos", path, "--expect", "0" * 64, code=4)
    assert "another file than expected" in said
    tensors = load_file(path)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    from safetensors.torch import save_file

    name = sorted(tensors)[0]
    gone = tmp_path / "gone.safetensors"
    save_file({k: v for k, v in tensors.items() if k != name}, gone, metadata)
    said = call("verify", "dmvos", gone, code=4)
    assert name in said
    assert "1 tensors are missing" in said
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(path.read_bytes()[:5000])
    assert "the method refuses it" in call("verify", "dmvos", cut, code=4)


def test_verify_needs_something_to_verify(tmp_path: Path) -> None:
    assert "uses no weight file" in call("verify", "baseline-first-mask", code=2)
    assert "does not exist" in call("verify", "dmvos", tmp_path / "none", code=4)
