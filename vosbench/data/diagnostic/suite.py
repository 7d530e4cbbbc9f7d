"""Writing the diagnostic clips as a DAVIS-like folder, once, into the cache.

The folder appears by one rename, after everything in it is written; `MANIFEST.json` holds the
digest of every file. A folder that does not match its manifest is drawn again.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from vosbench.data.diagnostic.clips import SUITE_VERSION, clip_plans
from vosbench.data.diagnostic.photos import PHOTOS
from vosbench.data.diagnostic.render import draw_clip
from vosbench.data.diagnostic.scene import ClipPlan
from vosbench.data.diagnostic.truth import encode_truth, measure_truth
from vosbench.data.masks import encode_labels
from vosbench.data.roots import cache_folder
from vosbench.errors import InputError
from vosbench.types import RGB

__all__ = [
    "SIZES",
    "ClipSize",
    "SizeName",
    "diagnostic_root",
    "encode_image",
    "put_clip",
    "write_suite",
]

SizeName: TypeAlias = Literal["std", "tiny"]
_LAYOUT = 2
"""Stored in the manifest; raised whenever what is told of a clip changes."""


@dataclass(frozen=True)
class ClipSize:
    """Height and width in px, and frames per clip."""

    height: int
    width: int
    frames: int


SIZES: dict[SizeName, ClipSize] = {
    "std": ClipSize(240, 426, 20),
    "tiny": ClipSize(96, 160, 24),
}

_MANIFEST = "MANIFEST.json"
_LOCK_TIMEOUT_S = 120.0


def diagnostic_root(size: SizeName) -> Path:
    """Folder of the drawn clips; draws them where they are missing or damaged (a few seconds).

    Raises:
        InputError: if the cache cannot be written, or scikit-image's photographs are missing.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415 - only where clips are used

    target = cache_folder() / "diagnostic" / f"{SUITE_VERSION}-{size}"
    if _is_complete(target):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_suffix(".lock"), timeout=_LOCK_TIMEOUT_S):
            if not _is_complete(target):
                _replace(target, size)
    except Timeout as error:
        raise InputError(
            f"another process has been drawing {target} for {_LOCK_TIMEOUT_S:.0f} s",
            hint="wait for it, or set VOSBENCH_CACHE to another folder",
        ) from error
    except OSError as error:
        raise InputError(
            f"the diagnostic clips cannot be written to {target}: {error.strerror or error}",
            hint="set VOSBENCH_CACHE to a folder that can be written, with 60 MB free",
        ) from error
    return target


def _replace(target: Path, size: SizeName) -> None:
    fresh = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        fresh.chmod(0o755)
        write_suite(fresh, size)
        if target.exists():
            # a folder cannot be renamed over another one, so the damaged one steps aside first
            target.rename(fresh / "damaged")
            shutil.rmtree(fresh / "damaged")
        fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _is_complete(folder: Path) -> bool:
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        if manifest["layout"] != _LAYOUT:
            return False
        files = manifest["files"]
        return all(_digest((folder / name).read_bytes()) == sha for name, sha in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write_suite(folder: Path, size: SizeName) -> None:
    """Draw all clips of a size into an empty folder, in DAVIS layout, with truth and manifest."""
    shape = SIZES[size]
    files: dict[str, str] = {}

    def put(name: str, content: bytes) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        files[name] = _digest(content)

    plans = clip_plans()
    for plan in plans:
        put_clip(plan, shape, put)
    put("ImageSets/2017/all.txt", "".join(f"{plan.name}\n" for plan in plans).encode())
    put("README.txt", _readme(size).encode())
    manifest = {"suite_version": SUITE_VERSION, "layout": _LAYOUT, "size": size, "files": files}
    (folder / _MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def put_clip(plan: ClipPlan, shape: ClipSize, put: Callable[[str, bytes], None]) -> None:
    """Draw one clip and hand over its files: relative path and content."""
    frames = list(draw_clip(plan, height=shape.height, width=shape.width, frames=shape.frames))
    for number, frame in enumerate(frames):
        put(f"JPEGImages/480p/{plan.name}/{number:05d}.png", encode_image(frame.image))
        put(f"Annotations/480p/{plan.name}/{number:05d}.png", encode_labels(frame.labels))
    arrays, words = encode_truth(measure_truth(plan, frames))
    put(f"Truth/{plan.name}.npz", arrays)
    put(f"Truth/{plan.name}.json", words)


def encode_image(image: RGB) -> bytes:
    """A picture, H×W×3 uint8, as PNG."""
    from PIL import Image  # noqa: PLC0415 - drawing clips is rare, start-up is not

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def _readme(size: SizeName) -> str:
    shape = SIZES[size]
    lines = [
        f"Diagnostic clips of vosbench, suite {SUITE_VERSION}, {shape.height}x{shape.width} px, "
        f"{shape.frames} frames each.",
        "Drawn by vosbench; scores on them tell what a method stumbles over, not how good it is.",
        "",
        *(f"{plan.name}: {plan.summary}" for plan in clip_plans()),
        "",
        "Cut from photographs of the package scikit-image:",
        *(f"{photo.file}: {photo.terms}" for photo in PHOTOS.values()),
    ]
    return "\n".join(lines) + "\n"
