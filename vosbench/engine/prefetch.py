"""Decoding ahead: frames are read on worker threads while the method works on earlier ones.

At most `ahead` decoded frames wait in memory, whatever the clip's length.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from vosbench.data import read_frame
from vosbench.data.masks import read_labels
from vosbench.errors import InputError
from vosbench.timing import Trace
from vosbench.types import RGB, FrameRef, LabelKind, LabelMap

__all__ = ["Decoded", "decode_ahead"]


class Decoded(NamedTuple):
    """A frame in memory, with its annotation where the loop needs it."""

    ref: FrameRef
    rgb: RGB
    labels: LabelMap | None


def _decode(
    ref: FrameRef, size: tuple[int, int], kind: LabelKind, with_labels: bool, trace: Trace
) -> Decoded:
    if ref.image is None:
        raise InputError(f"frame {ref.name} has no image file; running a method needs the images")
    with trace.measure(ref.name, "decode"):
        rgb = read_frame(ref.image)
    if rgb.shape[:2] != size:
        raise InputError(
            f"{ref.image} is {rgb.shape[1]}x{rgb.shape[0]} px, the sequence's first frame is "
            f"{size[1]}x{size[0]} px"
        )
    labels = None
    if with_labels and ref.annotation is not None:
        labels = read_labels(ref.annotation, kind, size=size)
    return Decoded(ref, rgb, labels)


def decode_ahead(
    frames: Sequence[FrameRef],
    *,
    size: tuple[int, int],
    kind: LabelKind,
    labels_for: frozenset[str],
    trace: Trace,
    ahead: int = 8,
    workers: int = 2,
) -> Generator[Decoded]:
    """Yield the frames in order, decoded on threads.

    Args:
        frames: frames in temporal order.
        size: (height, width) every frame must have, px.
        kind: how annotations are read.
        labels_for: names of the frames whose annotation is wanted too.
        trace: takes the time of decoding and of waiting.
        ahead: most frames decoded but not yet used.
        workers: decoding threads; decoders release the interpreter lock.

    Raises:
        InputError: at the frame that cannot be read, after all frames before it were yielded.
    """
    pending: deque[tuple[str, Future[Decoded]]] = deque()
    upcoming = iter(frames)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="vosbench-decode")
    try:
        while True:
            while len(pending) < ahead and (ref := next(upcoming, None)) is not None:
                wanted = ref.name in labels_for
                future = pool.submit(_decode, ref, size, kind, wanted, trace)
                pending.append((ref.name, future))
            if not pending:
                return
            name, future = pending.popleft()
            with trace.measure(name, "wait"):
                decoded = future.result()
            yield decoded
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
