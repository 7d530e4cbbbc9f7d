"""RGMP on one clip: references once, then every object alone, then competition, frame by frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vosbench.types import RGB, ClipInfo, LabelMap, Prediction

from ..dmvos.transfer import upload
from ..sessions import Oracles, Truth, joined, require_size
from .geometry import Frame
from .merge import labels_of, merge_odds
from .parameters import Parameters
from .passes import Model, Pyramid, Reference

__all__ = ["ORACLES", "RGMPSession"]

ORACLES: Final = Oracles("rgmp", ("oracle.previous-mask",))


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
        self._truth = Truth(clip, ORACLES, wanted=parameters.oracle_previous_mask)
        require_size(labels, clip, "first mask")
        with torch.inference_mode():
            self._start_objects(self._pyramid(frame), labels, self._order, labels)

    def observe_truth(self, labels: LabelMap | None) -> None:
        """Take the truth of the next frame; only the oracle parameter looks at it."""
        self._truth.show(labels)

    def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
        """Segment the next frame; see `vosbench.types.Session`."""
        truth = self._truth.take()
        with torch.inference_mode():
            pyramid = self._pyramid(frame)
            labels, soft = self._segment(pyramid)
            if truth is not None:
                self._feed_back(truth)
            if new_objects is not None:
                require_size(new_objects, self._clip, "mask of new objects")
                arriving, labels, soft = joined(self._order, new_objects, labels, soft)
                self._add(pyramid, new_objects, arriving, labels)
        return Prediction(labels, soft, {"object_ids": tuple(self._order)})

    def _pyramid(self, frame: RGB) -> Pyramid:
        require_size(frame, self._clip, "frame")
        image = upload(frame, self._model.device).permute(2, 0, 1)[None].float() / 255
        return Pyramid(self._model, self._frame.pad(image))

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
        on_device = upload(labels, self._model.device)
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
        if not self._tracks:
            return
        masks = self._masks(truth, self._tracks)
        for track, mask in zip(self._tracks.values(), masks, strict=True):
            track.previous = mask

    def _add(
        self,
        pyramid: Pyramid,
        new_objects: LabelMap,
        arriving: list[int],
        labels: LabelMap,
    ) -> None:
        """Start objects that arrive; where they are, no other object was.

        Args:
            pyramid: the frame at hand.
            new_objects: H×W uint8 with their masks.
            arriving: their ids.
            labels: H×W uint8, where any object is, these among them.
        """
        self._start_objects(pyramid, new_objects, arriving, labels)
        given = np.isin(new_objects, arriving).view(np.uint8)
        taken = self._frame.pad(upload(given, self._model.device)[None, None].float())[0, 0]
        for one, track in self._tracks.items():
            if one not in arriving:
                track.previous = track.previous * (1 - taken)
