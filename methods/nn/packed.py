"""Convolutions for inference on a CPU: weights laid out once, ReLU in the same pass.

torch lays a convolution's weights out anew on every call, and reads and writes its result once more
for the ReLU behind it. oneDNN, which computes both, can do without: the same arithmetic, bit for
bit, in less time. The operators are those that `torch.compile` emits for CPUs; a torch without them
runs the network as it is.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .resnet import Bottleneck, ResNet

__all__ = ["PackedConv2d", "can_pack", "pack_convolutions"]


def can_pack(dtype: torch.dtype) -> bool:
    """Whether this torch and processor have the operators for a type."""
    operators: Any = torch.ops.mkldnn
    names = ("_convolution_pointwise", "_reorder_convolution_weight")
    mkldnn: Any = torch.backends.mkldnn
    if not mkldnn.is_available() or not all(hasattr(operators, n) for n in names):
        return False
    supported = getattr(operators, "_is_mkldnn_bf16_supported", None)
    return dtype is torch.bfloat16 and supported is not None and bool(supported())


class PackedConv2d(nn.Module):
    """A convolution with packed weights.

    Attributes:
        rectifies: whether ReLU is applied to the result.

    Args:
        convolution: on the CPU, in the type it will run in; it is not changed.
        rectifies: see above.
    """

    def __init__(self, convolution: nn.Conv2d, *, rectifies: bool) -> None:
        super().__init__()
        self.rectifies = rectifies
        padding = convolution.padding
        assert not isinstance(padding, str)  # noqa: S101 - no network here pads by name
        self._shape = (
            list(padding),
            list(convolution.stride),
            list(convolution.dilation),
            convolution.groups,
        )
        operators: Any = torch.ops.mkldnn
        self._convolve = operators._convolution_pointwise
        with torch.inference_mode():
            weight = convolution.weight.detach()
            self._weight = operators._reorder_convolution_weight(weight, *self._shape, [])
        bias = convolution.bias
        self._bias = None if bias is None else bias.detach()

    def forward(self, x: Tensor) -> Tensor:
        """Map B×inputs×H×W as the convolution does, and its ReLU if that is in it."""
        after = "relu" if self.rectifies else "none"
        y: Tensor = self._convolve(x, self._weight, self._bias, *self._shape, after, [], "")
        return y


def pack_convolutions(network: nn.Module) -> None:
    """Pack every plain convolution of a network for inference, in place.

    ReLU joins where a `Bottleneck` or the stem of a `ResNet` has one behind the convolution, and
    where an `nn.Sequential` has. Subclasses of `nn.Conv2d` do more than convolve and stay.
    """
    for parent in list(network.modules()):
        # a ReLU is behind the folded normalisation, which must be gone
        behind: dict[str, nn.Module] = {}
        if isinstance(parent, Bottleneck):
            behind = {"conv1": parent.bn1, "conv2": parent.bn2}
        elif isinstance(parent, ResNet):
            behind = {"conv1": parent.bn1}
        children = list(parent.named_children())
        for at, (name, child) in enumerate(children):
            if type(child) is not nn.Conv2d:
                continue
            joins = isinstance(behind.get(name), nn.Identity)
            if isinstance(parent, nn.Sequential) and at + 1 < len(children):
                following, module = children[at + 1]
                if isinstance(module, nn.ReLU):
                    joins = True
                    setattr(parent, following, nn.Identity())
            setattr(parent, name, PackedConv2d(child, rectifies=joins))
