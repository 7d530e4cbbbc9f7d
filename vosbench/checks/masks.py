"""Looking over predicted masks against a data set, without scoring them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from vosbench.checks.apart import is_apart, look_apart
from vosbench.checks.files import MaskFiles, MaskLook
from vosbench.checks.findings import CheckReport, Finding
from vosbench.checks.values import ValueChecks
from vosbench.data.dataset import Dataset
from vosbench.data.guess import looks_like
from vosbench.data.masks import MaskSource, open_masks
from vosbench.data.names import shortened
from vosbench.errors import InputError
from vosbench.evaluate.sequence import counted_positions
from vosbench.metrics import Protocol, get_protocol
from vosbench.types import Sequence

__all__ = ["check_masks"]


def check_masks(path: Path, dataset: Dataset, *, protocol: str | None = None) -> CheckReport:
    """Check masks against a data set and report everything that is wrong with them.

    What scoring would refuse is an error, what it would normalise or ignore is a note, and what
    makes a score meaningless is a warning. A file that cannot be used never stops the check.

    Args:
        path: run directory, folder or zip of masks.
        dataset: opened data set; images are not needed.
        protocol: scoring protocol by name; None means the data set's own.

    Raises:
        UsageError: unknown protocol.
        InputError: there are no masks at all, or their arrangement is not understood.
    """
    rules = get_protocol(protocol or dataset.protocol)
    known = {clip.name for clip in dataset.sequences}
    source = open_masks(path)
    if dataset.card.layout.per_object and not known & {*source.sequences()}:
        # the folders of a single clip do not tell that they are those of objects
        source = open_masks(path, layout="per-object")
    files = MaskFiles(source, rules.prediction_kind)
    findings = [Finding("note", "source", note) for note in source.notes]
    findings += [note for note in [files.others()] if note is not None]
    part = _chosen(dataset)
    findings += part
    text = f"masks of a sequence that is not {'among those chosen' if part else 'in the split'}"
    findings += [
        Finding("note" if part else "warning", "extra-sequence", text, name)
        for name in source.sequences()
        if name not in known
    ]
    if not known & {*source.sequences()}:
        asked = f"{dataset.card.name} {dataset.split}"
        looks = looks_like(source.sequences(), asked, [dataset.root])
        findings += [Finding("note", "other-data", looks)] if looks else []
    looked = 0
    for clip in dataset.sequences:
        if not source.frames(clip.name):
            text = "a sequence has no masks"
            fix = "masks are looked for in a folder of the sequence's name"
            findings.append(Finding("error", "sequence-missing", text, clip.name, fix=fix))
            continue
        if is_apart(clip):
            looked += look_apart(source, clip, findings)
            continue
        findings += _frame_findings(source, clip, rules)
        looked += _look(source, files, clip, rules, findings)
    facts: dict[str, str | int | None] = {
        "masks": str(path),
        "data": f"{dataset.card.name} {dataset.split}, protocol {rules.name}",
        "sequences": len(dataset.sequences),
        "masks_looked_at": looked,
        "manifest_sha256": dataset.manifest_sha256,
    }
    return CheckReport(f"masks for {dataset.card.name} {dataset.split}", facts, tuple(findings))


def _chosen(dataset: Dataset) -> list[Finding]:
    """Say so where the user chose some of the split's sequences."""
    complete = dataset.card.splits[dataset.split].sequences
    chosen = len(dataset.sequences)
    # a copy that lacks sequences was opened whole, and warns of that itself
    if complete is None or chosen >= complete or _says_incomplete(dataset):
        return []
    text = (
        f"{chosen} of {complete} sequences of {dataset.card.name} {dataset.split} were chosen: "
        "only their masks are checked"
    )
    return [Finding("note", "part", text)]


def _says_incomplete(dataset: Dataset) -> bool:
    return any("complete split" in line for line in dataset.warnings)


def _needed(clip: Sequence, rules: Protocol) -> set[str]:
    """Frames without which scoring, here or on a server, refuses the sequence."""
    annotated = [k for k, frame in enumerate(clip.frames) if frame.annotation is not None]
    names = [frame.name for frame in clip.frames]
    if annotated == [0]:
        # the truth is elsewhere, and nobody here knows which frames count
        return set(names)
    try:
        positions = counted_positions(clip.name, rules, names, annotated)
    except InputError:
        return set()
    return {names[k] for k in positions}


def _frame_findings(source: MaskSource, clip: Sequence, rules: Protocol) -> Iterator[Finding]:
    needed = _needed(clip, rules)
    present = set(source.frames(clip.name))
    for frame in clip.frames:
        if frame.name in present:
            continue
        if frame.name in needed:
            text = "a frame that counts has no mask"
            fix = "an all-zero mask says 'no object'"
            yield Finding("error", "frame-missing", text, clip.name, frame.name, fix=fix)
        else:
            first = frame is clip.frames[0]
            text = (
                "the first frame has no mask; scoring does not need it, servers may"
                if first
                else "a frame that does not count has no mask; servers may want it"
            )
            code = "first-missing" if first else "frame-missing"
            yield Finding("note", code, text, clip.name, frame.name)
    extra = sorted(present - {frame.name for frame in clip.frames})
    if extra:
        text = "masks of frames that the sequence does not have are ignored"
        yield Finding("note", "extra-frames", text, clip.name, None, shortened(extra))


def _look(
    source: MaskSource,
    files: MaskFiles,
    clip: Sequence,
    rules: Protocol,
    findings: list[Finding],
) -> int:
    """Look at every mask of a sequence; the number of masks."""
    single = rules.objects == "union" or (len(clip.object_ids) == 1 and clip.object_ids[0] == 1)
    present = set(source.frames(clip.name))
    values = ValueChecks(clip, rules)
    looks: list[MaskLook] = []
    for index, frame in enumerate(clip.frames):
        if frame.name not in present:
            continue
        look = files.look(clip.name, frame.name, (clip.height, clip.width), single_object=single)
        findings += look.findings
        values.add(index, look)
        look.labels = look.raw = None
        looks.append(look)
    findings += values.findings()
    findings += _mode_findings(clip, looks)
    return len(looks)


def _mode_findings(clip: Sequence, looks: list[MaskLook]) -> Iterator[Finding]:
    headers = [look.header for look in looks if look.header is not None]
    modes = Counter(header.mode for header in headers)
    if len(modes) > 1:
        detail = ", ".join(f"{count} {mode}" for mode, count in modes.most_common())
        text = "masks of one sequence differ in mode"
        yield Finding("note", "mixed-modes", text, clip.name, None, detail)
    if "grey" in modes:
        text = "masks are grey, not indexed; some servers want a palette"
        yield Finding("note", "grey", text, clip.name, fix="vosbench pack writes indexed masks")
    coloured = [header for header in headers if header.png.colour == "palette"]
    if not all(header.davis_palette for header in coloured):
        text = "masks have a palette other than that of DAVIS"
        fix = "ids are read all the same; vosbench pack writes the palette of DAVIS"
        yield Finding("note", "palette", text, clip.name, fix=fix)
