"""Taking masks over from files that somebody else wrote: nothing about them is trusted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from vosbench.data.masks import MaskSource, read_labels
from vosbench.data.names import shortened
from vosbench.errors import InputError
from vosbench.types import LabelMap, Prediction, Sequence

__all__ = ["imported"]


def imported(
    source: MaskSource, sequence: Sequence, *, names: Mapping[str, str] | None = None
) -> Iterator[Prediction]:
    """Read the masks of a sequence, one frame at a time.

    The first frame is answered with the masks that were given, as a method that streams does:
    results hold them, a copy of them, the method's own idea of them, or nothing at all.

    Args:
        source: the masks.
        sequence: its first frame must have an annotation.
        names: name of the mask of each frame; None where it is the frame's own.

    Yields:
        One prediction per frame; ids are looked at by the engine, as those of any method.

    Raises:
        InputError: a mask is missing or cannot be used; the message names it.
    """
    called = {frame.name: (names or {}).get(frame.name, frame.name) for frame in sequence.frames}
    present = set(source.frames(sequence.name))
    later = [frame.name for frame in sequence.frames[1:]]
    missing = [called[name] for name in later if called[name] not in present]
    if later and len(missing) == len(later):
        raise InputError(
            f"{source.location}: there are no masks of sequence {sequence.name}",
            hint="masks are looked for in a folder of the sequence's name, below any folders that "
            "all sequences have in common",
        )
    if missing:
        raise InputError(
            f"{source.location}: {len(missing)} of {len(later)} masks of {sequence.name} are "
            f"missing: {shortened(missing)}",
            hint="every frame after the first needs a mask; an all-zero mask says 'no object'",
        )
    yield Prediction(_given(sequence))
    size = (sequence.height, sequence.width)
    for name in later:
        read = source.read(
            sequence.name,
            called[name],
            sequence.label_kind,
            size=size,
            single_object=len(sequence.object_ids) == 1,
        )
        yield Prediction(np.ascontiguousarray(read.labels, dtype=np.uint8))


def _given(sequence: Sequence) -> LabelMap:
    first = sequence.frames[0].annotation
    if first is None:
        raise InputError(f"{sequence.name}: the first frame has no annotation")
    labels = read_labels(first, sequence.label_kind, size=(sequence.height, sequence.width))
    return np.where(np.isin(labels, sequence.object_ids), labels, np.uint8(0))
