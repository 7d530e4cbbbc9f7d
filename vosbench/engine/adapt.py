"""Making every method look alike to the loop: many objects, objects that start late.

A method that follows one object at a time gets one session per object; a method that cannot take
new objects in the middle gets one more session for those. The sessions' soft masks (or their hard
masks, taken as 0 and 1) are merged by `merge_argmax`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vosbench.engine.merging import merge_argmax
from vosbench.errors import InputError
from vosbench.method_card import Capabilities
from vosbench.types import (
    RGB,
    ClipInfo,
    LabelMap,
    Method,
    OracleSession,
    Prediction,
    Session,
    SoftMasks,
)

__all__ = ["adapt"]


def adapt(method: Method, capabilities: Capabilities) -> Method:
    """The method itself if it does all alone, else a wrapper that does the rest."""
    if capabilities.multi_object and capabilities.late_objects:
        return method
    return _Grouped(method, one_by_one=not capabilities.multi_object)


@dataclass(frozen=True)
class _Group:
    """A session and the objects it follows.

    `relabelled`: the session knows its only object as 1, as single-object methods expect.
    """

    session: Session
    object_ids: tuple[int, ...]
    relabelled: bool


class _Grouped:
    def __init__(self, method: Method, *, one_by_one: bool) -> None:
        self._method = method
        self._one_by_one = one_by_one

    def start(self, clip: ClipInfo, frame: RGB, labels: LabelMap) -> _GroupedSession:
        session = _GroupedSession(self._method, clip, one_by_one=self._one_by_one)
        session.add(frame, labels, clip.object_ids)
        return session


class _GroupedSession:
    def __init__(self, method: Method, clip: ClipInfo, *, one_by_one: bool) -> None:
        self._method = method
        self._clip = clip
        self._one_by_one = one_by_one
        self._groups: list[_Group] = []

    def add(self, frame: RGB, labels: LabelMap, object_ids: tuple[int, ...]) -> None:
        """Start sessions for objects whose masks are given on this frame."""
        parts = [(one,) for one in object_ids] if self._one_by_one else [object_ids]
        for part in parts:
            mask = np.where(np.isin(labels, part), labels, np.uint8(0))
            known: tuple[int, ...] = part
            if self._one_by_one:
                mask, known = (mask > 0).astype(np.uint8), (1,)
            clip = replace(self._clip, object_ids=known)
            session = self._method.start(clip, frame.copy(), mask)
            self._groups.append(_Group(session, part, self._one_by_one))

    def observe_truth(self, labels: LabelMap | None) -> None:
        """Hand each session the truth of its own objects."""
        for group in self._groups:
            if not isinstance(group.session, OracleSession):
                raise InputError("the variant is an oracle, but its session takes no truth")
            if labels is not None and group.relabelled:
                group.session.observe_truth((labels == group.object_ids[0]).astype(np.uint8))
            else:
                group.session.observe_truth(labels)

    def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
        """Step every session and merge; new objects get a session of their own."""
        if len(self._groups) == 1 and not self._one_by_one and new_objects is None:
            return self._groups[0].session.step(frame)
        soft: list[SoftMasks] = []
        ids: list[int] = []
        aux: dict[str, Any] = {}
        for group in self._groups:
            # a session may work in place; the others must see the frame as it is
            prediction = group.session.step(frame.copy() if len(self._groups) > 1 else frame)
            soft.append(_soft_of(prediction, group))
            ids.extend(group.object_ids)
            _merge_aux(aux, prediction, group)
        if new_objects is not None:
            started = tuple(int(value) for value in np.unique(new_objects) if value not in (0, 255))
            self.add(frame, new_objects, started)
            given = [(new_objects == one).astype(np.float32) for one in started]
            soft.append(np.stack(given))
            ids.extend(started)
        order = np.argsort(ids, kind="stable")
        stacked: SoftMasks = np.concatenate(soft)[order]
        labels = merge_argmax(stacked, [ids[at] for at in order])
        if new_objects is not None:
            # what is given is the truth of this frame and no matter of competition
            labels = np.where(np.isin(new_objects, started), new_objects, labels)
        aux["object_ids"] = tuple(ids[at] for at in order)
        return Prediction(labels, stacked, aux)


def _soft_of(prediction: Prediction, group: _Group) -> SoftMasks:
    if prediction.soft is not None:
        return prediction.soft
    known = (1,) if group.relabelled else group.object_ids
    return np.stack([(prediction.labels == one).astype(np.float32) for one in known])


def _merge_aux(aux: dict[str, Any], prediction: Prediction, group: _Group) -> None:
    for key, value in prediction.aux.items():
        if isinstance(value, dict):
            named = value
            if group.relabelled:
                named = dict.fromkeys(group.object_ids, next(iter(value.values()), None))
            aux.setdefault(key, {}).update(named)
