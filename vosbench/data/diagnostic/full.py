"""The full suite on disk: drawn clip by clip, and only the clips that are asked for.

A clip is complete once `Manifest/<clip>.json` is there and every file it names has the size it
says; the manifest is written last. It also holds the digest of the clip's pixels, which is the same
on every machine, as the compressed files need not be.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal, TypeAlias

from vosbench.data.diagnostic.factors import FACTORS, FULL_VERSION, factor_plans
from vosbench.data.diagnostic.photos import PHOTOS
from vosbench.data.diagnostic.render import DrawnFrame, draw_clip
from vosbench.data.diagnostic.scene import ClipPlan
from vosbench.data.diagnostic.suite import (
    ClipSize,
    SizeName,
    diagnostic_root,
    put_clip,
)
from vosbench.data.generators import GENERATORS, Generator
from vosbench.data.roots import cache_folder
from vosbench.errors import InputError, UsageError

__all__ = [
    "FULL_SIZES",
    "FullSize",
    "clip_digest",
    "drawn_root",
    "full_plans",
    "write_full_suite",
]

FullSize: TypeAlias = Literal["tiny", "std", "480p"]

FULL_SIZES: Final[dict[FullSize, ClipSize]] = {
    "tiny": ClipSize(96, 160, 24),
    "std": ClipSize(240, 426, 60),
    "480p": ClipSize(480, 854, 80),
}
_LOCK_TIMEOUT_S: Final = 1800.0


def full_plans(size: FullSize) -> tuple[ClipPlan, ...]:
    """All 90 clips of a size: of each factor the control and five levels."""
    shape = FULL_SIZES[size]
    return tuple(factor_plans(height=shape.height, width=shape.width, frames=shape.frames))


def drawn_root(
    generator: Generator, *, sequences: str | None = None, limit: int | None = None
) -> Path:
    """Folder of clips that vosbench draws itself.

    Args:
        generator: of the dataset card.
        sequences: name patterns, separated by commas; of the full suite only these are drawn.
        limit: only the first so many of them.

    Raises:
        InputError: the cache cannot be written, or scikit-image's photographs are missing.
    """
    drawn = GENERATORS[generator]
    if not drawn.clip_by_clip:
        plain: SizeName = "std" if drawn.size == "std" else "tiny"
        return diagnostic_root(plain)
    size: FullSize = drawn.size
    root = cache_folder() / "diagnostic" / f"full-{FULL_VERSION}-{size}"
    try:
        _draw(root, size, sequences=sequences, limit=limit)
    except OSError as error:
        raise InputError(
            f"the diagnostic clips cannot be written to {root}: {error.strerror or error}",
            hint="set VOSBENCH_CACHE to a folder that can be written; the whole suite takes 0.1 GB "
            "(tiny), 1 GB (std) or 4.5 GB (480p)",
        ) from error
    return root


def _draw(root: Path, size: FullSize, *, sequences: str | None, limit: int | None) -> None:
    from filelock import FileLock, Timeout  # noqa: PLC0415 - only where clips are used

    wanted = _chosen(full_plans(size), sequences, limit)
    if _is_listed(root) and all(_is_complete(root, plan.name) for plan in wanted):
        return
    if not wanted:
        # one clip will do for whoever opens the set to complain that there is no such name
        sequences, limit = None, 1
    root.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(root.with_suffix(".lock"), timeout=_LOCK_TIMEOUT_S):
            write_full_suite(root, size, sequences=sequences, limit=limit)
            _list(root, [plan.name for plan in full_plans(size)])
    except Timeout as error:
        raise InputError(
            f"another process has been drawing {root} for {_LOCK_TIMEOUT_S:.0f} s",
            hint="wait for it, or set VOSBENCH_CACHE to another folder",
        ) from error


def write_full_suite(
    folder: Path, size: FullSize, *, sequences: str | None = None, limit: int | None = None
) -> None:
    """Draw clips of the full suite into a folder in DAVIS layout; what is complete is kept.

    `ImageSets/2017/all.txt` lists the clips that are there.

    Raises:
        UsageError: no clip of the suite has such a name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plans = full_plans(size)
    chosen = _chosen(plans, sequences, limit)
    if not chosen:
        raise UsageError(
            f"no clip of the diagnostic suite matches {sequences!r}",
            hint="clips are named FACTOR-0 to FACTOR-5, with a FACTOR of "
            + ", ".join(factor.name for factor in FACTORS),
        )
    for plan in chosen:
        if not _is_complete(folder, plan.name):
            _draw_clip(folder, plan, FULL_SIZES[size])
    _list(folder, [plan.name for plan in plans if _is_complete(folder, plan.name)])
    (folder / "README.txt").write_text(_readme(size), encoding="utf-8")


def _list(folder: Path, names: Iterable[str]) -> None:
    listing = folder / "ImageSets" / "2017" / "all.txt"
    listing.parent.mkdir(parents=True, exist_ok=True)
    listing.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


def _chosen(plans: Iterable[ClipPlan], sequences: str | None, limit: int | None) -> list[ClipPlan]:
    words = [word.strip() for word in (sequences or "*").split(",") if word.strip()]
    chosen = [p for p in plans if any(fnmatch.fnmatchcase(p.name, word) for word in words)]
    return chosen[:limit]


def _is_listed(root: Path) -> bool:
    return (root / "ImageSets" / "2017" / "all.txt").is_file()


def _is_complete(root: Path, clip: str) -> bool:
    try:
        manifest = json.loads((root / "Manifest" / f"{clip}.json").read_text(encoding="utf-8"))
        return all((root / name).stat().st_size == size for name, size in manifest["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _draw_clip(root: Path, plan: ClipPlan, shape: ClipSize) -> None:
    fresh = Path(tempfile.mkdtemp(dir=root, prefix=f".{plan.name}."))
    files: dict[str, int] = {}
    try:

        def put(name: str, content: bytes) -> None:
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            files[name] = len(content)

        put_clip(plan, shape, put)
        manifest = json.dumps({"version": FULL_VERSION, "files": files}, indent=1) + "\n"
        (root / "Manifest" / f"{plan.name}.json").unlink(missing_ok=True)
        for part in ("JPEGImages/480p", "Annotations/480p"):
            target = root / part / plan.name
            shutil.rmtree(target, ignore_errors=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            (fresh / part / plan.name).rename(target)
        (root / "Truth").mkdir(exist_ok=True)
        for path in (fresh / "Truth").iterdir():
            path.replace(root / "Truth" / path.name)
        (root / "Manifest").mkdir(exist_ok=True)
        (root / "Manifest" / f"{plan.name}.json").write_text(manifest, encoding="utf-8")
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def clip_digest(plan: ClipPlan, size: FullSize) -> str:
    """SHA-256 of a clip's label maps and pictures as bytes; the same on every machine."""
    shape = FULL_SIZES[size]
    digest = hashlib.sha256()
    for frame in draw_clip(plan, height=shape.height, width=shape.width, frames=shape.frames):
        _update(digest, frame)
    return digest.hexdigest()


def _update(digest: hashlib._Hash, frame: DrawnFrame) -> None:
    digest.update(frame.labels.tobytes())
    digest.update(frame.image.tobytes())


def _readme(size: FullSize) -> str:
    shape = FULL_SIZES[size]
    lines = [
        f"Full diagnostic suite of vosbench, version {FULL_VERSION}, {shape.height}x{shape.width} "
        f"px, {shape.frames} frames each.",
        "Drawn by vosbench; scores on it tell what a method stumbles over, not how good it is.",
        "Each factor has five levels, FACTOR-1 to FACTOR-5, and a control without it, FACTOR-0.",
        "Truth/CLIP.npz and .json hold what the masks do not show.",
        "",
        *(
            f"{one.name}: {one.summary} {', '.join(f'{d:g}' for d in one.doses)} {one.unit}."
            for one in FACTORS
        ),
        "",
        "Cut from photographs of the package scikit-image:",
        *(f"{photo.file}: {photo.terms}" for photo in PHOTOS.values()),
    ]
    return "\n".join(lines) + "\n"
