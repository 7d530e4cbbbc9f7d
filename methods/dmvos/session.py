"""DMVOS on one clip: template once, then crop, segment, paste back and update, frame by frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vosbench.types import RGB, ClipInfo, LabelMap, Prediction, mark_stage

from ..sessions import Oracles, Truth, joined, require_size
from .extent import extent_of
from .merge import merge
from .network import Features, Output, Template
from .offset import voted_centre
from .parameters import Parameters
from .persistent import persistent_part
from .resample import FrameSource, normalise, paste
from .transfer import download, numbers, upload
from .window import Box, TrackState, Window, advance, begin, centre_of, window_of

__all__ = ["ORACLES", "DMVOSSession", "Model"]

ORACLES: Final = Oracles("dmvos", ("oracle.box", "oracle.centre"))

BATCH = {True: 8, False: 1}
"""Objects per pass on an accelerator, and on a CPU, whose caches hold one crop better than many."""


@dataclass(frozen=True)
class Model:
    """The network as it runs.

    Attributes:
        encode: `DMVOSNet.encode`, compiled or not.
        segment: `DMVOSNet.segment`, compiled or not.
        make_template: `DMVOSNet.make_template`.
        device: where it runs.
        dtype: type of its input.
        begin_frame: called before the first use of the network on a frame.
    """

    encode: Callable[[Tensor], Features]
    segment: Callable[[Features, Template, Tensor, Tensor | None], Output]
    make_template: Callable[[Features, Tensor], Template]
    device: torch.device
    dtype: torch.dtype
    begin_frame: Callable[[], None] = lambda: None


@dataclass
class _Track:
    """What is kept of one object.

    Attributes:
        object_id: its label.
        template: what it looked like.
        state: where to look next.
        box: of the part of its last mask that moved the window.
        previous: H×W, its last soft mask, if that is an input.
    """

    object_id: int
    template: Template
    state: TrackState
    box: Box
    previous: Tensor | None


class _Seen(NamedTuple):
    """One object's answer on one frame, without its probability."""

    window: Window
    centre: tuple[float, float]
    voted: Tensor


class _EncodedFrame:
    """A frame on the device, cropped and encoded on demand."""

    def __init__(self, model: Model, frame: RGB, size: tuple[int, int]) -> None:
        self._model = model
        model.begin_frame()
        mark_stage("upload")
        on_device = upload(frame, model.device)
        mark_stage("crop")
        self._source = FrameSource(normalise(on_device))
        self._size = size
        self._last: tuple[Window, Features] | None = None

    def encode(self, windows: list[Window]) -> Features:
        """Features of every window; of one alone where they are all the same."""
        distinct = windows[:1] if len(set(windows)) == 1 else windows
        if self._last is not None and distinct == [self._last[0]]:
            return self._last[1]
        mark_stage("crop")
        crops = torch.cat([self._source.crop(window, self._size) for window in distinct])
        crops = crops.to(dtype=self._model.dtype, memory_format=torch.channels_last)
        mark_stage("encode")
        features = self._model.encode(crops)
        if len(distinct) == 1:
            self._last = distinct[0], features
        return features


class DMVOSSession:
    """State of DMVOS on one clip.

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
        self._batch = parameters.batch or BATCH[model.device.type != "cpu"]
        self._clip = clip
        self._frame_size = (clip.height, clip.width)
        self._order = list(clip.object_ids)
        self._tracks: dict[int, _Track] = {}
        oracle = parameters.oracle_box or parameters.oracle_centre
        self._truth = Truth(clip, ORACLES, wanted=oracle)
        require_size(labels, clip, "first mask")
        with torch.inference_mode():
            self._start_objects(self._source(frame), labels, self._order)

    def observe_truth(self, labels: LabelMap | None) -> None:
        """Take the truth of the next frame; only the oracle parameters look at it."""
        self._truth.show(labels)

    def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
        """Segment the next frame; see `vosbench.types.Session`."""
        truth = self._truth.take()
        with torch.inference_mode():
            source = self._source(frame)
            soft_masks = torch.zeros(len(self._order), *self._frame_size, device=self._model.device)
            seen = self._segment(source, soft_masks, truth)
            labels, soft, voted = self._downloaded(seen, soft_masks)
            mark_stage("update")
            aux = self._update(seen, soft_masks, soft, voted)
            if new_objects is not None:
                require_size(new_objects, self._clip, "mask of new objects")
                arriving, labels, soft = joined(self._order, new_objects, labels, soft)
                self._start_objects(source, new_objects, arriving)
        aux["object_ids"] = tuple(self._order)
        return Prediction(labels, soft, aux)

    def _source(self, frame: RGB) -> _EncodedFrame:
        require_size(frame, self._clip, "frame")
        size = (self._parameters.height, self._parameters.width)
        return _EncodedFrame(self._model, frame, size)

    def _start_objects(
        self, source: _EncodedFrame, labels: LabelMap, object_ids: list[int]
    ) -> None:
        """Cut a template for every object that has a pixel in `labels` (H×W uint8)."""
        parameters = self._parameters
        on_device = upload(labels, self._model.device)
        masks, states, boxes, present = [], [], [], []
        for object_id in object_ids:
            extent = extent_of(labels == object_id)
            if extent is None:
                continue
            present.append(object_id)
            masks.append((on_device == object_id).float())
            states.append(begin(extent, self._frame_size, parameters))
            boxes.append(extent.box)
        for part in _chunks(len(present), self._batch):
            windows = [state.window for state in states[part]]
            features = source.encode(windows)
            size = (parameters.height, parameters.width)
            crops = [
                FrameSource(mask[None, None]).crop(window, size)
                for mask, window in zip(masks[part], windows, strict=True)
            ]
            template = self._model.make_template(features, torch.cat(crops))
            z = template.z.expand(len(crops), -1, -1, -1)
            for i, object_id in enumerate(present[part]):
                own = Template(z[i : i + 1].clone(), template.m[i : i + 1].clone())
                state, mask = states[part.start + i], masks[part.start + i]
                previous = mask if parameters.previous_mask else None
                box = boxes[part.start + i]
                self._tracks[object_id] = _Track(object_id, own, state, box, previous)

    def _segment(
        self, source: _EncodedFrame, soft_masks: Tensor, truth: LabelMap | None
    ) -> dict[int, _Seen]:
        """Segment every running object; write its probability into its plane of `soft_masks`."""
        tracks = list(self._tracks.values())
        seen: dict[int, _Seen] = {}
        for part in _chunks(len(tracks), self._batch):
            batch = tracks[part]
            views = [self._view(track, truth) for track in batch]
            windows = [window for window, _ in views]
            features = source.encode(windows)
            template = Template(
                torch.cat([track.template.z for track in batch]),
                torch.cat([track.template.m for track in batch]),
            )
            relative = [window.relative(centre) for window, centre in views]
            centres = numbers(relative, self._model.device)
            mark_stage("crop")
            previous = self._previous(batch, windows) if self._parameters.previous_mask else None
            mark_stage("match")
            output = self._model.segment(features, template, centres, previous)
            mark_stage("paste-back")
            probability = torch.sigmoid(output.logits.float())
            voted = voted_centre(probability, output.offset)
            for i, (track, (window, centre)) in enumerate(zip(batch, views, strict=True)):
                paste(probability[i, 0], window, soft_masks[self._order.index(track.object_id)])
                seen[track.object_id] = _Seen(window, centre, voted[i])
        return seen

    def _view(self, track: _Track, truth: LabelMap | None) -> tuple[Window, tuple[float, float]]:
        """Window and previous centre for the next frame, from the truth where an oracle asks."""
        parameters = self._parameters
        window, centre = track.state.window, track.state.centre
        if truth is None:
            return window, centre
        extent = extent_of(truth == track.object_id)
        if extent is None:
            return window, centre
        if parameters.oracle_box:
            window = window_of(extent.box, self._frame_size, parameters)
        if parameters.oracle_centre:
            centre = centre_of(extent, parameters)
        return window, centre

    def _previous(self, batch: list[_Track], windows: list[Window]) -> Tensor:
        size = (self._parameters.height, self._parameters.width)
        crops = [
            FrameSource(track.previous[None, None]).crop(window, size)
            for track, window in zip(batch, windows, strict=True)
            if track.previous is not None
        ]
        return torch.cat(crops)

    def _downloaded(
        self, seen: dict[int, _Seen], soft_masks: Tensor
    ) -> tuple[LabelMap, NDArray[np.float32], NDArray[np.float64]]:
        """Labels H×W, soft masks K×H×W and the votes (x, y) of `seen`, on the host."""
        mark_stage("merge")
        parameters, device = self._parameters, self._model.device
        if len(soft_masks):
            labels = merge(soft_masks, self._order, parameters.merge, parameters.threshold)
        else:
            labels = torch.zeros(self._frame_size, dtype=torch.uint8, device=device)
        votes = [one.voted for one in seen.values()]
        voted = torch.stack(votes) if votes else torch.zeros(0, 2, device=device)
        mark_stage("download")
        ids, soft, points = download([labels, soft_masks, voted])
        return ids, soft, points.astype(np.float64)

    def _update(
        self,
        seen: dict[int, _Seen],
        soft_masks: Tensor,
        soft: NDArray[np.float32],
        voted: NDArray[np.float64],
    ) -> dict[str, Any]:
        """Advance every object's state by its own mask; return what the frame tells of itself.

        Args:
            seen: what the network said of each object.
            soft_masks: K×H×W on the device.
            soft: the same on the host.
            voted: the centres (x, y) that `seen` voted for, on the host.
        """
        aux: dict[str, dict[int, Any]] = {
            name: {} for name in ("crop_box", "voted_centre", "previous_centre", "empty_streak")
        }
        if not seen:
            return dict(aux)
        for (object_id, one), vote in zip(seen.items(), voted, strict=True):
            place, track = self._order.index(object_id), self._tracks[object_id]
            mask = soft[place] >= self._parameters.threshold
            part = self._moving_part(mask, track)
            if self._parameters.previous_mask:
                track.previous = soft_masks[place].clone()  # the caller owns the rest
                if part is not mask:
                    rejected = upload((mask & ~part).view(np.uint8), self._model.device)
                    track.previous.masked_fill_(rejected > 0, 0)
            extent = extent_of(part)
            track.box = track.box if extent is None else extent.box
            track.state = advance(track.state, extent, self._frame_size, self._parameters)
            aux["crop_box"][object_id] = tuple(one.window.box)
            aux["previous_centre"][object_id] = one.centre
            aux["empty_streak"][object_id] = track.state.empty_streak
            if np.isfinite(vote).all():
                point = (float(vote[0]), float(vote[1]))
                aux["voted_centre"][object_id] = one.window.absolute(point)
        return dict(aux)

    def _moving_part(self, mask: NDArray[np.bool_], track: _Track) -> NDArray[np.bool_]:
        """What of an object's mask moves its window."""
        if self._parameters.parts == "all":
            return mask
        return persistent_part(mask, track.box, self._parameters.overlap)


def _chunks(count: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]
