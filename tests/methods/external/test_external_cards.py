"""Every card that comes with vosbench, run with a stand-in for its program.

The stand-ins take the same words, open the same files by the same paths and leave masks in the same
places as the programs at the revisions that the cards name; they segment nothing. So this shows
that a card lays out what its program reads and that its masks are found, not that it works.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from vosbench_methods.external import CARDS
from vosbench_methods.external.method import build

from tests.conftest import MakeDavis
from vosbench.data import open_dataset
from vosbench.data.masks import read_labels
from vosbench.plugins import resolve_methods
from vosbench.types import BuildOptions

COMMON = '''
import argparse, os, sys, zipfile
from pathlib import Path

def options(*names):
    parser = argparse.ArgumentParser()
    for name in names:
        parser.add_argument(name)
    return parser.parse_args()

def segment(davis, names, output):
    """First masks for all frames; images must be numbered .jpg, and no later mask be there."""
    for name in names:
        images = sorted((Path(davis) / "JPEGImages/480p" / name).iterdir())
        masks = Path(davis) / "Annotations/480p" / name
        assert [image.name for image in images] == [f"{i:05d}.jpg" for i in range(len(images))]
        assert [mask.name for mask in masks.iterdir()] == ["00000.png"]
        (Path(output) / name).mkdir(parents=True)
        for image in images:
            assert image.read_bytes()
            place = Path(output) / name / f"{image.stem}.png"
            place.write_bytes((masks / "00000.png").read_bytes())

def listed(davis, year="2017"):
    return (Path(davis) / "ImageSets" / year / "val.txt").read_text().splitlines()

def weights(path):
    assert Path(path).read_bytes() == b"weights"

print("sees", os.environ.get("CUDA_VISIBLE_DEVICES"))
'''

PROGRAMS: dict[str, dict[str, str]] = {
    "rgmp": {
        "run.py": """
assert sys.argv[1:] == ["-MO"]
davis = "../data/davis-2017/data/DAVIS/"
assert Path(davis + "Annotations/480p/bear/00000.png").read_bytes()
weights("weights.pth")
segment(davis, listed(davis), "results/MO")
print("alpha | num_objects: 2, FPS: 3.5")
""",
        "results/eval_MO.yaml": "",
    },
    "stm": {
        "eval_DAVIS.py": """
given = options("-g", "-s", "-y", "-D")
assert (given.g, given.s, given.y) == ("7", "val", "17")
assert Path(given.D + "/Annotations/480p/blackswan/00000.png").read_bytes()
weights("STM_weights.pth")
segment(given.D, listed(given.D), "./test/STM_DAVIS_17val")
""",
        "test/STM_DAVIS_17val/alpha/00000.png": "of an earlier run",
    },
    "stcn": {
        "eval_davis.py": """
given = options("--model", "--davis_path", "--output", "--top", "--mem_every")
davis = given.davis_path + "/trainval"
assert Path(davis + "/Annotations/480p/blackswan/00000.png").read_bytes()
weights(given.model)
segment(davis, listed(davis), given.output)
print("FPS: ", 3.5)
""",
    },
    "xmem": {
        "eval.py": """
given = options(
    "--model", "--dataset", "--split", "--d17_path", "--output", "--size", "--mem_every"
)
assert (given.dataset, given.split, given.size) == ("D17", "val", "480")
davis = given.d17_path + "/trainval"
weights(given.model)
segment(davis, listed(davis), given.output)
print("FPS: 3.5")
""",
    },
    "cutie": {
        "cutie/eval_vos.py": """
given = dict(word.split("=") for word in sys.argv[1:])
assert given["dataset"] == "d17-val" and given["model"] == "base" and given["amp"] == "false"
davis = given["image_directory"].removesuffix("/JPEGImages/480p")
assert given["mask_directory"] == davis + "/Annotations/480p"
weights(given["weights"])
names = Path(given["datasets.d17-val.subset"]).read_text().splitlines()
segment(davis, names, given["output_dir"] + "/Annotations")
print("[2024-01-01 00:00:00][INFO] - FPS: 3.5")
""",
    },
    "sam2": {
        "tools/vos_inference.py": """
given = options(
    "--sam2_cfg", "--sam2_checkpoint", "--base_video_dir", "--input_mask_dir", "--video_list_file",
    "--output_mask_dir",
)
assert given.sam2_cfg == "configs/sam2.1/sam2.1_hiera_b+.yaml"
davis = given.base_video_dir.removesuffix("/JPEGImages/480p")
assert given.input_mask_dir == davis + "/Annotations/480p"
weights(given.sam2_checkpoint)
segment(davis, Path(given.video_list_file).read_text().splitlines(), given.output_mask_dir)
""",
    },
    "aot": {
        "tools/eval.py": """
given = options(
    "--exp_name", "--stage", "--model", "--dataset", "--split", "--gpu_id", "--gpu_num",
    "--ckpt_path",
)
assert (given.stage, given.model, given.dataset) == ("pre_ytb_dav", "r50_aotl", "davis2017")
assert (given.split, given.gpu_id, given.gpu_num) == ("val", "1", "1")
weights(given.ckpt_path)
assert Path("configs/models/r50_aotl.py").is_file(), "modules are found from the working directory"
root = Path("./results/result/vosbench_R50_AOTL/PRE_YTB_DAV")
for part in ("ckpt", "ema_ckpt", "log/img", "log/tensorboard", "eval"):
    (root / part).mkdir(parents=True)
out = root / "eval/davis2017/davis2017_val_vosbench_R50_AOTL_PRE_YTB_DAV_ckpt_unknown"
segment("./datasets/DAVIS", listed("./datasets/DAVIS"), out / "Annotations/480p")
with zipfile.ZipFile(f"{out}.zip", "w") as archive:
    archive.writestr("480p/alpha/00000.png", b"the same masks once more")
print("GPU 1 - All-Frame FPS: 3.50, All-Seq FPS: 4.00, Max Mem: 2.00G")
""",
        "configs/models/r50_aotl.py": "",
        "datasets/Demo/demo.txt": "",
    },
    "ranet": {
        "codes/RANet.py": """
def predict_SVOS(params, dataset, save_root):
    assert dataset == "17val"
    weights("../models/" + params)
    davis = "../datasets/DAVIS/"
    palette = [line[:-1].split(" ") for line in open("../datasets/palette.txt")]
    assert len(palette) == 256 and all(0 <= int(v) <= 255 for row in palette for v in row)
    assert Path(save_root).is_dir(), "it makes one folder, not those above it"
    segment(davis, listed(davis), save_root)
""",
    },
    "premvos": {
        "simple_run.sh": f"exec {sys.executable} code/stand_in.py\n",
        "code/stand_in.py": """
assert os.environ["USER"]
assert Path("weights/PReMVOS_weights/optical_flow_net/pwc_net.pth.tar").is_file()
folders = Path("seq_to_run.txt").read_text().splitlines()
for folder in folders:
    assert folder == f"data/DAVIS/JPEGImages/480p/{folder.split('/')[-2]}/"
os.chdir("code")  # as the later stages are run
segment("../data/DAVIS", [folder.split("/")[-2] for folder in folders], "../output/final")
""",
    },
}


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_a_card_fits_its_program(
    name: str, make_davis: MakeDavis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "repository"
    for path, content in PROGRAMS[name].items():
        place = repository / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(COMMON + content if path.endswith(".py") else content)
    checkpoint = tmp_path / "official.pth"
    if name == "premvos":
        (checkpoint / "optical_flow_net").mkdir(parents=True)
        (checkpoint / "optical_flow_net" / "pwc_net.pth.tar").write_bytes(b"")
    else:
        checkpoint.write_bytes(b"weights")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")

    settings = [f"repository={repository}"]
    (resolved,) = resolve_methods([f"external:{name}"], settings)
    if "python" in resolved.parameters:
        (resolved,) = resolve_methods([f"external:{name}"], [*settings, f"python={sys.executable}"])
    assert resolved.found.card.capabilities.devices == ("cuda",)
    options = BuildOptions(resolved.parameters, device="cuda:1", weights=checkpoint)
    method = build(CARDS / f"{name}.toml", options)
    sequences = open_dataset("davis2017", root=make_davis({"alpha": 4, "beta": 3})).sequences
    logs = tmp_path / "logs"
    method.prepare(tuple(sequences), scratch=tmp_path / "scratch", logs=logs)
    for sequence in sequences:
        first = sequence.frames[0].annotation
        assert first is not None
        given = read_labels(first, sequence.label_kind)
        answers = list(method.segment(sequence))
        assert len(answers) == len(sequence.frames)
        assert all(np.array_equal(answer.labels, given) for answer in answers)

    (log,) = logs.glob("*.log")
    sees = {"aot": "4,7", "ranet": "4,7", "stm": "4,7"}.get(name, "7")
    assert f"sees {sees}" in log.read_text()
    claimed = json.loads(log.with_suffix(".json").read_text())["fps_claimed"]
    claims = "fps_pattern" in resolved.found.card.program
    assert (float(claimed) if claims else claimed) == (3.5 if claims else None)


def test_every_card_has_a_stand_in() -> None:
    assert {path.stem for path in CARDS.glob("*.toml")} == set(PROGRAMS)


@pytest.mark.parametrize(
    ("visible", "device", "expected"),
    [
        (None, "cuda:1", "1"),
        ("", "cuda", "0"),
        ("4, 7", "cuda:1", "7"),
        ("GPU-8932f937,GPU-1b5c", "cuda:0", "GPU-8932f937"),
        ("4,7", "cpu", "-1"),
    ],
)
def test_a_device_is_named_as_the_program_would_see_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visible: str | None, device: str, expected: str
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    card = tmp_path / "echo.toml"
    card.write_text(
        '[method]\nname = "echo"\ntitle = "Echo"\n[program]\ncommand = ["{visible_device}"]\n'
    )
    method = build(card, BuildOptions({}, device=device))
    assert method._values["visible_device"] == expected
    assert os.environ.get("CUDA_VISIBLE_DEVICES") == visible
