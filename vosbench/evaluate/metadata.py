"""What protocols take from a data set's metadata: halves, and the frames of each object."""

from __future__ import annotations

from collections.abc import Sequence

from vosbench.errors import InputError
from vosbench.metrics import Protocol
from vosbench.types import ObjectInfo

__all__ = ["check_metadata", "check_objects_known", "counted_ranges"]

_HINT = (
    "Name the data set's JSON file on its objects in its card (`meta` of the split); "
    "docs/datasets.md says how."
)


def check_metadata(sequence: str, protocol: Protocol, objects: Sequence[ObjectInfo]) -> None:
    """Refuse a sequence without the metadata that a protocol needs.

    Raises:
        InputError: metadata are missing, or do not tell what the protocol asks for.
    """
    if not protocol.needs_metadata:
        return
    problem = ""
    if not objects:
        problem = "there are no metadata on its objects"
    elif protocol.halves == "seen-unseen" and any(one.seen is None for one in objects):
        problem = "the metadata do not tell whether its objects are of seen categories"
    elif protocol.objects == "own-range" and any(one.frames is None for one in objects):
        problem = "the metadata have no range of frames for its objects"
    if problem:
        raise InputError(
            f"{sequence}: {problem}, which protocol {protocol.name} needs.", hint=_HINT
        )


def check_objects_known(
    sequence: str, protocol: Protocol, ids: Sequence[int], objects: Sequence[ObjectInfo]
) -> None:
    """Refuse objects that count but are not in the metadata.

    Raises:
        InputError: there are such objects.
    """
    unknown = sorted(set(ids) - {one.object_id for one in objects})
    if protocol.needs_metadata and unknown:
        raise InputError(
            f"{sequence}: object {unknown[0]} is annotated, but not in the metadata that protocol "
            f"{protocol.name} needs.",
            hint="Metadata and annotations must be of the same release of the data set.",
        )


def counted_ranges(
    sequence: str,
    frame_names: Sequence[str],
    annotated: Sequence[int],
    objects: Sequence[ObjectInfo],
) -> dict[int, tuple[int, ...]]:
    """Positions on which each object counts: its own range without the first and the last frame.

    Objects with ranges of one or two frames are left out.

    Raises:
        InputError: a frame that counts is not annotated.
    """
    positions = {name: k for k, name in enumerate(frame_names)}
    with_truth = set(annotated)
    ranges = {}
    for one in objects:
        counted = tuple(positions[name] for name in (one.frames or ())[1:-1])
        bare = [k for k in counted if k not in with_truth]
        if bare:
            raise InputError(
                f"{sequence}: frame {frame_names[bare[0]]} is in the range of object "
                f"{one.object_id}, but is not annotated.",
                hint="Check the annotation folder of the dataset card.",
            )
        if counted:
            ranges[one.object_id] = counted
    return ranges
