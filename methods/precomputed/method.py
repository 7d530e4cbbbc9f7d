"""Masks from a folder or archive, handed to the engine as a method's answers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, cast, get_args

from vosbench.data.masks import MaskLayoutKind, MaskSource, open_masks
from vosbench.data.names import shortened
from vosbench.errors import InputError, UsageError
from vosbench.types import BuildOptions, Prediction, Sequence

from .importing import imported

__all__ = ["PrecomputedMasks", "build", "content_digest"]

_NOT_MEASURED: Final = "speed: not measured, the masks were made elsewhere"


class PrecomputedMasks:
    """See `vosbench.types.OutsideMethod`.

    Attributes:
        content_sha256: digest of the masks.
        notes: for the run's record.
    """

    def __init__(self, source: MaskSource, content_sha256: str) -> None:
        self._source = source
        self.content_sha256 = content_sha256
        self.notes = (_NOT_MEASURED, *source.notes)

    def prepare(self, sequences: tuple[Sequence, ...], *, scratch: Path, logs: Path) -> None:
        """Make sure that the masks are of these data at all.

        Raises:
            InputError: if there are masks of none of the sequences.
        """
        del scratch, logs
        present = set(self._source.sequences())
        if sequences and not any(sequence.name in present for sequence in sequences):
            raise InputError(
                f"{self._source.location} has masks of {shortened(sorted(present))}, but of none "
                f"of the sequences asked for: {shortened(s.name for s in sequences)}",
                hint="check --dataset and --split, or name the sequences with --sequences",
            )

    def timing(self, sequences: tuple[str, ...]) -> Mapping[str, float]:
        """Nothing is known."""
        del sequences
        return {}

    def segment(self, sequence: Sequence) -> Iterator[Prediction]:
        """The masks of a sequence; see `imported`."""
        return imported(self._source, sequence)


def content_digest(path: Path) -> str:
    """SHA-256 of an archive's bytes, or of path and bytes of every PNG below a folder.

    Raises:
        InputError: if a file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        if not path.is_dir():
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        for mask in sorted(path.rglob("*.png")):
            if mask.is_file():
                digest.update(mask.relative_to(path).as_posix().encode() + b"\0")
                digest.update(hashlib.sha256(mask.read_bytes()).digest())
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def build(options: BuildOptions) -> PrecomputedMasks:
    """Open the masks.

    Raises:
        UsageError: if no masks are named, or weights are.
        InputError: if they cannot be opened.
    """
    if options.masks is None:
        raise UsageError("precomputed needs masks: name a folder or archive with --masks")
    if options.weights is not None:
        raise UsageError("precomputed masks have no weights; leave --weights out")
    layout = str(options.parameters.get("layout", "auto"))
    if layout not in get_args(MaskLayoutKind):
        raise UsageError(f"layout {layout!r} is none of {', '.join(get_args(MaskLayoutKind))}")
    source = open_masks(options.masks, layout=cast("MaskLayoutKind", layout))
    # a run directory's own `masks/` is what was opened
    return PrecomputedMasks(source, content_digest(Path(source.location)))
