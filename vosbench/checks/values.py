"""The values in a sequence's masks: ids that do not belong, and masks that say nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vosbench.checks.files import MaskLook
from vosbench.checks.findings import Finding, Severity
from vosbench.checks.phantoms import PHANTOM_SHARE, thin_along_contours
from vosbench.data.masks import VOID, read_labels
from vosbench.data.names import shortened
from vosbench.errors import InputError
from vosbench.evaluate.checks import MaskChecks
from vosbench.metrics import Protocol
from vosbench.types import LabelMap, Sequence

__all__ = ["ValueChecks"]

_VALUES: Final = 256
_NEAREST: Final = (
    "resize labels by nearest neighbour and draw without anti-aliasing, or resize each object's "
    "probabilities and take the largest"
)
_PALETTE: Final = (
    "values must be the ids of the first annotation; 38 or 75 come from a palette mask saved as "
    "grey"
)


class ValueChecks:
    """Remembers what was seen of a sequence's masks.

    Args:
        clip: the sequence with its annotations.
        rules: protocol that would score it.
    """

    def __init__(self, clip: Sequence, rules: Protocol) -> None:
        self._clip = clip
        self._rules = rules
        self._union = rules.objects == "union"
        self._truth_findings: list[Finding] = []
        self._known: set[int] = set(clip.object_ids)
        self._first = self._truth(0)
        self._checks: MaskChecks | None = None
        if self._first is not None:
            self._checks = MaskChecks(self._first, len(clip.frames))
        self._areas: NDArray[np.int64] = np.zeros(_VALUES, np.int64)
        self._pixels = 0
        self._thin: dict[int, bool] = {}
        self._where: dict[int, str] = {}
        self._blends: list[str] = []
        self._unannotated = 0
        self._all_first = True

    def add(self, index: int, look: MaskLook) -> None:
        """Take note of the mask of frame `index`; what could not be decoded is passed over."""
        pixels = look.raw if look.raw is not None else look.labels
        if pixels is None:
            return
        frame = self._clip.frames[index].name
        counts = np.bincount(pixels.ravel(), minlength=_VALUES)
        if self._union:
            self._add_union(frame, pixels, counts)
        else:
            self._areas += counts
            self._pixels += pixels.size
            self._add_unknown(frame, pixels, counts)
        if index and look.labels is not None:
            self._compare(index, look.labels)

    def _add_union(self, frame: str, pixels: LabelMap, counts: NDArray[np.int64]) -> None:
        """Where all values are one object: seams show as rare values beside the main one."""
        self._areas[1] += int(counts[1:].sum())
        values = np.flatnonzero(counts[1:]) + 1
        if len(values) > 1:
            main = int(values[counts[values].argmax()])
            rare = tuple(int(v) for v in values if v != main)
            if thin_along_contours(pixels, rare):
                self._blends.append(frame)

    def _add_unknown(self, frame: str, pixels: LabelMap, counts: NDArray[np.int64]) -> None:
        known = self._known | {0, VOID}
        unknown = tuple(int(v) for v in np.flatnonzero(counts) if int(v) not in known)
        if not unknown:
            return
        thin = thin_along_contours(pixels, unknown)
        for value in unknown:
            self._where.setdefault(value, frame)
            self._thin[value] = self._thin.get(value, True) and thin

    def _truth(self, index: int) -> LabelMap | None:
        """The annotation of a frame as the protocol sees it, or None."""
        path = self._clip.frames[index].annotation
        if path is None:
            return None
        size = (self._clip.height, self._clip.width)
        try:
            labels = read_labels(path, self._clip.label_kind, size=size)
        except InputError as error:
            self._truth_findings.append(
                Finding(
                    "error",
                    "truth-unreadable",
                    "an annotation of the data set cannot be read",
                    self._clip.name,
                    self._clip.frames[index].name,
                    str(error),
                    "vosbench check dataset --deep looks at all of them",
                )
            )
            return None
        if self._union:
            union: LabelMap = (labels != 0).view(np.uint8)
            return union
        return labels

    def _compare(self, index: int, labels: LabelMap) -> None:
        truth = self._truth(index)
        if truth is not None and self._checks is not None:
            self._known.update(int(v) for v in np.unique(truth) if v)
            self._checks.add(labels, truth)
        elif truth is None:
            self._unannotated += 1
            same = self._first is not None and np.array_equal(labels, self._first)
            self._all_first = self._all_first and same

    def findings(self) -> Iterator[Finding]:
        """What is to be said of the whole sequence."""
        name = self._clip.name
        yield from self._truth_findings
        if self._checks is not None:
            ids_matter = self._rules.objects not in ("union", "best-match")
            for text in self._checks.findings(ids_matter=ids_matter):
                yield Finding("warning", "suspicious", text, name)
        if self._unannotated and self._all_first:
            text = "every predicted mask is a copy of the first annotation"
            yield Finding("warning", "suspicious", text, name)
        only_unannotated = self._unannotated == len(self._clip.frames) - 1
        if only_unannotated and not self._areas[1:].any():
            yield Finding("warning", "suspicious", "all predicted masks are empty", name)
        if self._blends:
            text = "a binary mask has in-between values along its contour, and all count as object"
            detail = f"{len(self._blends)} masks: {shortened(self._blends)}"
            yield Finding("warning", "phantom-ids", text, name, None, detail, _NEAREST)
        if self._areas[1:].any() and not self._union and self._rules.objects != "best-match":
            yield from self._never()
        yield from self._unknown()

    def _never(self) -> Iterator[Finding]:
        if not self._areas[1:VOID].any():
            return
        never = [one for one in self._clip.object_ids if not self._areas[one]]
        if never:
            text = "objects of the first annotation are never predicted"
            detail = f"ids {shortened(map(str, never))}"
            yield Finding("warning", "never-predicted", text, self._clip.name, None, detail)

    def _unknown(self) -> Iterator[Finding]:
        """Ids that the ground truth does not have, seams apart from others."""
        if self._rules.objects == "best-match":
            return
        unknown = [value for value in self._where if value not in self._known]
        most = PHANTOM_SHARE * self._pixels
        seams = [v for v in unknown if self._thin[v] and self._areas[v] < most]
        others = [value for value in unknown if value not in seams]
        for values, code, text, fix in (
            (
                seams,
                "phantom-ids",
                "phantom ids: they lie only in thin seams along contours, as resizing with "
                "interpolation or anti-aliasing leaves them",
                _NEAREST,
            ),
            (others, "unknown-ids", "ids that the ground truth does not have", _PALETTE),
        ):
            if values:
                severity = self._severity(max(values))
                where = self._where[values[0]]
                detail = f"{len(values)} ids: {shortened(map(str, sorted(values)))}"
                yield Finding(severity, code, text, self._clip.name, where, detail, fix)

    def _severity(self, highest: int) -> Severity:
        """Error where the protocol refuses the id."""
        refused = self._rules.extra_ids == "refuse" and highest > max(self._clip.object_ids)
        return "error" if refused else "warning"
