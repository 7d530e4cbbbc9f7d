"""The photographs that the clips are cut from: files of the installed scikit-image package.

Only photographs whose terms scikit-image states are used: public domain, CC0, or "no known
restrictions". Nothing is copied into vosbench; the digest pinned here decides whether the installed
file is the one that the clips were made for.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from vosbench.errors import InputError
from vosbench.types import RGB

__all__ = ["PHOTOS", "Photo", "load_photo"]


@dataclass(frozen=True)
class Photo:
    """One file below `skimage/data`.

    Attributes:
        file: file name.
        sha256: digest, the same as in scikit-image's own registry.
        terms: under which terms scikit-image says that it may be used.
    """

    file: str
    sha256: str
    terms: str


PHOTOS = {
    "astronaut": Photo(
        "astronaut.png",
        "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
        "public domain (NASA)",
    ),
    "brick": Photo(
        "brick.png", "7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf", "CC0"
    ),
    "cat": Photo(
        "chelsea.png", "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb", "CC0"
    ),
    "coffee": Photo(
        "coffee.png", "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7", "CC0"
    ),
    "coins": Photo(
        "coins.png",
        "f8d773fc9cfa6f4d8e5942dc34d0a0788fcaed2a4fefbbed0aef5398d7ef4cba",
        "no known restrictions (Brooklyn Museum)",
    ),
    "grass": Photo(
        "grass.png", "b6b6022426b38936c43a4ac09635cd78af074e90f42ffa8227ac8b7452d39f89", "CC0"
    ),
    "gravel": Photo(
        "gravel.png", "c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12", "CC0"
    ),
    "horse": Photo(
        "horse.png",
        "c7fb60789fe394c485f842291ea3b21e50d140f39d6dcb5fb9917cc178225455",
        "public domain (silhouette)",
    ),
    "stars": Photo(
        "hubble_deep_field.jpg",
        "3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4",
        "free use (NASA)",
    ),
    "launch-pad": Photo(
        "rocket.jpg",
        "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
        "public domain (SpaceX)",
    ),
}


@lru_cache(maxsize=len(PHOTOS))
def load_photo(name: str) -> RGB:
    """Decode a photograph, H×W×3 uint8, read-only; transparency becomes white.

    Raises:
        InputError: if scikit-image, or the file in it, is missing or another one.
    """
    from PIL import Image  # noqa: PLC0415 - drawing clips is rare, start-up is not

    photo = PHOTOS[name]
    spec = find_spec("skimage")
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    if not folders:
        raise InputError(
            "the diagnostic clips need the package scikit-image, which is not installed",
            hint="pip install scikit-image",
        )
    path = Path(folders[0]) / "data" / photo.file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"photograph {path} of scikit-image cannot be read: {error.strerror}",
            hint="reinstall scikit-image (0.25 or newer)",
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != photo.sha256:
        raise InputError(
            f"photograph {path} is not the one that the clips are made from: SHA-256 {found}, "
            f"expected {photo.sha256}",
            hint="reinstall scikit-image",
        )
    image = Image.open(io.BytesIO(content), formats=("PNG", "JPEG"))
    if image.mode == "RGBA":
        backed = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(backed, image)  # type: ignore[assignment]
    pixels = np.array(image.convert("RGB"), dtype=np.uint8)
    pixels.setflags(write=False)
    return pixels
