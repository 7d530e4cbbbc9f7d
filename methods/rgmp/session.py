"""RGMP on one clip: references once, then every object alone, then competition, frame by frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vosbench.errors import InputError, UsageError
from vosbench.types import RGB, ClipInfo, LabelMap, Prediction

from .geometry import Frame
from .merge import labels_of, merge_odds
from .parameters import Parameters
from .passes import Model, Pyramid, Reference

__all__ = ["RGMPSession"]

VOID = 255


@dataclass
class _Track:
    """One object: its reference, and its padded H×W float32 mask for the next frame."""

    reference: Reference
    previous: Tensor


class RGMPSession:
    """State of RGMP on one clip.

    `Prediction.soft` has the objects of `ClipInfo.object_ids` in their order, then objects that
    came later, in order of arrival; `aux["object_ids"]` says so. An object without a pixel in the
    mask that should start it has probability 0 until `new_objects` brings it. An id that already
    runs is started afresh from its new mask.
    """

    def __init__(
        self, model: Model, parameters: Parameters, clip: ClipInfo, frame: RGB, labels: LabelMap
    ) -> None:
        self._model = model
        self._parameters = parameters
        self._clip = clip
        self._frame = Frame(clip.height, clip.width)
        self._order = list(clip.object_ids)
        self._tracks: dict[int, _Track] = {}
        self._union: Reference | None = None
        self._truth: LabelMap | None = None
        self._truth_shown = False
        with torch.inference_mode():
            self._start_objects(self._pyramid(frame), labels, self._order, labels)

    def observe_truth(self, labels: LabelMap | None) -> None:
        """Take the truth of the next frame; only the oracle parameter looks at it."""
        self._truth, self._truth_shown = labels, True

    def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
        """Segment the next frame; see `vosbench.types.Session`."""
        if self._parameters.oracle_previous_mask and not self._truth_shown:
            raise UsageError(
                f"{self._clip.name}: oracle.previous-mask needs the truth of every frame, "
                "and none was shown",
                hint="Run rgmp@oracle-previous-mask: only variants see the truth.",
            )
        with torch.inference_mode():
            pyramid = self._pyramid(frame)
            labels, soft = self._segment(pyramid)
            if self._parameters.oracle_previous_mask and self._truth is not None:
                self._feed_back(self._truth)
            if new_objects is not None:
                labels, soft = self._add(pyramid, new_objects, labels, soft)
        self._truth, self._truth_shown = None, False
        return Prediction(labels, soft, {"object_ids": tuple(self._order)})

    def _pyramid(self, frame: RGB) -> Pyramid:
        self._check_size(frame.shape[:2], "frame")
        image = _to_device(frame, self._model.device).permute(2, 0, 1)[None].float() / 255
        return Pyramid(self._model, self._frame.pad(image))

    def _check_size(self, size: tuple[int, ...], what: str) -> None:
        if tuple(size) != (self._clip.height, self._clip.width):
            raise InputError(
                f"{self._clip.name}: the {what} is {size[0]}×{size[1]}, "
                f"the clip is {self._clip.height}×{self._clip.width}"
            )

    def _start_objects(
        self, pyramid: Pyramid, given: LabelMap, object_ids: Iterable[int], everyone: LabelMap
    ) -> None:
        """Take a reference for every object that has a pixel in `given`, and one for all together.

        Args:
            pyramid: the frame that the masks belong to.
            given: H×W uint8, masks of the objects that start.
            object_ids: those to start.
            everyone: H×W uint8, where any object is, those that already run among them.
        """
        self._check_size(given.shape[:2], "mask that starts objects")
        present = [one for one in object_ids if (given == one).any()]
        if not present:
            return
        masks = self._masks(given, present)
        for one, reference, mask in zip(present, pyramid.reference(masks), masks, strict=True):
            self._tracks[one] = _Track(reference, mask)
        if len(self._tracks) > 1 and self._parameters.background == "union":
            union = self._masks(everyone, self._tracks).sum(dim=0, keepdim=True)
            (self._union,) = pyramid.reference(union)

    def _masks(self, labels: LabelMap, object_ids: Iterable[int]) -> Tensor:
        """Padded K×H×W float32 of a label map."""
        on_device = _to_device(labels, self._model.device)
        masks = torch.stack([on_device == one for one in object_ids]).float()
        return self._frame.pad(masks[None])[0]

    def _segment(self, pyramid: Pyramid) -> tuple[LabelMap, NDArray[np.float32]]:
        """Segment every running object and feed the merged masks back."""
        soft = np.zeros((len(self._order), self._clip.height, self._clip.width), np.float32)
        if not self._tracks:
            return np.zeros(soft.shape[1:], np.uint8), soft
        ids = list(self._tracks)
        own, merged = self._compete(pyramid)
        self._remember(merged)
        labels: LabelMap = labels_of(self._frame.crop(merged), ids).cpu().numpy()
        soft[[self._order.index(one) for one in ids]] = self._frame.crop(own).cpu().numpy()
        return labels, soft

    def _compete(self, pyramid: Pyramid) -> tuple[Tensor, Tensor]:
        """Padded: K×H×W, each object by itself, and (K+1)×H×W, merged, the background first."""
        tracks = list(self._tracks.values())
        masks = torch.stack([track.previous for track in tracks])
        if self._parameters.previous_mask == "none":
            masks = torch.zeros_like(masks)
        references = [self._matched(track.reference) for track in tracks]
        if len(tracks) == 1:
            own = pyramid.segment(masks, references)
            return own, torch.cat([1 - own, own])
        if self._union is None:
            own = pyramid.segment(masks, references)
            return own, merge_odds(own, (1 - own).prod(dim=0))
        # merged masks sum to at most 1, so their sum is where any object was
        masks = torch.cat([masks, masks.sum(dim=0, keepdim=True)])
        answers = pyramid.segment(masks, [*references, self._matched(self._union)])
        own = answers[:-1]
        return own, merge_odds(own, 1 - answers[-1])

    def _matched(self, reference: Reference) -> Reference:
        if self._parameters.reference:
            return reference
        return tuple(torch.zeros_like(level) for level in reference)

    def _remember(self, merged: Tensor) -> None:
        """Keep each object's mask for the next frame, from (K+1)×H×W."""
        if self._parameters.previous_mask == "hard":
            winner = merged.argmax(dim=0)
            merged = torch.stack([winner == place for place in range(len(merged))]).float()
        for track, mask in zip(self._tracks.values(), merged[1:], strict=True):
            track.previous = mask

    def _feed_back(self, truth: LabelMap) -> None:
        """Feed true masks to the next frame in place of predicted ones."""
        self._check_size(truth.shape[:2], "truth")
        if not self._tracks:
            return
        masks = self._masks(truth, self._tracks)
        for track, mask in zip(self._tracks.values(), masks, strict=True):
            track.previous = mask

    def _add(
        self,
        pyramid: Pyramid,
        new_objects: LabelMap,
        labels: LabelMap,
        soft: NDArray[np.float32],
    ) -> tuple[LabelMap, NDArray[np.float32]]:
        """Start the objects of `new_objects` (0 = none, 255 = void) and put their masks in."""
        self._check_size(new_objects.shape[:2], "mask that starts objects")
        arriving = [int(k) for k in np.unique(new_objects) if k not in (0, VOID)]
        fresh = [k for k in arriving if k not in self._order]
        self._order += fresh
        soft = np.concatenate([soft, np.zeros((len(fresh), *labels.shape), np.float32)])
        labels = labels.copy()
        labels[np.isin(labels, arriving)] = 0
        given = np.isin(new_objects, arriving)
        labels[given] = new_objects[given]
        for one in arriving:
            soft[self._order.index(one)] = new_objects == one
        self._start_objects(pyramid, new_objects, arriving, labels)
        taken = self._frame.pad(_to_device(given, self._model.device)[None, None].float())[0, 0]
        for one, track in self._tracks.items():
            if one not in arriving:
                track.previous = track.previous * (1 - taken)
        return labels, soft


def _to_device(array: NDArray[np.uint8] | NDArray[np.bool_], device: torch.device) -> Tensor:
    # torch warns about arrays it must not write to, such as views of a memory map.
    plain = np.ascontiguousarray(array)
    return torch.from_numpy(plain if plain.flags.writeable else plain.copy()).to(device)
