"""RANet on one clip: template once, then fit, crop, segment, paste back and label, frame by frame.

Objects that start together form a group with one template and one window; under the rule `single`
every object is a group of its own. Without late objects the rule `multi` has a single group, which
is what the released code does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor

from vosbench.types import RGB, ClipInfo, LabelMap, Prediction

from ..sessions import VOID, Oracles, Truth, joined, require_size
from .blocks import resized
from .canvas import Box, Fit, box_around, fit_frame
from .parameters import Parameters

__all__ = ["ORACLES", "Network", "RANetSession"]

ORACLES: Final = Oracles("ranet", ("oracle.box",))

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)


class Network(Protocol):
    """What a session needs of the network; the template is the network's own business."""

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        ...

    def template(self, image: Tensor, masks: Tensor) -> Any:
        """Template of K objects.

        Args:
            image: 1×3×h×w float32, ImageNet-normalised crop at the input's size.
            masks: 1×K×h×w float32, 0 or 1.
        """
        ...

    def segment(
        self, image: Tensor, template: Any, previous: Tensor, objects: tuple[int, ...]
    ) -> Tensor:
        """Probabilities 1×k×h×w float32 of some objects of a template.

        Args:
            image: as for `template`.
            template: what `template` returned.
            previous: 1×k×h×w float32, 0 or 1, the previous masks of these objects.
            objects: their places in the template, ascending.
        """
        ...


@dataclass
class _Group:
    """Objects that started together.

    Attributes:
        object_ids: in the order of the template; never changes.
        active: those that still follow this template.
        template: of the network.
    """

    object_ids: tuple[int, ...]
    active: set[int]
    template: Any

    @property
    def running(self) -> list[tuple[int, int]]:
        """Place in the template and id of every active object."""
        return [(at, k) for at, k in enumerate(self.object_ids) if k in self.active]


class RANetSession:
    """State of RANet on one clip.

    `Prediction.soft` has the objects of `ClipInfo.object_ids` in their order, then objects that
    came later, in order of arrival; `aux["object_ids"]` says so. An object without a pixel in the
    mask that should start it has probability 0 until `new_objects` brings it. An id that already
    runs is started afresh from its new mask.
    """

    def __init__(
        self,
        network: Network,
        parameters: Parameters,
        clip: ClipInfo,
        frame: RGB,
        labels: LabelMap,
    ) -> None:
        self._network = network
        self._parameters = parameters
        self._clip = clip
        size = (parameters.height, parameters.width)
        self._fit: Fit = fit_frame((clip.height, clip.width), size)
        self._order = list(clip.object_ids)
        self._groups: list[_Group] = []
        self._streaks: dict[int, int] = {}
        self._labels: LabelMap = np.zeros(size, np.uint8)
        self._truth = Truth(clip, ORACLES, wanted=parameters.oracle_box)
        require_size(labels, clip, "first mask")
        with torch.inference_mode():
            known = np.where(np.isin(labels, self._order), labels, 0).astype(np.uint8)
            self._start_objects(self._image(frame), known)

    @property
    def canvas_labels(self) -> LabelMap:
        """Labels of the last frame on the canvas: what the next window and input are made of."""
        return self._labels

    def observe_truth(self, labels: LabelMap | None) -> None:
        """Take the truth of the next frame; only `oracle.box` looks at it."""
        self._truth.show(labels)

    def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
        """Segment the next frame; see `vosbench.types.Session`."""
        truth = self._truth.take()
        with torch.inference_mode():
            image = self._image(frame)
            soft = torch.zeros(len(self._order), *self._fit.canvas, device=self._network.device)
            boxes = self._segment(image, soft, truth)
            self._labels = self._merged(soft)
            aux = self._told(boxes)
            labels = self._fit.from_canvas(self._labels).copy()
            soft_masks = self._fit.from_canvas(soft.cpu().numpy()).copy()
            if new_objects is not None:
                require_size(new_objects, self._clip, "mask of new objects")
                arriving, labels, soft_masks = joined(self._order, new_objects, labels, soft_masks)
                self._streaks |= dict.fromkeys(arriving, 0)
                self._start_objects(image, np.where(new_objects == VOID, np.uint8(0), new_objects))
        aux["object_ids"] = tuple(self._order)
        return Prediction(labels, soft_masks, aux)

    def _image(self, frame: RGB) -> Tensor:
        """The frame on the canvas, 1×3×height×width, black outside and then normalised."""
        require_size(frame, self._clip, "frame")
        device = self._network.device
        canvas = torch.from_numpy(self._fit.onto(frame)).to(device)
        scaled = canvas.permute(2, 0, 1)[None].float() / 255
        mean, deviation = (
            torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (MEAN, DEVIATION)
        )
        return (scaled - mean) / deviation

    def _start_objects(self, image: Tensor, labels: LabelMap) -> None:
        """Make templates of the objects in `labels` (frame height×width, 0 = none)."""
        canvas = self._fit.onto(labels)
        arriving = [int(k) for k in np.unique(canvas) if k]
        for group in self._groups:
            group.active -= set(arriving)
        self._groups = [group for group in self._groups if group.active]
        self._labels[np.isin(self._labels, arriving)] = 0
        self._labels[canvas > 0] = canvas[canvas > 0]
        alone = self._parameters.objects == "single"
        parts = [(k,) for k in arriving] if alone else [tuple(arriving)] if arriving else []
        for object_ids in parts:
            box = self._window(np.isin(canvas, object_ids))
            masks = self._cropped_masks(canvas, object_ids, box)
            template = self._network.template(self._cropped(image, box), masks)
            self._groups.append(_Group(object_ids, set(object_ids), template))

    def _segment(self, image: Tensor, soft: Tensor, shown: LabelMap | None) -> dict[int, Box]:
        """Write every running object's probability into its plane of `soft`; give its window."""
        boxes: dict[int, Box] = {}
        truth = None if shown is None else self._fit.onto(shown)
        for group in self._groups:
            running = group.running
            object_ids = [k for _, k in running]
            box = self._view(object_ids, truth)
            crop = self._cropped(image, box)
            previous = self._cropped_masks(self._labels, tuple(object_ids), box)
            places = tuple(at for at, _ in running)
            found = self._network.segment(crop, group.template, previous, places).float()
            size = (box.bottom - box.top, box.right - box.left)
            rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
            for k, plane in zip(object_ids, resized(found, size, corners=True)[0], strict=True):
                soft[self._order.index(k), rows, columns] = plane
            boxes |= dict.fromkeys(object_ids, box)
        return boxes

    def _view(self, object_ids: list[int], truth: LabelMap | None) -> Box:
        """Window for the next frame, from the truth where an oracle asks."""
        if truth is not None:
            marked = np.isin(truth, object_ids)
            if marked.any():
                return self._window(marked)
        return self._window(np.isin(self._labels, object_ids))

    def _window(self, mask: NDArray[np.bool_]) -> Box:
        parameters = self._parameters
        if not parameters.window:
            return Box(0, 0, parameters.height, parameters.width)
        return box_around(mask, context=parameters.context, least_side=parameters.least_size)

    def _cropped(self, image: Tensor, box: Box) -> Tensor:
        part = image[..., box.top : box.bottom, box.left : box.right]
        return resized(part, self._fit.canvas, corners=False)

    def _cropped_masks(self, labels: LabelMap, object_ids: tuple[int, ...], box: Box) -> Tensor:
        """Masks 1×K×h×w float32 of some objects in a crop, sampled nearest."""
        part = np.ascontiguousarray(labels[box.top : box.bottom, box.left : box.right])
        on_device = torch.from_numpy(part).to(self._network.device).float()[None, None]
        crop = F.interpolate(on_device, size=self._fit.canvas, mode="nearest")
        ids = torch.tensor(object_ids, device=crop.device).view(1, -1, 1, 1)
        return (crop == ids).float()

    def _merged(self, soft: Tensor) -> LabelMap:
        """Labels on the canvas: the most probable object above the threshold.

        Of equally probable ones the last wins.
        """
        if not len(soft):
            return np.zeros(self._fit.canvas, np.uint8)
        best, place = soft.flip(0).max(dim=0)
        ids = torch.tensor(self._order[::-1], dtype=torch.uint8, device=soft.device)
        labels: LabelMap = (ids[place] * (best > self._parameters.threshold)).cpu().numpy()
        return labels

    def _told(self, boxes: dict[int, Box]) -> dict[str, Any]:
        """What the frame tells of itself."""
        present = set(np.unique(self._labels).tolist())
        for k in boxes:
            self._streaks[k] = 0 if k in present else self._streaks.get(k, 0) + 1
        return {
            "crop_box": {k: self._fit.to_frame(box) for k, box in boxes.items()},
            "empty_streak": {k: self._streaks[k] for k in boxes},
        }
