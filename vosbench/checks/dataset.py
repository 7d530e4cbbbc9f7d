"""Looking over a whole data set: every frame list and every header, and on request every pixel."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vosbench.checks.annotations import AnnotationScan, scan_annotations
from vosbench.checks.apart import list_apart
from vosbench.checks.findings import CheckReport, Finding
from vosbench.checks.headers import px
from vosbench.checks.listing import FrameList, list_frames
from vosbench.data.cards import DatasetCard, load_card
from vosbench.data.dataset import open_dataset
from vosbench.data.images import read_frame, read_image_size
from vosbench.data.listing import ListedSequence, list_sequences
from vosbench.data.roots import find_root
from vosbench.errors import InputError

__all__ = ["check_dataset"]

_COPY_AGAIN = "copy the file again"


@dataclass(frozen=True)
class _Scanned:
    """What was seen of one sequence."""

    frames: int
    first_only: bool


def check_dataset(
    reference: str | Path,
    *,
    split: str | None = None,
    root: Path | None = None,
    deep: bool = False,
    manifest: str | None = None,
) -> CheckReport:
    """Check a split of a data set and report everything that is wrong with it.

    Args:
        reference: name of a shipped card, or path of a card.
        split: name of a split; None means the card's default.
        root: folder of the data; None means to search for it.
        deep: decode every image and every mask, not only the headers and first masks. Of a data set
            that vosbench draws clip by clip, only a sample of clips is drawn and looked at unless
            this or a manifest asks for all.
        manifest: `manifest_sha256` that the data must have, for example from a `run.json`; None
            takes what the card states of a complete copy, if anything.

    Raises:
        UsageError: for an unknown data set or split.
        InputError: if the data set or its list of sequences cannot be found at all.
    """
    card = load_card(reference)
    split, part = card.split(split)
    card = card.for_split(split)
    findings: list[Finding] = []
    sample: str | None = None
    if root is None and card.generator is not None and card.drawn is not None:
        from vosbench.data.diagnostic import drawn_root

        if card.drawn.clip_by_clip and not deep and manifest is None:
            sample = card.drawn.sample
        root = drawn_root(card.generator, sequences=sample)
    root, with_images = _find(card, root, split, findings)
    listed = list_sequences(card, split, root)
    if sample is not None:
        everything = len(listed)
        listed = [entry for entry in listed if fnmatch.fnmatchcase(entry.name, sample)]
        findings.append(
            Finding(
                "note",
                "sample",
                f"{len(listed)} of {everything} clips were drawn and checked: those named {sample}",
                fix="the others are drawn when they are asked for; --deep draws and checks all",
            )
        )
    scanned: list[_Scanned] = []
    for entry in listed:
        scanned.append(
            _scan(card, split, root, entry, findings, with_images=with_images, deep=deep)
        )
    if scanned and all(one.first_only for one in scanned):
        findings.append(
            Finding(
                "note",
                "first-frame-only",
                "only first frames are annotated, so masks of this split cannot be scored here",
                fix="its truth is on a server: vosbench pack writes what the server wants",
            )
        )
    digest = None
    if not any(finding.severity == "error" for finding in findings):
        digest = _digest(
            reference,
            split,
            root,
            findings,
            sample=sample,
            # objects that are annotated apart are only scored, which takes no images
            with_images=with_images and not card.layout.per_object,
            expected=manifest,
            complete=part.manifest_sha256,
        )
    facts: dict[str, str | int | None] = {
        "root": str(root),
        "sequences": len(scanned),
        "frames": sum(one.frames for one in scanned),
        "complete_split": _complete(part.sequences, part.frames),
        "decoded": "everything" if deep else "first masks only (--deep decodes everything)",
        "manifest_sha256": digest,
    }
    return CheckReport(f"{card.name} {split}", facts, tuple(findings))


def _complete(sequences: int | None, frames: int | None) -> str | None:
    known = [f"{n} {what}" for n, what in ((sequences, "sequences"), (frames, "frames")) if n]
    return ", ".join(known) or None


def _find(
    card: DatasetCard, root: Path | None, split: str, findings: list[Finding]
) -> tuple[Path, bool]:
    """The root, and whether it has images; without any the masks are still checked."""
    try:
        return find_root(card, root, split=split), True
    except InputError:
        found = find_root(card, root, split=split, need_images=False)
    findings.append(
        Finding(
            "warning",
            "no-images",
            "there are no images: masks can be scored, but no method can run",
            fix="unpack the images of the data set into the same folder",
        )
    )
    return found, False


def _scan(
    card: DatasetCard,
    split: str,
    root: Path,
    entry: ListedSequence,
    findings: list[Finding],
    *,
    with_images: bool,
    deep: bool,
) -> _Scanned:
    if card.layout.per_object:
        apart, size = list_apart(
            card, split, root, entry, findings, with_images=with_images, deep=deep
        )
        findings += _image_findings(apart, AnnotationScan(size), deep=deep)
        return _Scanned(len(apart.names), first_only=False)
    frames = list_frames(card, split, root, entry, findings, with_images=with_images)
    scan = scan_annotations(card, frames, findings, deep=deep)
    findings += _image_findings(frames, scan, deep=deep)
    first_only = bool(frames.names) and set(frames.annotations) == {frames.names[0]}
    return _Scanned(len(frames.names), first_only and len(frames.names) > 1)


def _image_findings(frames: FrameList, scan: AnnotationScan, *, deep: bool) -> Iterator[Finding]:
    """Every image's size against the masks', and with `deep` its pixels."""
    expected = scan.size
    for frame, path in frames.images.items():
        try:
            size = read_frame(path).shape[:2] if deep else read_image_size(path)
        except InputError as error:
            yield Finding(
                "error",
                "image-unreadable",
                "an image cannot be read",
                frames.sequence,
                frame,
                str(error),
                _COPY_AGAIN,
            )
            continue
        height, width = size
        expected = expected or (height, width)
        if (height, width) != expected:
            yield Finding(
                "error",
                "image-size",
                "an image differs in size from the sequence's masks or other images",
                frames.sequence,
                frame,
                f"{px((height, width))} instead of {px(expected)}",
                "images and annotations may be of different resolutions of the data set",
            )


def _digest(
    reference: str | Path,
    split: str,
    root: Path,
    findings: list[Finding],
    *,
    sample: str | None,
    with_images: bool,
    expected: str | None,
    complete: str | None,
) -> str | None:
    """The digest of the data as a run would open them, and what opening says of them."""
    try:
        opened = open_dataset(
            reference, split=split, root=root, sequences=sample, need_images=with_images
        )
    except InputError as error:
        findings.append(
            Finding("error", "cannot-open", "the data set cannot be opened", detail=str(error))
        )
        return None
    findings += [
        Finding(
            "warning",
            "partial-copy",
            "the copy is not the complete split",
            detail=warning,
            fix="download what is missing, or name sequences and split with every number",
        )
        for warning in opened.warnings
    ]
    if (
        expected is None and sample is None and not opened.warnings
    ):  # a partial copy has another digest anyway
        expected = complete
    if expected is not None and opened.manifest_sha256 != expected.lower():
        findings.append(
            Finding(
                "error",
                "manifest",
                "the data are not those that were asked for: their digest differs",
                detail=f"{opened.manifest_sha256} instead of {expected}",
                fix="names, sizes, ids or first masks differ: use the same release of the data",
            )
        )
    return opened.manifest_sha256
