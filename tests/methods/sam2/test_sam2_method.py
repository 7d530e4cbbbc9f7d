"""SAM 2 through transformers, with a tiny network of random weights: contract, memory, refusals."""

from __future__ import annotations

import json
import os
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vosbench.checks import check_method
from vosbench.checks.clips import long_clip
from vosbench.errors import InputError
from vosbench.plugins import resolve_methods
from vosbench.types import BuildOptions, ClipInfo

torch = pytest.importorskip("torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the package's own import
    transformers = pytest.importorskip("transformers", reason="needs vosbench[sam2]")

SIDE = 64
WIDTH = 128  # wider than the 64 that transformers has fixed for its memory


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a user would fetch it."""
    where: Path = tmp_path_factory.mktemp("sam2") / "tiny"
    backbone = {
        "model_type": "sam2_hiera_det_model",
        "hidden_size": 8,
        "num_attention_heads": 1,
        "image_size": [SIDE, SIDE],
        "blocks_per_stage": [1, 1, 2, 1],
        "embed_dim_per_stage": [8, 16, 32, 64],
        "num_attention_heads_per_stage": [1, 1, 2, 2],
        "window_size_per_stage": [4, 4, 4, 4],
        "global_attention_blocks": [3],
    }
    vision = {
        "model_type": "sam2_vision_model",
        "backbone_config": backbone,
        "backbone_channel_list": [64, 32, 16, 8],
        "backbone_feature_sizes": [[SIDE // 4] * 2, [SIDE // 8] * 2, [SIDE // 16] * 2],
        "fpn_hidden_size": WIDTH,
    }
    config = transformers.Sam2VideoConfig(
        vision_config=vision,
        prompt_encoder_config={"hidden_size": WIDTH, "image_size": SIDE},
        mask_decoder_config={
            "hidden_size": WIDTH,
            "mlp_dim": 32,
            "num_attention_heads": 2,
            "iou_head_hidden_dim": 16,
        },
        image_size=SIDE,
        memory_attention_hidden_size=WIDTH,
        memory_attention_num_layers=1,
        memory_attention_feed_forward_hidden_size=32,
        memory_attention_rope_feat_sizes=[SIDE // 16] * 2,
        memory_encoder_hidden_size=WIDTH,
        memory_encoder_output_channels=64,
        mask_downsampler_embed_dim=WIDTH,
        memory_fuser_embed_dim=WIDTH,
        memory_fuser_intermediate_dim=32,
        num_maskmem=3,
        max_object_pointers_in_encoder=4,
    )
    torch.manual_seed(0)
    transformers.Sam2VideoModel(config).save_pretrained(where)
    return where


def build(folder: Path | None, **options: Any) -> Any:
    (found,) = resolve_methods(["sam2"])
    return found.found.plugin.build(BuildOptions({}, weights=folder, **options))


def test_the_contract_holds(folder: Path) -> None:
    (resolved,) = resolve_methods(["sam2"])
    report = check_method(resolved, weights=folder, precision="fp32")
    assert [finding for finding in report.findings if finding.severity == "error"] == []


def test_forgetting_changes_no_answer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = long_clip(14)
    method = build(folder)

    def answers() -> tuple[list[np.ndarray[Any, Any]], Any]:
        info = ClipInfo(clip.name, *clip.size, clip.object_ids)
        session = method.start(info, clip.frames[0], clip.truth[0])
        return [session.step(frame).soft for frame in clip.frames[1:]], session

    short, session = answers()
    (outputs,) = session._inner.output_dict_per_obj.values()
    assert len(outputs["non_cond_frame_outputs"]) == method.reach + 1
    monkeypatch.setattr(type(session), "_forget", lambda self: None)
    whole, session = answers()
    (outputs,) = session._inner.output_dict_per_obj.values()
    assert len(outputs["non_cond_frame_outputs"]) == 13
    for one, other in zip(short, whole, strict=True):
        assert np.array_equal(one, other)


def test_weights_must_be_a_whole_folder_that_fits(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ships no weights"):
        build(None)
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    (broken / "config.json").unlink()
    with pytest.raises(InputError, match=r"has no config\.json"):
        build(broken)
    shutil.copyfile(folder / "config.json", broken / "config.json")
    config = json.loads((broken / "config.json").read_text())
    config["memory_attention_num_layers"] = 2
    (broken / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"does not fit its config\.json: \d+ missing"):
        build(broken)
    (broken / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(InputError, match="cannot be loaded as SAM 2"):
        build(broken)


def test_what_is_recorded(folder: Path) -> None:
    method = build(folder)
    assert method.weights_path == folder / "model.safetensors"
    assert os.fspath(folder.name) in method.weights_note
    assert len(method.content_sha256) == 64
