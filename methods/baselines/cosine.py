"""Cosine matching without training: what a pretrained encoder gives by itself.

Every cell of the ResNet's `layer3` grid (16 px) is compared with all cells of the frame on which an
object started. Its margin is the mean of the best cosine similarities to cells of the object, minus
the mean of the best to all other cells. Margins are interpolated to the frame; a pixel is the
object's whose margin is the largest, if that is above zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from vosbench.errors import InputError, UsageError
from vosbench.types import RGB, BuildOptions, ClipInfo, LabelMap, Prediction

from ..dmvos.config import NetworkConfig
from ..dmvos.method import SHIPPED_WEIGHTS
from ..dmvos.network import DMVOSNet
from ..dmvos.pretrained import encoder_stride, load_encoder
from ..dmvos.weights import is_shipped_format, load_weights
from ..nn import ResNet, fold_norms
from ..sessions import ids_in

__all__ = ["CosineMatching", "CosineSession", "build", "margins"]

STRIDE = 16
HALF = 0.5
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def margins(cells: Tensor, template: Tensor, owned: Tensor, *, best: int) -> Tensor:
    """How much better each cell matches each object than everything else.

    Args:
        cells: N×C float32 unit vectors, the frame at hand.
        template: M×C float32 unit vectors, the frame on which the objects started.
        owned: K×M bool, the template cells of each object; at least one each.
        best: how many of the largest similarities are averaged on either side; fewer where there
            are fewer cells.

    Returns:
        K×N float32 in -2..2. An object that fills its template is compared with 0 instead.
    """
    similarity = cells @ template.T
    result = []
    for mine in owned:
        inner = _mean_of_best(similarity[:, mine], best)
        outer = _mean_of_best(similarity[:, ~mine], best) if not mine.all() else 0.0
        result.append(inner - outer)
    return torch.stack(result)


def _mean_of_best(similarity: Tensor, best: int) -> Tensor:
    return similarity.topk(min(best, similarity.shape[1]), dim=1).values.mean(dim=1)


@dataclass(frozen=True)
class _Template:
    """Objects that started on one frame: M×C unit vectors, and K×M bool in the order of `ids`."""

    cells: Tensor
    owned: Tensor
    ids: tuple[int, ...]


class CosineMatching:
    """See `vosbench.types.Method`.

    Attributes:
        weights_path: file in use.
        weights_note: what the weights are, for the run's record.
    """

    def __init__(self, encoder: ResNet, path: Path, *, best: int, dtype: torch.dtype) -> None:
        self._encoder = encoder
        self._dtype = dtype
        self.best = best
        self.weights_path = path
        self.weights_note = f"only the encoder of {path.name} is used"

    def start(self, clip: ClipInfo, frame: RGB, labels: LabelMap) -> CosineSession:
        """Begin a clip from its first frame and masks."""
        return CosineSession(self, frame, labels, clip.object_ids)

    @torch.inference_mode()
    def cells(self, frame: RGB) -> Tensor:
        """Unit feature vectors of a frame, C×h×w float32: one per 16 px, rounded up."""
        device = self._encoder.conv1.weight.device
        image = torch.from_numpy(frame).to(device).permute(2, 0, 1)[None].float() / 255
        mean, deviation = (image.new_tensor(v).view(1, 3, 1, 1) for v in (MEAN, DEVIATION))
        image = _padded((image - mean) / deviation).to(self._dtype)
        encoder = self._encoder
        x = F.relu(encoder.bn1(encoder.conv1(image)), inplace=True)
        x = encoder.layer1(F.max_pool2d(x, 3, stride=2, padding=1))
        features = encoder.layer3(encoder.layer2(x))[0].float()
        return F.normalize(features, dim=0)


class CosineSession:
    """Keeps the starting frames' features; nothing else is carried from frame to frame."""

    def __init__(
        self, method: CosineMatching, frame: RGB, labels: LabelMap, object_ids: tuple[int, ...]
    ) -> None:
        self._method = method
        self._templates = [_template(method.cells(frame), labels, object_ids)]

    @torch.inference_mode()
    def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
        """Match a frame; objects that start on it are answered with their given masks."""
        grid = self._method.cells(frame)
        cells = grid.flatten(1).T
        ids = [one for template in self._templates for one in template.ids]
        found = torch.cat(
            [margins(cells, t.cells, t.owned, best=self._method.best) for t in self._templates]
        )
        labels = _labels_of(found.view(-1, *grid.shape[1:]), ids, frame.shape[:2])
        if new_objects is not None:
            started = tuple(ids_in(new_objects))
            self._templates.append(_template(grid, new_objects, started))
            labels = np.where(np.isin(new_objects, started), new_objects, labels)
        return Prediction(labels)


def _template(grid: Tensor, labels: LabelMap, object_ids: tuple[int, ...]) -> _Template:
    wanted = torch.tensor(object_ids, device=grid.device).view(-1, 1, 1)
    masks = (torch.from_numpy(labels).to(grid.device)[None] == wanted).float()
    coverage = F.avg_pool2d(_padded(masks[None]), STRIDE)[0].flatten(1)
    # an object smaller than half a cell still owns the cell that it covers most
    owned = (coverage >= HALF) | (coverage == coverage.amax(dim=1, keepdim=True))
    return _Template(grid.flatten(1).T, owned, object_ids)


def _labels_of(found: Tensor, ids: list[int], size: tuple[int, ...]) -> LabelMap:
    """Interpolate K×h×w margins to the frame and let the largest positive one win."""
    height, width = size
    full = F.interpolate(found[None], scale_factor=STRIDE, mode="bilinear", align_corners=False)
    largest, winner = full[0, :, :height, :width].max(dim=0)
    names = torch.tensor(ids, dtype=torch.uint8, device=found.device)
    labels: LabelMap = torch.where(largest > 0, names[winner], 0).to(torch.uint8).cpu().numpy()
    return labels


def _padded(image: Tensor) -> Tensor:
    """Repeat the last row and column of B×C×H×W until whole cells are filled."""
    height, width = image.shape[-2:]
    return F.pad(image, (0, -width % STRIDE, 0, -height % STRIDE), mode="replicate")


def build(options: BuildOptions) -> CosineMatching:
    """Make the method.

    Raises:
        UsageError: a parameter cannot be used.
        InputError: there is no weight file, or it cannot be used.
    """
    best = int(options.parameters.get("match.best", 8))
    if best < 1:
        raise UsageError(f"match.best must be at least 1, not {best}")
    path = options.weights or SHIPPED_WEIGHTS
    if not path.is_file():
        raise InputError(
            f"baseline-cosine needs a pretrained encoder, but weight file {path} does not exist",
            hint="name a ResNet-50 state dict, a folded .npz, or DMVOS weights with --weights",
        )
    if is_shipped_format(path):
        net = load_weights(path)
    else:
        net = DMVOSNet(NetworkConfig(stride_on=encoder_stride(path)))
        load_encoder(net, path)
    encoder = net.encoder.eval().requires_grad_(False)
    fold_norms(encoder)
    dtype = DTYPES[options.precision]
    encoder = encoder.to(device=options.device, dtype=dtype)
    for parameter in encoder.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return CosineMatching(encoder, path, best=best, dtype=dtype)
