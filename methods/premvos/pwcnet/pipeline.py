"""From two frames to a flow in pixels, and the checkpoint's loading."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vosbench.types import RGB

from ...nn.state_dicts import load_strictly, read_state_dict
from ..merging import Flow
from .network import PWCNet
from .resize import resize_image

__all__ = ["FlowEstimator", "load_pwcnet"]

_MULTIPLE: Final = 64
_UNIT: Final = 20.0
"""px of the resized image per unit of the network's flow."""


def load_pwcnet(path: Path) -> PWCNet:
    """The network with the weights of a checkpoint.

    Args:
        path: NVIDIA's `pwc_net.pth.tar` (CC BY-NC-SA 4.0, non-commercial), or another state dict
            with its 128 names.

    Raises:
        InputError: the file cannot be read, or is not of this network.
    """
    with torch.device("meta"):
        network = PWCNet()
    load_strictly(network, read_state_dict(path), source=str(path))
    return network.eval().requires_grad_(False)


class FlowEstimator:
    """PWC-Net for frames of any size.

    Args:
        network: with its weights.
        device: where it runs.
    """

    def __init__(self, network: PWCNet, device: torch.device) -> None:
        self._network = network.to(device).eval()
        self._device = device

    @torch.inference_mode()
    def __call__(self, first: RGB, second: RGB) -> Flow:
        """Flow from the first to the second frame.

        Both are resized up to multiples of 64 px; the flow is resized back and its lengths with it.

        Args:
            first: H×W×3 uint8.
            second: of the same size.

        Returns:
            H×W×2 float32, px.
        """
        height, width = first.shape[:2]
        images = torch.cat([self._prepared(first), self._prepared(second)], dim=1)
        with _full_precision():
            finest = self._network(images)[0] * _UNIT
        flow = F.interpolate(finest, (height, width), mode="bilinear", align_corners=False)[0]
        rows, columns = images.shape[-2:]
        flow *= flow.new_tensor([width / columns, height / rows]).view(2, 1, 1)
        result: Flow = np.ascontiguousarray(flow.permute(1, 2, 0).cpu().numpy())
        return result

    def _prepared(self, frame: RGB) -> Tensor:
        height, width = (side + -side % _MULTIPLE for side in frame.shape[:2])
        resized = resize_image(frame, height=height, width=width)
        backwards = np.ascontiguousarray(resized[..., ::-1])  # blue, green, red
        image = torch.from_numpy(backwards).to(self._device)
        return image.permute(2, 0, 1)[None].float() / 255


class _full_precision:  # noqa: N801 - used as a function is
    """Keeps accelerators from shortening float32 products, which moves the flow visibly."""

    def __enter__(self) -> None:
        self._before = (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False

    def __exit__(self, *error: object) -> None:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = self._before
