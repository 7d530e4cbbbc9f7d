"""Sequences whose annotations lie in one folder per object, as those of SA-V do.

Objects may overlap there, and each is annotated on frames of its own, so no label map holds them:
`SEQUENCE/OBJECT/FRAME.png`, where the object folders are numbers. Such data can be scored, object
by object; methods, which start from one label map, cannot be run on them.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from vosbench.data.listing import list_files
from vosbench.data.masks import read_size
from vosbench.data.names import natural_key
from vosbench.errors import InputError
from vosbench.types import FrameRef, ObjectInfo, Sequence

__all__ = ["open_per_object"]

_HIGHEST_NUMBER = 253


def open_per_object(*, dataset: str, split: str, name: str, folder: Path) -> Sequence:
    """Check one sequence and describe it.

    Its frames are those on which any object is annotated. The annotation of a frame is that of the
    first object there; what counts are the `annotations` of `objects`.

    Args:
        dataset: name of the card.
        split: name of the split.
        name: name of the sequence.
        folder: folder of the sequence.

    Raises:
        InputError: naming the sequence and what is wrong with it.
    """
    numbered = _object_folders(folder)
    if not numbered:
        raise InputError(
            f"sequence {name}: {folder} has no object folders",
            hint="the card says that annotations lie in one numbered folder per object",
        )
    first = 1 if _numbers_start_at_zero(folder.parent) else 0
    objects = tuple(
        ObjectInfo(
            number + first,
            annotations=tuple(
                FrameRef(frame, None, path) for frame, path in list_files(inner, (".png",)).items()
            ),
        )
        for number, inner in numbered.items()
    )
    frames = {ref.name: ref for one in reversed(objects) for ref in one.annotations or ()}
    size = read_size(numbered[next(iter(numbered))] / f"{objects[0].annotations[0].name}.png")  # type: ignore[index]
    for one in objects:
        for ref in one.annotations or ():
            path = ref.annotation
            if path is not None and read_size(path) != size:
                found = read_size(path)
                raise InputError(
                    f"sequence {name}: {path} is {found[0]}x{found[1]} px (height x width), but "
                    f"the others are {size[0]}x{size[1]}"
                )
    return Sequence(
        dataset=dataset,
        split=split,
        name=name,
        frames=tuple(frames[key] for key in sorted(frames, key=natural_key)),
        height=size[0],
        width=size[1],
        object_ids=tuple(one.object_id for one in objects),
        label_kind="binary",
        objects=objects,
    )


def _object_folders(folder: Path) -> dict[int, Path]:
    """Folders of a sequence by their number, ascending.

    Raises:
        InputError: a folder or file that is no object.
    """
    found = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        number = int(path.name) if path.name.isascii() and path.name.isdigit() else -1
        if not path.is_dir() or not 0 <= number <= _HIGHEST_NUMBER or number in found:
            raise InputError(
                f"{path} is no object folder",
                hint=f"object folders are named by their number, 0..{_HIGHEST_NUMBER}, each once",
            )
        found[number] = path
    return dict(sorted(found.items()))


@lru_cache(maxsize=16)
def _numbers_start_at_zero(base: Path) -> bool:
    """Whether any sequence has an object 0, so that ids are numbers plus one."""
    return any(
        inner.is_dir() and inner.name.isascii() and inner.name.isdigit() and int(inner.name) == 0
        for sequence in base.iterdir()
        if sequence.is_dir()
        for inner in sequence.iterdir()
    )
