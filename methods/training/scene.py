"""Scenes: a background frame with pasted objects, rendered straight into a crop.

A scene is drawn several times (template, search frame, previous state), each time with its own
transforms. Every layer is sampled once at the crop's own resolution, so a sample costs one
interpolation per layer whatever the chain of transforms is.

Instances of a scene have local numbers: those of the background keep their labels 1..254, pasted
object k is `PASTED + k`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from .geometry import Matrix, Window, pixel_grid

__all__ = ["PASTED", "Pasted", "Pose", "Rendered", "Scene", "label_map", "render"]

PASTED = 240
"""Local number of the first pasted object; background labels from here on are not used."""


@dataclass(frozen=True)
class Pose:
    """Where a layer's content lies in one drawing of the scene.

    Attributes:
        matrix: 3×3, source coordinates to frame coordinates (both 0..1).
        bend: (1, 2, n, n) displacement added to frame coordinates before the inverse map, or None.
    """

    matrix: Matrix
    bend: Tensor | None = None

    def to_source(self, points: Tensor) -> Tensor:
        """Map points (H, W, 2) of the frame to source coordinates."""
        if self.bend is not None:
            shift = F.grid_sample(
                self.bend, (points * 2 - 1)[None], padding_mode="border", align_corners=True
            )
            points = points + shift[0].permute(1, 2, 0)
        inverse = torch.from_numpy(np.linalg.inv(self.matrix).astype(np.float32))
        return points @ inverse[:2, :2].T + inverse[:2, 2]


@dataclass(frozen=True)
class Pasted:
    """An object cut out of another image.

    Attributes:
        image: H×W×3 uint8.
        alpha: H×W bool.
    """

    image: NDArray[np.uint8]
    alpha: NDArray[np.bool_]


@dataclass(frozen=True)
class Scene:
    """What is drawn at one moment.

    Attributes:
        image: background frame, H×W×3 uint8.
        labels: its instances, H×W uint8.
        pose: of the background.
        pasted: objects in front of it, later ones in front of earlier ones.
        poses: one per pasted object.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    pose: Pose
    pasted: tuple[Pasted, ...] = ()
    poses: tuple[Pose, ...] = ()


@dataclass(frozen=True)
class Rendered:
    """A crop.

    Attributes:
        image: (3, H, W) float32, 0..255; outside the frame it is `mean`.
        labels: (H, W) int64 local instance numbers; 0 outside the frame.
    """

    image: Tensor
    labels: Tensor


def label_map(scene: Scene, window: Window | None, size: tuple[int, int]) -> Tensor:
    """The scene's instance numbers (H, W) int64 in a window (None: the whole frame)."""
    points = _points(window, size)
    labels = _gather(scene.labels, scene.pose.to_source(points))
    for index, (item, pose) in enumerate(zip(scene.pasted, scene.poses, strict=True)):
        inside = _gather(item.alpha.view(np.uint8), pose.to_source(points)) > 0
        labels = torch.where(inside, PASTED + index, labels)
    return torch.where(_in_frame(points), labels, 0)


def render(scene: Scene, window: Window, size: tuple[int, int], *, mean: Tensor) -> Rendered:
    """Draw a window of the scene.

    Args:
        scene: what to draw.
        window: which part of the frame.
        size: (height, width) of the crop, px.
        mean: (3,) colour outside the frame, 0..255.
    """
    points = _points(window, size)
    where = scene.pose.to_source(points)
    image = _sample(_planes(scene.image), where, padding="reflection")
    labels = _gather(scene.labels, where)
    for index, (item, pose) in enumerate(zip(scene.pasted, scene.poses, strict=True)):
        where = pose.to_source(points)
        alpha_plane = torch.from_numpy(item.alpha).float()[None]
        layer = _sample(torch.cat([_planes(item.image), alpha_plane]), where, padding="zeros")
        alpha = layer[3]
        image = torch.lerp(image, layer[:3], alpha)
        labels = torch.where(alpha > 0.5, PASTED + index, labels)
    inside = _in_frame(points)
    return Rendered(torch.where(inside, image, mean[:, None, None]), torch.where(inside, labels, 0))


def _points(window: Window | None, size: tuple[int, int]) -> Tensor:
    grid = pixel_grid(*size)
    return grid if window is None else window.to_frame(grid)


def _in_frame(points: Tensor) -> Tensor:
    return ((points >= 0) & (points <= 1)).all(dim=-1)


def _planes(image: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(image).permute(2, 0, 1).float()


def _sample(planes: Tensor, where: Tensor, *, padding: str) -> Tensor:
    return F.grid_sample(
        planes[None], (where * 2 - 1)[None], padding_mode=padding, align_corners=False
    )[0]


def _gather(values: NDArray[np.uint8], where: Tensor) -> Tensor:
    """Nearest values (H, W) int64 at source coordinates; 0 outside the source."""
    height, width = values.shape
    x = (where[..., 0] * width).floor().long()
    y = (where[..., 1] * height).floor().long()
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    flat = torch.from_numpy(values).reshape(-1)
    index = (y.clamp(0, height - 1) * width + x.clamp(0, width - 1)).reshape(-1)
    return torch.where(inside, flat[index].reshape(x.shape).long(), 0)
