"""Opening a data set: card, root and split become checked sequences.

Everything that can be told without decoding video is checked here, so that a run does not die of it
an hour later: frame lists agree, masks of a sequence have one size (from their headers), the first
frame has an object. Opening ten 480p sequences takes well under 0.3 s. Scoring, which decodes every
mask in any case, opens without reading their headers before.
"""

from __future__ import annotations

import fnmatch
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from vosbench.data.cards import DatasetCard, load_card
from vosbench.data.listing import ListedSequence, list_sequences
from vosbench.data.metadata import SplitMetadata, read_metadata
from vosbench.data.names import close_names, shortened
from vosbench.data.roots import find_root
from vosbench.data.sequences import open_sequence
from vosbench.errors import InputError, UsageError
from vosbench.types import Sequence

__all__ = ["Dataset", "open_dataset"]

_MOST_PROBLEMS = 10


@dataclass(frozen=True)
class Dataset:
    """The chosen sequences of one split, checked.

    Attributes:
        card: what the data set is.
        split: name of the split.
        root: folder that holds it.
        sequences: chosen sequences, in the order of the split.
        manifest_sha256: digest of sequence names, frame names, sizes, object ids and first masks'
            files; two runs saw the same task exactly if these are equal.
        protocol: scoring protocol by name.
        warnings: what the user should know, such as an incomplete copy of the split.
    """

    card: DatasetCard
    split: str
    root: Path
    sequences: tuple[Sequence, ...]
    manifest_sha256: str
    protocol: str
    warnings: tuple[str, ...] = ()

    @property
    def frames(self) -> int:
        """Number of frames of all chosen sequences."""
        return sum(len(sequence.frames) for sequence in self.sequences)


def open_dataset(
    reference: str | Path,
    *,
    split: str | None = None,
    root: Path | None = None,
    sequences: str | None = None,
    limit: int | None = None,
    need_images: bool = True,
) -> Dataset:
    """Open a split of a data set.

    Args:
        reference: name of a shipped card, or path of a card.
        split: name of a split; None means the card's default.
        root: folder of the data; None means to search for it (see `vosbench.data.roots`).
        sequences: name patterns with `*`, `?` and `[...]`, separated by commas; None means all.
        limit: keep only the first so many of the chosen sequences.
        need_images: False where only masks are scored; then no image file need exist, and frames
            without an image have `image=None`. Masks other than the first are not looked at yet:
            whoever reads them checks that they are of the sequence's size.

    Raises:
        UsageError: for an unknown data set or split, or a selection that leaves no sequence.
        InputError: if the data cannot be found, or is not as the card says; the message names each
            sequence that is wrong.
    """
    card = load_card(reference)
    split, _ = card.split(split)
    card = card.for_split(split)
    if root is None and card.generator is not None:
        from vosbench.data.diagnostic import drawn_root  # noqa: PLC0415 - only where it is drawn

        root = drawn_root(card.generator, sequences=sequences, limit=limit)
    root = find_root(card, root, split=split, need_images=need_images)
    listed = list_sequences(card, split, root)
    chosen = _selected(listed, sequences, limit, card=card)
    metadata = read_metadata(card, split, root)
    opened: list[Sequence] = []
    problems: list[InputError] = []
    for entry in chosen:
        try:
            sequence = open_sequence(card, split, root, entry, need_images=need_images)
            opened.append(_with_metadata(sequence, metadata))
        except InputError as error:
            problems.append(error)
    if problems:
        raise _joined(problems, card=card, split=split, chosen=len(chosen))
    whole = sequences is None and limit is None
    return Dataset(
        card=card,
        split=split,
        root=root,
        sequences=tuple(opened),
        manifest_sha256=_manifest(opened),
        protocol=card.protocol,
        warnings=(
            *(_incomplete(card, split, opened) if whole else ()),
            *_without_metadata(card, split, root, opened),
        ),
    )


def _selected(
    listed: list[ListedSequence], patterns: str | None, limit: int | None, *, card: DatasetCard
) -> list[ListedSequence]:
    chosen = listed
    if patterns is not None:
        words = [word.strip() for word in patterns.split(",") if word.strip()]
        names = [entry.name for entry in listed]
        for word in words:
            if not fnmatch.filter(names, word):
                raise UsageError(
                    f"no sequence of {card.name!r} matches {word!r}{close_names(word, names)}; "
                    f"there are: {shortened(names, most=12)}"
                )
        chosen = [e for e in listed if any(fnmatch.fnmatchcase(e.name, word) for word in words)]
        if not chosen:
            raise UsageError(f"the selection {patterns!r} names no sequence of {card.name!r}")
    if limit is not None:
        if limit < 1:
            raise UsageError(f"the limit of sequences must be at least 1, not {limit}")
        chosen = chosen[:limit]
    return chosen


def _with_metadata(sequence: Sequence, metadata: SplitMetadata | None) -> Sequence:
    if metadata is None:
        return sequence
    names = (frame.name for frame in sequence.frames)
    return replace(sequence, objects=metadata.objects(sequence.name, names))


def _without_metadata(
    card: DatasetCard, split: str, root: Path, opened: list[Sequence]
) -> tuple[str, ...]:
    """Say so where the card promises metadata that this copy lacks."""
    wanted = [card.splits[split].meta, card.metadata.unseen_sequences]
    missing = [path for path in wanted if path is not None and not (root / path).is_file()]
    if missing:
        return (
            f"there is no {' and no '.join(missing)} below {root}: protocols that need what is "
            "told there of the objects cannot score",
        )
    if card.splits[split].meta is None:
        return ()
    unknown = [sequence.name for sequence in opened if not sequence.objects]
    if not unknown:
        return ()
    return (f"{card.splits[split].meta} does not tell of {shortened(unknown)}",)


def _manifest(sequences: list[Sequence]) -> str:
    digest = hashlib.sha256()
    for sequence in sequences:
        names = " ".join(frame.name for frame in sequence.frames)
        ids = " ".join(str(object_id) for object_id in sequence.object_ids)
        head = f"{sequence.name}\n{sequence.height}x{sequence.width}\n{ids}\n{names}\n"
        digest.update(head.encode())
        first = sequence.frames[0].annotation
        if first is not None:
            digest.update(hashlib.sha256(first.read_bytes()).digest())
    return digest.hexdigest()


def _joined(
    problems: list[InputError], *, card: DatasetCard, split: str, chosen: int
) -> InputError:
    lines = [f"  {problem}" for problem in problems[:_MOST_PROBLEMS]]
    if len(problems) > _MOST_PROBLEMS:
        lines.append(f"  and {len(problems) - _MOST_PROBLEMS} more")
    hints = list(dict.fromkeys(problem.hint for problem in problems if problem.hint))
    if len(problems) < chosen:
        hints.append("or choose the sequences that are complete by name")
    return InputError(
        f"{card.name} {split}: {len(problems)} of {chosen} sequences cannot be used:\n"
        + "\n".join(lines),
        hint="; ".join(hints),
    )


def _incomplete(card: DatasetCard, split: str, opened: list[Sequence]) -> tuple[str, ...]:
    """Say so where the copy holds less, or other, than the complete split does."""
    part = card.splits[split]
    counts = (
        ("sequences", len(opened), part.sequences),
        ("frames", sum(len(sequence.frames) for sequence in opened), part.frames),
    )
    words = [
        f"{count} of {expected} {what}"
        for what, count, expected in counts
        if expected is not None and count != expected
    ]
    if not words:
        return ()
    return (
        f"this copy of {card.name} {split} has {' and '.join(words)}: numbers from it are not "
        "those of the complete split",
    )
