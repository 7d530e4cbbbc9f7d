"""Proposals by an instance segmentation network of `transformers`, with the user's weights.

`transformers` is no dependency of vosbench: `pip install vosbench[instances]`. Models are read from
a folder, never fetched, and only from safetensors. Supported are the families that classify a set
of queries and give each a mask: Mask2Former, MaskFormer and DETR. Their class is not used.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vosbench.errors import InputError, UsageError

from ..formats import Proposal
from ..merging import overlaps, tight_box
from .protocols import FrameView

__all__ = ["FAMILIES", "InstanceProposals", "Limits", "distinct"]

FAMILIES: Final = ("mask2former", "maskformer", "detr")
_MULTIPLE: Final = 32
_PREPROCESSOR: Final = "preprocessor_config.json"


@dataclass(frozen=True)
class Limits:
    """Which instances become proposals; the defaults are those of the released code.

    Attributes:
        least_score: least probability of being an object, 0..1.
        most_overlap: of two that overlap by more (IoU), the one with the smaller score is dropped.
        most: proposals per frame.
    """

    least_score: float = 0.5
    most_overlap: float = 0.5
    most: int = 20


def distinct(proposals: Sequence[Proposal], limits: Limits) -> list[Proposal]:
    """The best proposals by score, without those that overlap a better one too much."""
    ranked = sorted(proposals, key=lambda one: -one.score)
    kept: list[Proposal] = []
    for one in ranked:
        if one.score < limits.least_score or len(kept) == limits.most:
            break
        masks = [other.mask for other in kept if other.mask is not None]
        overlap = overlaps([one.mask], masks) if one.mask is not None else np.zeros((1, 0))
        if overlap.max(initial=0.0) <= limits.most_overlap:
            kept.append(one)
    return kept


class InstanceProposals:
    """Instances of any class.

    Args:
        folder: as `save_pretrained` writes it: `config.json` and `model.safetensors`; the file
            `preprocessor_config.json`, if there is one, gives size and normalisation of images.
        device: where the network runs.
        limits: which instances are kept.

    Raises:
        UsageError: `transformers` is not installed.
        InputError: the folder holds no such model.
    """

    def __init__(self, folder: Path, device: torch.device, limits: Limits) -> None:
        self._device = device
        self._limits = limits
        self._model, family = _load(folder)
        self._model.to(device)
        self._images = _ImageSettings.read(folder)
        self.note = f"proposals: {family} of transformers from {folder.name}"

    @torch.inference_mode()
    def propose(self, frame: FrameView) -> Sequence[Proposal]:
        """Instances, the best first."""
        output = self._model(pixel_values=self._images.prepare(frame.rgb).to(self._device))
        classes, masks = _queries(output)
        # the last class is "no object"
        certainty = classes[0].float().softmax(dim=-1)[:, :-1].amax(dim=-1)
        wanted = certainty >= self._limits.least_score
        certainty, logits = certainty[wanted], masks[0].float()[wanted]
        proposals: list[Proposal] = []
        # one at a time: a hundred masks at the frame's size would take a gigabyte at 4K
        for value, small in zip(certainty.tolist(), logits, strict=True):
            full = F.interpolate(small[None, None], frame.size, mode="bilinear")[0, 0]
            inside = full > 0
            if bool(inside.any()):
                quality = float(full[inside].sigmoid().mean())
                mask = inside.cpu().numpy()
                proposals.append(Proposal(tight_box(mask), value * quality, mask))
        return distinct(proposals, self._limits)


@dataclass(frozen=True)
class _ImageSettings:
    """How the model wants its images; the defaults are those of Mask2Former on COCO.

    Attributes:
        shortest: px of the shorter side.
        longest: px that the longer side may have.
        mean: of red, green and blue in 0..1.
        deviation: of the same.
    """

    shortest: int = 800
    longest: int = 1333
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    deviation: tuple[float, float, float] = (0.229, 0.224, 0.225)

    @classmethod
    def read(cls, folder: Path) -> _ImageSettings:
        path = folder / _PREPROCESSOR
        if not path.is_file():
            return cls()
        try:
            content = json.loads(path.read_bytes())
            size = content.get("size", {})
            given = cls(
                int(size.get("shortest_edge", cls.shortest)),
                int(size.get("longest_edge", cls.longest)),
                _three(content.get("image_mean", cls.mean)),
                _three(content.get("image_std", cls.deviation)),
            )
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise InputError(f"{path} cannot be understood: {error}") from error
        if not (0 < given.shortest <= given.longest and min(given.deviation) > 0):
            raise InputError(f"{path}: sizes and deviations must be above 0, found {given}")
        return given

    def prepare(self, rgb: np.ndarray) -> Tensor:
        """1×3×h×w; sides are multiples of 32, so nothing needs padding."""
        height, width = rgb.shape[:2]
        scale = min(self.shortest / min(height, width), self.longest / max(height, width))
        sides = [max(round(side * scale / _MULTIPLE), 1) * _MULTIPLE for side in (height, width)]
        image = torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 255
        image = F.interpolate(image, sides, mode="bilinear", antialias=True)
        mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in (self.mean, self.deviation))
        return (image - mean) / deviation


def _load(folder: Path) -> tuple[Any, str]:
    try:
        # it is no dependency and has no types that could be counted on
        transformers: Any = import_module("transformers")
    except ImportError as error:
        raise UsageError(
            f"proposals by `transformers` need that package, which cannot be imported: {error}",
            hint="pip install 'vosbench[instances]'",
        ) from error
    if not (folder / "config.json").is_file():
        raise InputError(
            f"{folder} holds no config.json",
            hint="name a folder as save_pretrained() of transformers writes it",
        )
    transformers.utils.logging.disable_progress_bar()  # the harness shows its own
    try:
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
        if config.model_type not in FAMILIES:
            raise InputError(
                f"{folder} holds a model of type {config.model_type!r}; supported are "
                f"{', '.join(FAMILIES)}"
            )
        model, report = transformers.AutoModelForUniversalSegmentation.from_pretrained(
            folder,
            config=config,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"the model in {folder} cannot be loaded: {reason}") from error
    missing = sorted(report["missing_keys"])
    if missing:
        # transformers makes up what is missing
        raise InputError(
            f"the model in {folder} lacks {len(missing)} tensors ({', '.join(missing[:3])})",
            hint="the file is of another model, or of one without its segmentation head",
        )
    return model.float().eval().requires_grad_(False), str(config.model_type)


def _queries(output: Any) -> tuple[Tensor, Tensor]:
    """Class logits B×Q×(C+1) and mask logits B×Q×h×w."""
    if hasattr(output, "masks_queries_logits"):
        return output.class_queries_logits, output.masks_queries_logits
    return output.logits, output.pred_masks


def _three(values: Sequence[float]) -> tuple[float, float, float]:
    first, second, third = (float(value) for value in values)
    return first, second, third
