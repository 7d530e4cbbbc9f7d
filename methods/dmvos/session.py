"""DMVOS on one clip: template once, then crop, segment, paste back and update, frame by frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vosbench.errors import InputError, UsageError
from vosbench.types import RGB, ClipInfo, LabelMap, Prediction

from .extent import extent_of, extent_of_counts
from .merge import merge
from .network import Features, Output, Template
from .offset import voted_centre
from .parameters import Parameters
from .resample import FrameSource, normalise, paste
from .window import TrackState, Window, advance, begin, centre_of, window_of

__all__ = ["DMVOSSession", "Model"]

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
    """

    encode: Callable[[Tensor], Features]
    segment: Callable[[Features, Template, Tensor, Tensor | None], Output]
    make_template: Callable[[Features, Tensor], Template]
    device: torch.device
    dtype: torch.dtype


@dataclass
class _Track:
    """One object: its template, where to look next, its last soft mask H×W if that is an input."""

    object_id: int
    template: Template
    state: TrackState
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
        self._source = FrameSource(normalise(_to_device(frame, model.device)))
        self._size = size
        self._last: tuple[Window, Features] | None = None

    def encode(self, windows: list[Window]) -> Features:
        """Features of every window; of one alone where they are all the same."""
        distinct = windows[:1] if len(set(windows)) == 1 else windows
        if self._last is not None and distinct == [self._last[0]]:
            return self._last[1]
        crops = torch.cat([self._source.crop(window, self._size) for window in distinct])
        crops = crops.to(dtype=self._model.dtype, memory_format=torch.channels_last)
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
        self._truth: LabelMap | None = None
        self._truth_shown = False
        with torch.inference_mode():
            self._start_objects(self._source(frame), labels, self._order)

    def observe_truth(self, labels: LabelMap | None) -> None:
        """Take the truth of the next frame; only the oracle parameters look at it."""
        self._truth, self._truth_shown = labels, True

    def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
        """Segment the next frame; see `vosbench.types.Session`."""
        oracle = self._parameters.oracle_box or self._parameters.oracle_centre
        if oracle and not self._truth_shown:
            raise UsageError(
                f"{self._clip.name}: oracle.box and oracle.centre need the truth of every frame, "
                "and none was shown",
                hint="Run dmvos@oracle-box or dmvos@oracle-centre: only variants see the truth.",
            )
        with torch.inference_mode():
            source = self._source(frame)
            soft_masks = torch.zeros(len(self._order), *self._frame_size, device=self._model.device)
            seen = self._segment(source, soft_masks)
            labels, soft = self._merged(soft_masks)
            aux = self._update(seen, soft_masks)
            if new_objects is not None:
                self._check_size(new_objects.shape[:2], "new objects")
                labels, soft = self._add(source, new_objects, labels, soft)
        aux["object_ids"] = tuple(self._order)
        self._truth, self._truth_shown = None, False
        return Prediction(labels, soft, aux)

    def _source(self, frame: RGB) -> _EncodedFrame:
        self._check_size(frame.shape[:2], "frame")
        size = (self._parameters.height, self._parameters.width)
        return _EncodedFrame(self._model, frame, size)

    def _check_size(self, size: tuple[int, ...], what: str) -> None:
        if tuple(size) != self._frame_size:
            raise InputError(
                f"{self._clip.name}: the {what} is {size[0]}×{size[1]}, "
                f"the clip is {self._frame_size[0]}×{self._frame_size[1]}"
            )

    def _start_objects(
        self, source: _EncodedFrame, labels: LabelMap, object_ids: list[int]
    ) -> None:
        """Cut a template for every object that has a pixel in `labels` (H×W uint8)."""
        self._check_size(labels.shape[:2], "first mask")
        parameters = self._parameters
        on_device = _to_device(labels, self._model.device)
        masks, states, present = [], [], []
        for object_id in object_ids:
            extent = extent_of(labels == object_id)
            if extent is None:
                continue
            present.append(object_id)
            masks.append((on_device == object_id).float())
            states.append(begin(extent, self._frame_size, parameters))
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
                self._tracks[object_id] = _Track(object_id, own, state, previous)

    def _segment(self, source: _EncodedFrame, soft_masks: Tensor) -> dict[int, _Seen]:
        """Segment every running object; write its probability into its plane of `soft_masks`."""
        tracks = list(self._tracks.values())
        seen: dict[int, _Seen] = {}
        for part in _chunks(len(tracks), self._batch):
            batch = tracks[part]
            views = [self._view(track) for track in batch]
            windows = [window for window, _ in views]
            features = source.encode(windows)
            template = Template(
                torch.cat([track.template.z for track in batch]),
                torch.cat([track.template.m for track in batch]),
            )
            relative = [window.relative(centre) for window, centre in views]
            centres = torch.tensor(relative, device=self._model.device, dtype=torch.float32)
            previous = self._previous(batch, windows) if self._parameters.previous_mask else None
            output = self._model.segment(features, template, centres, previous)
            probability = torch.sigmoid(output.logits.float())
            voted = voted_centre(probability, output.offset)
            for i, (track, (window, centre)) in enumerate(zip(batch, views, strict=True)):
                paste(probability[i, 0], window, soft_masks[self._order.index(track.object_id)])
                seen[track.object_id] = _Seen(window, centre, voted[i])
        return seen

    def _view(self, track: _Track) -> tuple[Window, tuple[float, float]]:
        """Window and previous centre for the next frame, from the truth where an oracle asks."""
        parameters = self._parameters
        window, centre = track.state.window, track.state.centre
        if self._truth is None:
            return window, centre
        extent = extent_of(self._truth == track.object_id)
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

    def _merged(self, soft_masks: Tensor) -> tuple[LabelMap, NDArray[np.float32]]:
        """Labels H×W and soft masks K×H×W on the host."""
        if not len(soft_masks):
            return np.zeros(self._frame_size, np.uint8), soft_masks.cpu().numpy()
        parameters = self._parameters
        labels = merge(soft_masks, self._order, parameters.merge, parameters.threshold)
        return labels.cpu().numpy(), soft_masks.cpu().numpy()

    def _update(self, seen: dict[int, _Seen], soft_masks: Tensor) -> dict[str, Any]:
        """Advance every object's state by its own mask; return what the frame tells of itself."""
        aux: dict[str, dict[int, Any]] = {
            name: {} for name in ("crop_box", "voted_centre", "previous_centre", "empty_streak")
        }
        if not seen:
            return dict(aux)
        # One transfer for all objects: pixel counts per column and per row, and the votes. Counts
        # are exact in float32; summing truth values would first make 64-bit integers of them.
        places = [self._order.index(object_id) for object_id in seen]
        masks = (soft_masks >= self._parameters.threshold).float()
        counts = torch.cat([masks.sum(dim=1), masks.sum(dim=2)], dim=1)[places]
        voted = torch.stack([one.voted for one in seen.values()])
        host = torch.cat([counts, voted], dim=1).cpu().numpy().astype(np.float64)
        width = self._frame_size[1]
        for (object_id, one), place, line in zip(seen.items(), places, host, strict=True):
            extent = extent_of_counts(line[:width], line[width:-2])
            track = self._tracks[object_id]
            if self._parameters.previous_mask:
                track.previous = soft_masks[place].clone()  # the caller owns the rest
            track.state = advance(track.state, extent, self._frame_size, self._parameters)
            aux["crop_box"][object_id] = tuple(one.window.box)
            aux["previous_centre"][object_id] = one.centre
            aux["empty_streak"][object_id] = track.state.empty_streak
            if np.isfinite(line[-1]):
                point = (float(line[-2]), float(line[-1]))
                aux["voted_centre"][object_id] = one.window.absolute(point)
        return dict(aux)

    def _add(
        self,
        source: _EncodedFrame,
        new_objects: LabelMap,
        labels: LabelMap,
        soft: NDArray[np.float32],
    ) -> tuple[LabelMap, NDArray[np.float32]]:
        """Start the objects of `new_objects` (0 = none, 255 = void) and put their masks in."""
        arriving = [int(k) for k in np.unique(new_objects) if k not in (0, 255)]
        fresh = [k for k in arriving if k not in self._order]
        self._order += fresh
        soft = np.concatenate([soft, np.zeros((len(fresh), *labels.shape), np.float32)])
        labels = labels.copy()
        labels[np.isin(labels, arriving)] = 0
        for object_id in arriving:
            mask = new_objects == object_id
            labels[mask] = object_id
            soft[self._order.index(object_id)] = mask
        self._start_objects(source, new_objects, arriving)
        return labels, soft


def _chunks(count: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def _to_device(array: NDArray[np.uint8], device: torch.device) -> Tensor:
    # torch warns about arrays it must not write to, such as views of a memory map.
    plain = np.ascontiguousarray(array)
    return torch.from_numpy(plain if plain.flags.writeable else plain.copy()).to(device)
