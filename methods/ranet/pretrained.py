"""Starting RANet's backbone from ImageNet weights of a ResNet that has batch normalisation.

The authors replace batch normalisation by instance normalisation with the same scale and shift.
A folded archive has neither any more, so they are measured: on sample images, the spread and mean
of what each normalisation puts out are the scale and shift that make instance normalisation put
out the same on average.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from vosbench.errors import InputError

from ..nn import FrozenBatchNorm2d, ResNet
from .backbone import Backbone, Bottleneck

__all__ = ["deepen", "measured_norms"]


@torch.no_grad()
def measured_norms(network: ResNet, images: Tensor) -> dict[str, Tensor]:
    """Scale and shift for instance normalisation, by parameter name.

    Args:
        network: with its frozen batch normalisations, not folded.
        images: B×3×H×W, ImageNet-normalised; statistics are of all of them together.
    """
    found: dict[str, Tensor] = {}

    def watch(name: str) -> Any:
        def record(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
            spread, mean = torch.std_mean(output, dim=(0, 2, 3), correction=0)
            found[f"{name}.weight"], found[f"{name}.bias"] = spread, mean

        return record

    hooks = [
        module.register_forward_hook(watch(name))
        for name, module in network.named_modules()
        if isinstance(module, FrozenBatchNorm2d)
    ]
    try:
        network.stages(images)
    finally:
        for hook in hooks:
            hook.remove()
    return found


@torch.no_grad()
def deepen(backbone: Backbone, state: Mapping[str, Tensor], *, source: str) -> int:
    """Load a ResNet of fewer blocks; each block that it lacks starts as the identity.

    The last convolution of an added block is zero, so the block adds nothing until it learns.

    Args:
        backbone: changed in place.
        state: by the backbone's names; statistics of batch normalisation are ignored.
        source: where the state comes from, for the message.

    Returns:
        How many blocks were added.

    Raises:
        InputError: something is missing or misshapen that is not a whole block.
    """
    own = backbone.state_dict()
    blocks = {
        name: module for name, module in backbone.named_modules() if isinstance(module, Bottleneck)
    }
    added = [name for name in blocks if f"{name}.conv1.weight" not in state]
    expected = [key for key in own if not key.startswith(tuple(f"{name}." for name in added))]
    missing = [key for key in expected if key not in state]
    misshapen = [
        f"{key} is {tuple(state[key].shape)}, expected {tuple(own[key].shape)}"
        for key in expected
        if key in state and state[key].shape != own[key].shape
    ]
    if missing or misshapen:
        raise InputError(
            f"{source} does not start this backbone: {len(missing)} tensors are missing "
            f"{missing[:3]}, {len(misshapen)} are misshapen {misshapen[:3]}",
            hint="A ResNet-50 with torchvision's parameter names is expected.",
        )
    backbone.load_state_dict({key: state[key] for key in expected}, strict=False)
    for name in added:
        nn.init.zeros_(blocks[name].conv3.weight)
    return len(added)
