"""Attributes of the sequences of a data set, and J with and without each of them.

People tagged the 50 sequences of DAVIS-2016; here figures decide. How well the two agree is told
with every use, because for some attributes it is little better than chance.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vosbench.data.images import read_frame
from vosbench.diagnose import DEFAULTS, TERMS, Thresholds, measure_shapes
from vosbench.diagnose.attributes import (
    FRAME_ATTRIBUTES,
    FrameMeter,
    cohen_kappa,
    has_attribute,
    mask_figures,
    mask_frame_figures,
)
from vosbench.diagnose.frame_figures import FRAME_STEP, FrameFigures, join_figures
from vosbench.errors import InputError
from vosbench.explain.masks import read_truth
from vosbench.explain.records import (
    AttributeFramesRecord,
    AttributeRecord,
    AttributesRecord,
    LossRecord,
)
from vosbench.metrics import Protocol
from vosbench.types import Sequence as Clip

__all__ = [
    "RULES",
    "ExaminedAttributes",
    "Rule",
    "attributes_record",
    "examine_all",
    "examine_attributes",
    "read_tags",
]


@dataclass(frozen=True)
class Rule:
    """When a sequence has an attribute: when any of its objects has; and when an object-frame has.

    For the object on one frame and on all of them the threshold is the same; the figure is that of
    the frame, or what those of its frames make.

    Attributes:
        name: of the attribute; what comes before a hyphen is the tag it is held against.
        figure: which figure decides.
        above: whether more than the threshold means yes; else less does.
        threshold: in the unit of the figure.
        origin: `definition` of DAVIS-2016, `rule` of the events, or `train`: chosen for the highest
            agreement on the 30 training sequences of DAVIS-2016, no validation sequence being seen.
        kappa_train: agreement with people on those 30 (Cohen's kappa).
        kappa_left_out: the same where the threshold is chosen without the sequence it is used on;
            None where no threshold was chosen.
        kappa_val: agreement on 10 validation sequences of DAVIS-2016.
    """

    name: str
    figure: str
    above: bool
    threshold: float
    origin: str
    kappa_train: float
    kappa_left_out: float | None
    kappa_val: float


RULES: Final = (
    Rule("LR", "LR", False, 0.1, "definition", 1.00, None, 0.74),
    Rule("SV", "SV", False, 0.5, "definition", 0.39, None, 0.00),
    # half of the height and half of the width: what people seem to have had in mind
    Rule("SV-length", "SV", False, 0.25, "train", 1.00, 1.00, 0.62),
    # 20 px of the 1920x1080 px that the data set was made at
    Rule("FM", "FM", True, 20 / math.hypot(1920, 1080), "definition", 0.86, None, 0.58),
    Rule("OV", "OV", True, 0.0, "rule", 1.00, None, 0.37),
    Rule("OCC", "OCC", True, 0.0, "rule", 0.25, None, 0.19),
    Rule("SC", "SC", True, 7.7, "train", 0.66, 0.52, 0.78),
    Rule("DEF", "DEF", True, 0.36, "train", 0.48, 0.20, 0.44),
    Rule("ROT", "ROT", True, 30.0, "rule", 0.24, None, 0.20),
    Rule("AC", "AC", True, 0.17, "train", 0.71, 0.52, 0.55),
    Rule("BC", "BC", False, 0.32, "train", 0.61, 0.35, -0.15),
    Rule("CS", "CS", True, 0.1, "train", 0.17, 0.17, 0.09),
    Rule("DB", "DB", True, 30.0, "train", 0.15, 0.15, 0.00),
    Rule("EA", "EA", False, 27.7, "train", 0.39, 0.24, 0.31),
    Rule("HO", "HO", True, 17.2, "train", 0.51, 0.15, 0.41),
    Rule("MB", "MB", False, 0.95, "train", 0.33, 0.33, 0.00),
)
"""Measured on 854x480; of IO, which is a question of meaning, there is no figure."""


@dataclass(frozen=True, eq=False)
class ExaminedAttributes:
    """What was measured of a sequence.

    Attributes:
        figures: of each object, by id, then by attribute; NaN where undefined.
        frames: of each object on its annotated frames.
    """

    figures: dict[int, dict[str, float]]
    frames: dict[int, FrameFigures]


def examine_attributes(
    clip: Clip,
    protocol: Protocol,
    *,
    objects: Sequence[int] | None = None,
    limits: Thresholds = DEFAULTS,
) -> ExaminedAttributes:
    """Figures of every object of a sequence, as a whole and on each annotated frame.

    Args:
        clip: with annotations; those attributes that need pictures are NaN where it has none.
        protocol: says what an object is.
        objects: ids of those that count; by default the ones that the first annotation has.
        limits: thresholds of occlusion.

    Raises:
        InputError: an annotation or a picture cannot be used.
    """
    annotated = [k for k, frame in enumerate(clip.frames) if frame.annotation is not None]
    size = (clip.height, clip.width)
    ids = (1,) if protocol.objects == "union" else tuple(objects or clip.object_ids)
    meters = {one: FrameMeter(one, step=FRAME_STEP) for one in ids}
    rows = []
    for index in annotated:
        truth = read_truth(clip, index, protocol)
        rows.append(measure_shapes(truth, ids, limits=limits))
        image = clip.frames[index].image
        picture = None if image is None else read_frame(image, size=size)
        for meter in meters.values():
            meter.add(picture, truth)
    shapes = {one: [row[k] for row in rows] for k, one in enumerate(ids)}
    figures = {
        one: mask_figures(of, size, limits=limits) | meters[one].figures()
        for one, of in shapes.items()
    }
    frames = {
        one: join_figures(mask_frame_figures(of, size, limits=limits), meters[one].frames())
        for one, of in shapes.items()
    }
    for one, of_frames in frames.items():
        # such shifts are no measurements; without this rule agreement with people is lower
        if "no-ground" in of_frames.reasons["DB"][::FRAME_STEP]:
            figures[one]["DB"] = math.nan
    return ExaminedAttributes(figures, frames)


def attributes_record(
    figures: Mapping[str, Mapping[int, Mapping[str, float]]],
    sequences: Mapping[str, LossRecord],
    *,
    tags: Mapping[str, frozenset[str]] | None = None,
    frames: Mapping[str, AttributeFramesRecord] | None = None,
) -> AttributesRecord:
    """Which sequences have which attributes, and what J is with and without them.

    Args:
        figures: of sequences, of objects, of attributes.
        sequences: J of each sequence.
        tags: what people say of some of the sequences, to be compared with.
        frames: J on object-frames with and without each attribute, by name of the rule.
    """
    has = {
        name: {rule.name: _any(rule, objects) for rule in RULES}
        for name, objects in figures.items()
    }
    return AttributesRecord(
        sequences={
            name: [attribute for attribute, yes in found.items() if yes]
            for name, found in has.items()
        },
        figures={
            name: {
                str(one): {key: value if math.isfinite(value) else None for key, value in f.items()}
                for one, f in objects.items()
            }
            for name, objects in figures.items()
        },
        attributes=[
            _attribute(rule, has, sequences, tags).model_copy(
                update={"frames": (frames or {}).get(rule.name)}
            )
            for rule in RULES
        ],
    )


def _any(rule: Rule, objects: Mapping[int, Mapping[str, float]]) -> bool | None:
    found = [
        has_attribute(figures[rule.figure], rule.threshold, above=rule.above)
        for figures in objects.values()
    ]
    return None if all(one is None for one in found) else any(found)


def _attribute(
    rule: Rule,
    has: Mapping[str, Mapping[str, bool | None]],
    sequences: Mapping[str, LossRecord],
    tags: Mapping[str, frozenset[str]] | None,
) -> AttributeRecord:
    known = {name: found[rule.name] for name, found in has.items()}
    groups = {
        yes: [sequences[name].j_mean for name, found in known.items() if found is yes]
        for yes in (True, False)
    }
    means = {yes: sum(js) / len(js) if js else None for yes, js in groups.items()}
    terms = {
        yes: _mean_terms([sequences[name] for name, found in known.items() if found is yes])
        for yes in (True, False)
    }
    both = [name for name, found in known.items() if found is not None and name in (tags or {})]
    kappa = None
    if tags is not None and both:
        people = [rule.name.split("-")[0] in tags[name] for name in both]
        value = cohen_kappa(people, [bool(known[name]) for name in both])
        kappa = value if math.isfinite(value) else None
    with_it, without = means[True], means[False]
    return AttributeRecord(
        attribute=rule.name,
        threshold=rule.threshold,
        above=rule.above,
        origin=rule.origin,
        needs_frames=rule.figure in FRAME_ATTRIBUTES,
        sequences_with=len(groups[True]),
        sequences_without=len(groups[False]),
        j_with=with_it,
        j_without=without,
        difference=None if with_it is None or without is None else with_it - without,
        terms_with=terms[True],
        terms_without=terms[False],
        kappa_train=rule.kappa_train,
        kappa_left_out=rule.kappa_left_out,
        kappa_val=rule.kappa_val,
        kappa_here=kappa,
        tagged_here=len(both),
    )


def _mean_terms(losses: Sequence[LossRecord]) -> dict[str, float] | None:
    if not losses:
        return None
    return {name: sum(one.terms[name] for one in losses) / len(losses) for name in TERMS}


def read_tags(path: Path) -> dict[str, frozenset[str]]:
    """What people say: a CSV file with the columns `sequence` and `attributes`.

    Sequences without any tag count only if some sequence of their `year`, where there is such a
    column, has one: an empty cell then means that the sequence was looked at.

    Raises:
        InputError: the file cannot be read, or lacks a column.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    missing = {"sequence", "attributes"} - set(rows[0] if rows else ())
    if missing:
        raise InputError(
            f"{path} has no column {' and no column '.join(sorted(missing))}",
            hint="it needs the columns sequence and attributes, such as bear,DEF OCC",
        )
    found = {row["sequence"]: (row.get("year"), _split(row["attributes"])) for row in rows}
    looked_at = {year for year, tags in found.values() if tags}
    return {name: tags for name, (year, tags) in found.items() if year in looked_at}


def _split(text: str | None) -> frozenset[str]:
    return frozenset((text or "").replace(",", " ").replace(";", " ").upper().split())


def examine_all(
    clips: Sequence[Clip],
    protocol: Protocol,
    *,
    objects: Mapping[str, Sequence[int]],
    progress: Callable[[str], None],
) -> dict[str, ExaminedAttributes]:
    """`examine_attributes` of many sequences, by name.

    Args:
        clips: the sequences.
        protocol: says what an object is.
        objects: ids of those that count, by sequence.
        progress: told of each sequence before it is looked at.
    """
    found = {}
    for clip in clips:
        progress(f"attributes of {clip.name}")
        found[clip.name] = examine_attributes(clip, protocol, objects=objects[clip.name])
    return found
