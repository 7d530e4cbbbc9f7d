"""What each leaderboard wants. A target is data; one piece of code packs for all of them.

Where a layout is known from is part of the record: servers close, move and change, and none of
them was asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from vosbench.data.names import close_names
from vosbench.errors import UsageError

__all__ = ["TARGETS", "Arrangement", "Target", "get_target"]

Arrangement: TypeAlias = Literal["label-maps", "per-object"]
"""`label-maps`: `<sequence>/<frame>.png` with object ids; `per-object`:
`<sequence>/<object>/<frame>.png`, each one object as 0 and 1."""


@dataclass(frozen=True)
class Target:
    """The form that a leaderboard takes masks in.

    Attributes:
        name: how it is asked for.
        title: for people.
        server: where it is uploaded, or an empty string.
        folder: folder of the archive above the sequences, or an empty string for none.
        arrangement: how masks are filed below it.
        binary: all objects of a frame are one object, value 1.
        frame_step: frames wanted are those whose number is a multiple of it; 1 means all.
        object_offset: added to an object id for its folder's number, under `per-object`.
        dataset: card that lists exactly what the server wants, or None where vosbench has none.
        split: split that the server scores; of `dataset`, or usual name in a user's own card.
        verified: what of the layout was read in public code or statements, and where.
        recalled: what was not, and should be compared with the server's own page.
    """

    name: str
    title: str
    server: str = ""
    folder: str = ""
    arrangement: Arrangement = "label-maps"
    binary: bool = False
    frame_step: int = 1
    object_offset: int = 0
    dataset: str | None = None
    split: str | None = None
    verified: str = ""
    recalled: str = ""


_DAVIS_ROOT: Final = (
    "sequence folders directly in the archive: message of the CodaLab evaluation program quoted in "
    "codalab/codalab-competitions#2709 (DAVIS 2019), and the archives that eval.py of XMem and "
    "Cutie write for test-dev"
)
_ALL: Final = (
    Target(
        name="davis2016",
        title="DAVIS 2016 val, results as methods publish them",
        binary=True,
        dataset="davis2016",
        split="val",
        verified="any non-zero value is the object: the 2016 toolkit reads masks as grey",
        recalled="there is no server; the archive is for publishing and for offline tools",
    ),
    Target(
        name="davis2017-test-dev",
        title="DAVIS 2017 test-dev",
        server="https://codalab.lisn.upsaclay.fr/competitions/6812",
        dataset="davis2017",
        split="test-dev",
        verified=_DAVIS_ROOT,
        recalled="every frame of every sequence, the first included; 480p",
    ),
    Target(
        name="davis2017-test-challenge",
        title="DAVIS 2017 test-challenge",
        dataset="davis2017",
        split="test-challenge",
        verified="",
        recalled="the same form as test-dev; no open server is known",
    ),
    Target(
        name="youtube-vos",
        title="YouTube-VOS 2018 and 2019 valid",
        server="https://codalab.lisn.upsaclay.fr/competitions/6066 (2019), /7685 (2018)",
        folder="Annotations",
        frame_step=5,
        split="valid",
        verified=(
            "the folder Annotations on top, and fewer frames than all_frames: the archives that "
            "eval.py of XMem and Cutie write"
        ),
        recalled=(
            "frame numbers are multiples of 5; the server's meta.json lists frames by object, "
            "which a card of your own does not"
        ),
    ),
    Target(
        name="mosev2",
        title="MOSEv2 valid",
        server="https://www.codabench.org/competitions/10062/",
        split="valid",
        verified=(
            "the server (henghuiding/MOSE-api#18); sequence folders directly in the archive for "
            "the first MOSE: the archive that eval_vos.py of Cutie writes"
        ),
        recalled="MOSEv2 takes the same form as the first MOSE, with every frame",
    ),
    Target(
        name="lvos",
        title="LVOS test",
        server="https://codalab.lisn.upsaclay.fr/competitions/8767",
        folder="Annotations",
        split="test",
        verified="the folder Annotations on top: the archive that eval_vos.py of Cutie writes",
        recalled="every frame is wanted, though every fifth is scored",
    ),
    Target(
        name="sa-v",
        title="SA-V val and test",
        arrangement="per-object",
        frame_step=4,
        object_offset=-1,
        split="val",
        verified=(
            "a folder per object numbered from 000, any non-zero value is the object, masks of "
            "frames without truth are ignored, truth on every fourth frame: README and evaluator "
            "of facebookresearch/sam2"
        ),
        recalled=(
            "there is no server: unpack the archive for sav_evaluator.py; that object ids of your "
            "card are SA-V's plus one"
        ),
    ),
)

TARGETS: Final[Mapping[str, Target]] = MappingProxyType({target.name: target for target in _ALL})
"""All targets by name."""


def get_target(name: str) -> Target:
    """The target of that name.

    Raises:
        UsageError: if there is none.
    """
    if name not in TARGETS:
        raise UsageError(
            f"no target {name!r}{close_names(name, TARGETS, count=1)}; there are: "
            f"{', '.join(TARGETS)}"
        )
    return TARGETS[name]
