"""Back ends with a network of this package: flow by PWC-Net, appearance by a ResNet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ...nn import ResNet
from ...nn.state_dicts import load_strictly, read_state_dict
from ..formats import Proposal
from ..merging import Box, Embedding, Flow, tight_box
from ..pwcnet import FlowEstimator, load_pwcnet
from .protocols import FrameView, Region

__all__ = ["PWCNetFlow", "ResNetEmbedder", "load_encoder"]

_CONTEXT: Final = 1.2
"""Size of the crop over that of the box, as in the original."""
_SIDE: Final = 128
_MEAN: Final = (0.485, 0.456, 0.406)
_DEVIATION: Final = (0.229, 0.224, 0.225)
_AT_ONCE: Final = 32


class PWCNetFlow:
    """Flow by PWC-Net.

    Args:
        weights: checkpoint; see `load_pwcnet`.
        device: where it runs.
    """

    def __init__(self, weights: Path, device: torch.device) -> None:
        self._estimate = FlowEstimator(load_pwcnet(weights), device)
        self.note = f"flow: PWC-Net (own code) with {weights.name}"

    def flow(self, earlier: FrameView, later: FrameView) -> Flow | None:
        """Flow of two frames."""
        return self._estimate(earlier.rgb, later.rgb)


class ResNetEmbedder:
    """Appearance as the mean of ResNet features (third stage) over a crop, put to length 1.

    No feature is negative, so distances are at most the root of 2. The original has a wide ResNet
    trained to tell instances apart; this one is not trained for it.

    Args:
        encoder: in eval mode.
        device: where it runs.
        note: where its weights come from.
    """

    def __init__(self, encoder: ResNet, device: torch.device, note: str) -> None:
        self._encoder = encoder.to(device).eval().requires_grad_(False)
        self._device = device
        self.note = f"embeddings: ResNet, {note}"

    def embed(
        self, frame: FrameView, regions: Sequence[Region], proposals: Sequence[Proposal]
    ) -> Sequence[Embedding | None]:
        """Appearance inside the boxes; None of empty boxes."""
        del proposals
        return self._of_boxes(frame, [region.box for region in regions])

    def embed_proposals(
        self, frame: FrameView, proposals: Sequence[Proposal]
    ) -> Sequence[Embedding | None]:
        """Appearance inside the boxes of their masks; what they come with is ignored."""
        return self._of_boxes(
            frame, [one.box if one.mask is None else tight_box(one.mask) for one in proposals]
        )

    @torch.inference_mode()
    def _of_boxes(self, frame: FrameView, boxes: Sequence[Box]) -> list[Embedding | None]:
        windows = [_window(box, frame.size) for box in boxes]
        result: list[Embedding | None] = [None] * len(boxes)
        wanted = [place for place, window in enumerate(windows) if window is not None]
        if not wanted:
            return result
        image = torch.from_numpy(frame.rgb).to(self._device).permute(2, 0, 1)[None].float() / 255
        mean, deviation = (image.new_tensor(v).view(1, 3, 1, 1) for v in (_MEAN, _DEVIATION))
        image = (image - mean) / deviation
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            crops = torch.cat([_crop(image, window) for p in part if (window := windows[p])])
            features = self._features(crops).mean(dim=(2, 3))
            points = F.normalize(features, dim=1).double().cpu().numpy()
            for place, point in zip(part, points, strict=True):
                result[place] = np.array(point)
        return result

    def _features(self, crops: Tensor) -> Tensor:
        encoder = self._encoder
        x = F.relu(encoder.bn1(encoder.conv1(crops)), inplace=True)
        x = encoder.layer1(F.max_pool2d(x, 3, stride=2, padding=1))
        features: Tensor = encoder.layer3(encoder.layer2(x))
        return features


def load_encoder(path: Path) -> ResNet:
    """A ResNet-50 from a state dict with torchvision's names; the classifier is left out.

    Raises:
        InputError: the file cannot be read or is of another network.
    """
    state = {
        key: value for key, value in read_state_dict(path).items() if not key.startswith("fc.")
    }
    with torch.device("meta"):
        encoder = ResNet(dilate_last=False)
    load_strictly(encoder, state, source=str(path))
    return encoder


def _window(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of the box with context, within the frame; None if it is empty."""
    height, width = size
    if box.width <= 0 or box.height <= 0:
        return None
    more_x, more_y = ((_CONTEXT - 1) / 2 * side for side in (box.width, box.height))
    left = max(int(np.floor(box.x - more_x)), 0)
    top = max(int(np.floor(box.y - more_y)), 0)
    right = min(int(np.ceil(box.x + box.width + more_x)), width)
    bottom = min(int(np.ceil(box.y + box.height + more_y)), height)
    return (left, top, right, bottom) if left < right and top < bottom else None


def _crop(image: Tensor, window: tuple[int, int, int, int]) -> Tensor:
    left, top, right, bottom = window
    return F.interpolate(
        image[..., top:bottom, left:right],
        (_SIDE, _SIDE),
        mode="bilinear",
        align_corners=False,
        antialias=True,
    )
