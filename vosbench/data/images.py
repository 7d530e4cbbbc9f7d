"""Reading video frames: the one image reader.

Files are untrusted: only three formats are opened, the size is checked before pixels are decoded,
and whatever Pillow stumbles over ends in an `InputError` that names the file.

Colours: grey is repeated, palettes are looked up, CMYK is converted, 16-bit grey keeps its high
byte, and alpha is dropped without blending. The EXIF orientation is deliberately ignored: masks are
drawn on the pixels as they are stored, and turning the image would tear the two apart.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vosbench.errors import InputError
from vosbench.types import RGB

__all__ = ["MAX_PIXELS", "read_frame", "read_image_size"]

MAX_PIXELS = 64 * 2**20
"""Largest image that is decoded, px: above 8K video, below what exhausts a small machine."""

_FORMATS = ("JPEG", "PNG", "WEBP")
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, OverflowError)


def read_frame(path: Path, *, size: tuple[int, int] | None = None) -> RGB:
    """Decode one frame.

    Args:
        path: JPEG, PNG or WebP file.
        size: height and width in px that the frame must have, or None for any.

    Returns:
        H×W×3 uint8, contiguous.

    Raises:
        InputError: if the file is missing, truncated, of another format, too large, animated, or
            not of the given size.
    """
    from PIL import Image  # noqa: PLC0415 - Pillow is only loaded where images are read

    try:
        with Image.open(path, formats=_FORMATS) as image:
            _check_header(image.size, path, size)
            if getattr(image, "is_animated", False):
                raise InputError(f"frame {path} is an animation; expected one image per file")
            image.load()
            if image.mode.startswith("I"):
                # 16-bit grey, which Pillow would clip at 255; the mode's name varies by version
                grey = np.asarray(image).astype(np.uint16) >> 8
                return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
            # straight to RGB, Pillow warns about palettes with transparency
            coloured = image.convert("RGBA") if image.mode == "P" else image
            if coloured.mode != "RGB":
                coloured = coloured.convert("RGB")
            return np.array(coloured, dtype=np.uint8)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(f"frame {path} is larger than {MAX_PIXELS} px") from error
    except _BROKEN as error:
        raise _unreadable(path, error) from error


def read_image_size(path: Path) -> tuple[int, int]:
    """Height and width in px from the file's header, without decoding pixels.

    Raises:
        InputError: if the file is no image of a supported format.
    """
    from PIL import Image  # noqa: PLC0415 - as above

    try:
        with Image.open(path, formats=_FORMATS) as image:
            _check_header(image.size, path, None)
            return image.height, image.width
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(f"frame {path} is larger than {MAX_PIXELS} px") from error
    except _BROKEN as error:
        raise _unreadable(path, error) from error


def _check_header(found: tuple[int, int], path: Path, size: tuple[int, int] | None) -> None:
    width, height = found
    if width * height > MAX_PIXELS:
        raise InputError(f"frame {path} has {width}x{height} px, more than {MAX_PIXELS}")
    if size is not None and (height, width) != size:
        raise InputError(
            f"frame {path} is {height}x{width} px, expected {size[0]}x{size[1]} as the first frame",
            hint="vosbench resizes nothing; all frames of a sequence must have one size",
        )


def _unreadable(path: Path, error: Exception) -> InputError:
    from PIL import UnidentifiedImageError  # noqa: PLC0415 - as above

    if isinstance(error, FileNotFoundError):
        return InputError(f"frame {path} does not exist")
    if isinstance(error, UnidentifiedImageError):
        return InputError(f"frame {path} is no {', '.join(_FORMATS)} image")
    return InputError(
        f"frame {path} cannot be read: {error}",
        hint="the file may be truncated; copy it again",
    )
