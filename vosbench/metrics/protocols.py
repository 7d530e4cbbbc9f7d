"""Named protocols: which frames and objects count, and how files are read.

The same masks get different scores under different protocols, so a score never goes without the
name of its protocol. A protocol is data; the code that follows it is in `vosbench.evaluate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from vosbench.errors import UsageError
from vosbench.metrics.counts import Tolerance
from vosbench.types import LabelKind

__all__ = [
    "PROTOCOLS",
    "ExtraIds",
    "Halves",
    "Measures",
    "ObjectRule",
    "Protocol",
    "VoidRule",
    "get_protocol",
]

ObjectRule: TypeAlias = Literal[
    "union", "first-frame", "listed", "seen", "given", "own-range", "best-match"
]
"""Which objects count, and from when.

- `union`: all non-zero pixels are object 1.
- `first-frame`: ids 1..K, K the highest id of the first annotation, on all counted frames.
- `listed`: ids that occur in the first annotation, on all counted frames.
- `seen`: ids in the annotations of counted frames, each from where it is first seen in an
  annotation or a prediction.
- `given`: ids in the annotations, each after the frame that first shows it, which a method is
  given.
- `own-range`: ids that the metadata list, each on the frames of its own range there without the
  first and last of them.
- `best-match`: `first-frame`, each scored against the predicted object assigned to it.
"""

VoidRule: TypeAlias = Literal["background", "object", "ignore"]
"""What 255 in an annotation is: background, an object like others, or pixels that do not count."""

ExtraIds: TypeAlias = Literal["refuse", "ignore"]
"""What a predicted id without a true object does: make the sequence unscorable, or nothing."""

Measures: TypeAlias = Literal[
    "davis", "region", "mosev2", "mosev2-official", "lvos", "vots", "volumetric"
]
"""How figures follow from counts; see `vosbench.metrics.figures`."""

Halves: TypeAlias = Literal["none", "seen-unseen"]
"""Whether objects of seen and of unseen categories are averaged first, and then the two halves."""


@dataclass(frozen=True)
class Protocol:
    """Rules of an evaluation.

    Attributes:
        name: how it is asked for and recorded.
        description: one paragraph for people.
        prediction_kind: how predicted mask files are read.
        objects: which objects count.
        drop_first: the first annotated frame does not count.
        drop_last: the last annotated frame does not count.
        void: what 255 in an annotation is.
        extra_ids: what a predicted id without a true object does.
        tolerance: how far apart boundary pixels may match.
        measures: how figures follow from counts.
        halves: how objects are averaged.
        max_proposals: highest predicted id under `best-match`.
    """

    name: str
    description: str
    prediction_kind: LabelKind
    objects: ObjectRule
    drop_first: bool = True
    drop_last: bool = True
    void: VoidRule = "background"
    extra_ids: ExtraIds = "refuse"
    tolerance: Tolerance = "davis"
    measures: Measures = "davis"
    halves: Halves = "none"
    max_proposals: int = 20

    def evaluated(self, annotated: int) -> range:
        """Positions that count among that many annotated frames."""
        return range(int(self.drop_first), annotated - int(self.drop_last))

    @property
    def needs_metadata(self) -> bool:
        """Whether it asks for more of an object than masks tell: `vosbench.types.ObjectInfo`."""
        return self.halves != "none" or self.objects == "own-range"


_ALL: Final = (
    Protocol(
        name="davis2016",
        description=(
            "DAVIS 2016, single object (Perazzi et al., CVPR 2016; as davis2017-evaluation "
            "computes it on DAVIS-2016 data). All non-zero pixels are one object, in the "
            "annotations as in the predictions. The first and the last annotated frame do not "
            "count. J is the intersection over union; F matches boundary pixels within ceil(0.008 "
            "* diagonal) px. Two empty masks score 1, one empty mask scores 0. Figures are means "
            "over frames, then over sequences."
        ),
        prediction_kind="binary",
        objects="union",
    ),
    Protocol(
        name="davis2017",
        description=(
            "DAVIS 2017, semi-supervised (Pont-Tuset et al., 2017; davis2017-evaluation). Objects "
            "are 1..K where K is the highest id in the first annotation: an id missing below K "
            "counts as an object that is absent everywhere, and objects that appear later do not "
            "count. Void (255) is background. The first and the last annotated frame do not count. "
            "A predicted id above K makes the sequence unscorable. J, F and empty masks as in "
            "davis2016. Figures are means over frames, then over all objects of all sequences."
        ),
        prediction_kind="ids",
        objects="first-frame",
    ),
    Protocol(
        name="davis2017-unsupervised",
        description=(
            "DAVIS 2017, unsupervised (Caelles et al., 2019; davis2017-evaluation). Predicted "
            "objects carry any ids up to 20 and are assigned to the true objects so that the sum "
            "of their J&F is highest. All annotated frames count; void pixels (255) of the "
            "annotation are left out of both masks. Otherwise as davis2017. Objects are listed by "
            "their true id, whereas the official per-object table lists them by predicted id."
        ),
        prediction_kind="ids",
        objects="best-match",
        drop_first=False,
        drop_last=False,
        void="ignore",
    ),
    Protocol(
        name="vos-benchmark",
        description=(
            "vos-benchmark 0.1.0 (Cheng). An object counts from the first counted frame on which "
            "its id occurs in the annotation or the prediction; an object that no counted "
            "annotation shows does not count, so invented objects cost nothing. 255 is an object "
            "like others. The first and the last annotated frame do not count. J and F as in "
            "davis2016. Figures are means over frames, then over all objects; recall and decay are "
            "added by vosbench."
        ),
        prediction_kind="ids",
        objects="seen",
        void="object",
        extra_ids="ignore",
    ),
    Protocol(
        name="sa-v",
        description=(
            "The SA-V evaluator of SAM 2. On data with label maps it follows the same rules as "
            "vos-benchmark. With one folder per object each object is scored by itself, and "
            "overlaps with others do not matter: the first and the last of its own annotated "
            "frames do not count, and it counts from the first counted frame on which the "
            "annotation or the prediction shows it. Every non-zero value is the object. An object "
            "that no counted annotation shows does not count; the evaluator stops there."
        ),
        prediction_kind="ids",
        objects="seen",
        void="object",
        extra_ids="ignore",
    ),
    Protocol(
        name="late-objects",
        description=(
            "For data where objects start on later frames too. An object counts on the annotated "
            "frames after the one that first shows it; that frame is given to the method. The last "
            "frame counts. Void (255) is background, invented objects cost nothing but the pixels "
            "they take. J and F as in davis2016, means over frames, then over all objects. These "
            "are vosbench's own rules, not those of a benchmark; youtube-vos has the same frames "
            "and averages by category."
        ),
        prediction_kind="ids",
        objects="given",
        drop_last=False,
        extra_ids="ignore",
    ),
    Protocol(
        name="youtube-vos",
        description=(
            "YouTube-VOS (Xu et al., 2018; the description on youtube-vos.org). J and F are "
            "averaged over the objects of categories that training data show (seen) and over the "
            "others (unseen); the final score, here G and J&F-Mean, is the mean of J-Seen, F-Seen, "
            "J-Unseen and F-Unseen. Objects may start on later frames. Needs the data set's "
            "metadata. All overall figures are means of the two halves; where one half has no "
            "objects they are those of the other, and G is undefined. A reconstruction, as the "
            "server's code is not public: that an object counts on all annotated frames after the "
            "one that first shows it, whether visible or not, the last frame included; that J and "
            "F are those of davis2016, void (255) is background, and invented objects cost nothing "
            "but the pixels they take."
        ),
        prediction_kind="ids",
        objects="given",
        drop_last=False,
        extra_ids="ignore",
        halves="seen-unseen",
    ),
    Protocol(
        name="lvos",
        description=(
            "LVOS (Hong et al., ICCV 2023; lvos-evaluation, semi-supervised). Objects and their "
            "ranges of frames are those of the metadata; each counts on the frames of its own "
            "range without the first and the last of them, wherever in the sequence it starts. J "
            "and F as in davis2016, void (255) is background, predicted ids that are not listed "
            "cost nothing but the pixels they take. V is the standard deviation of (J + F) / 2 "
            "over the frames of an object. Overall figures are means of two halves, objects of "
            "seen and of unseen categories; where one half has no objects they are those of the "
            "other, and V is undefined. The tool rounds the variance to four decimals before it "
            "takes the root, computes recall and decay over an array with one row, so that its "
            "decay is always 0, and lists the V of a sequence of seen categories among the unseen; "
            "here V is not rounded and decay is as in davis2017."
        ),
        prediction_kind="ids",
        objects="own-range",
        extra_ids="ignore",
        measures="lvos",
        halves="seen-unseen",
    ),
    Protocol(
        name="vost",
        description=(
            "VOST (Tokmakov et al., CVPR 2023; its evaluation code). Objects and frames as in "
            "davis2017, but predicted ids above K are dropped. J only; J-Last is J over the last "
            "quarter of the counted frames, where objects have changed most."
        ),
        prediction_kind="ids",
        objects="first-frame",
        extra_ids="ignore",
        measures="region",
    ),
    Protocol(
        name="mosev2",
        description=(
            "MOSEv2 as published (Ding et al., 2025): F matches boundary pixels within "
            "min(ceil(0.008 * diagonal), ceil(0.1 * sqrt(area))) px, area being that of the true "
            "mask. Also J&F over the frames on which an object is absent after it was seen "
            "(disappeared) and over those after it came back (reappeared). Objects are those of "
            "the first annotation; the first and the last annotated frame do not count. Rounding "
            "is a reconstruction: the tool rounds otherwise (mosev2-official)."
        ),
        prediction_kind="ids",
        objects="listed",
        extra_ids="ignore",
        tolerance="mosev2",
        measures="mosev2",
    ),
    Protocol(
        name="mosev2-official",
        description=(
            "MOSEv2 as its public tool computes it: J is (intersection + 1) / (union + 1), and "
            "where 0.1 * sqrt(area) exceeds 0.008 * diagonal the latter is left unrounded, which "
            "makes a smaller disk that lies off its centre. Otherwise as mosev2."
        ),
        prediction_kind="ids",
        objects="listed",
        extra_ids="ignore",
        tolerance="mosev2-official",
        measures="mosev2-official",
    ),
    Protocol(
        name="vots",
        description=(
            "Measures of the VOTS challenge on masks: J-Mean is the mean overlap per object; "
            "Quality is its mean over the objects of a sequence, then over sequences. Accuracy is "
            "the overlap where there is any; Robustness, NRE and DRE are the shares of frames with "
            "a visible object on which it was found, not reported, or missed; ADQ is the share of "
            "frames without the object on which nothing was reported (objects with more than ten). "
            "One common pixel counts as found, as in the VOT toolkit; Robustness@0.5 and DRE@0.5 "
            "(and @0.1) ask for more overlap than that. Objects of the first annotation, all "
            "frames after the first. A reconstruction of the VOT toolkit's measures; the toolkit "
            "reads its own result files."
        ),
        prediction_kind="ids",
        objects="listed",
        drop_last=False,
        extra_ids="ignore",
        measures="vots",
    ),
    Protocol(
        name="volumetric",
        description=(
            "J and F of an object over the whole sequence at once: intersections and unions, and "
            "boundary pixels matched and in all, are summed over frames before they are divided. "
            "Frames without the object then weigh little. Objects and frames as in davis2017. A "
            "reconstruction: no published evaluation code was consulted. Recall and decay are not "
            "defined."
        ),
        prediction_kind="ids",
        objects="first-frame",
        measures="volumetric",
    ),
)
PROTOCOLS: Final = MappingProxyType({protocol.name: protocol for protocol in _ALL})
"""All protocols by name."""


def get_protocol(name: str) -> Protocol:
    """Look a protocol up by its name.

    Raises:
        UsageError: there is no such protocol.
    """
    if name not in PROTOCOLS:
        raise UsageError(
            f"There is no protocol {name!r}.", hint=f"Known protocols: {', '.join(PROTOCOLS)}."
        )
    return PROTOCOLS[name]
