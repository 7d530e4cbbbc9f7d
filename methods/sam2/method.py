"""SAM 2 as a method that streams.

The session of transformers remembers every frame it ever saw. Here it is relieved of all that the
network cannot look at any more: images, and answers older than both the memory bank and the list of
object pointers reach. That changes no answer.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from safetensors import SafetensorError
from torch import Tensor

from vosbench.errors import InputError
from vosbench.types import RGB, BuildOptions, ClipInfo, LabelMap, Prediction

__all__ = ["Sam2", "Sam2Session", "build"]

MEAN: Final = (0.485, 0.456, 0.406)
DEVIATION: Final = (0.229, 0.224, 0.225)
HALF: Final = 0.5
WEIGHTS: Final = "model.safetensors"
MOST_LISTED: Final = 5
DTYPES: Final = {"fp32": torch.float32, "bf16": torch.bfloat16}


class Sam2:
    """See `vosbench.types.Method`.

    Attributes:
        weights_path: file in use.
        weights_note: which configuration lies beside it.
        content_sha256: digest of that configuration, and the version of transformers.
    """

    def __init__(
        self, model: Any, make_session: Any, weights: Path, *, content_sha256: str, note: str
    ) -> None:
        self.model = model
        self.make_session = make_session
        self.weights_path = weights
        self.weights_note = note
        self.content_sha256 = content_sha256
        size = model.config.image_size
        self.side = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
        self.reach = max(
            int(model.config.num_maskmem), int(model.config.max_object_pointers_in_encoder)
        )

    def start(self, clip: ClipInfo, frame: RGB, labels: LabelMap) -> Sam2Session:
        """Begin a clip from its first frame and masks."""
        session = Sam2Session(self, (clip.height, clip.width))
        session.take(frame, labels, clip.object_ids)
        return session

    def pixels(self, frame: RGB) -> Tensor:
        """A frame as the network takes it, 1×3×S×S."""
        weight = next(self.model.parameters())
        image = torch.from_numpy(np.ascontiguousarray(frame)).to(weight.device)
        image = image.permute(2, 0, 1)[None].float() / 255
        image = F.interpolate(
            image, self.side, mode="bilinear", align_corners=False, antialias=True
        )
        mean, deviation = (image.new_tensor(v).view(1, 3, 1, 1) for v in (MEAN, DEVIATION))
        normalised: Tensor = ((image - mean) / deviation).to(weight.dtype)
        return normalised


class Sam2Session:
    """One clip; all objects in one session of transformers."""

    def __init__(self, method: Sam2, size: tuple[int, int]) -> None:
        self._method, self._size = method, size
        weight = next(method.model.parameters())
        self._inner = method.make_session(
            video_height=size[0],
            video_width=size[1],
            inference_device=weight.device,
            inference_state_device=weight.device,
            video_storage_device=weight.device,
            dtype=weight.dtype,
        )
        self._index = 0

    def step(self, frame: RGB, new_objects: LabelMap | None = None) -> Prediction:
        """Segment a frame; objects that start on it are answered with their given masks."""
        self._index += 1
        started: tuple[int, ...] = ()
        if new_objects is not None:
            started = tuple(int(value) for value in np.unique(new_objects) if value != 0)
        ids, soft = self.take(frame, new_objects, started)
        best = soft.argmax(axis=0)
        labels = np.where(soft.max(axis=0) > HALF, np.array(ids, np.uint8)[best], np.uint8(0))
        if new_objects is not None:
            labels = np.where(new_objects > 0, new_objects, labels)
        return Prediction(labels, soft, {"object_ids": ids})

    @torch.inference_mode()
    def take(
        self, frame: RGB, labels: LabelMap | None, started: tuple[int, ...]
    ) -> tuple[tuple[int, ...], np.ndarray[Any, np.dtype[np.float32]]]:
        """Hand a frame to the network, with the masks of objects that start on it.

        Returns:
            Object ids ascending, and each one's probability, K×H×W float32.
        """
        inner, method = self._inner, self._method
        if labels is not None:
            for one in started:
                mask = torch.from_numpy(labels == one)[None, None].float()
                mask = F.interpolate(
                    mask, method.side, mode="bilinear", align_corners=False, antialias=True
                )
                where = inner.obj_id_to_idx(one)
                inner.add_mask_inputs(where, self._index, (mask >= HALF).float())
            inner.obj_with_new_inputs = list(started)
        answer = method.model(
            inference_session=inner, frame_idx=self._index, frame=method.pixels(frame)
        )
        logits = F.interpolate(
            answer.pred_masks.float(), self._size, mode="bilinear", align_corners=False
        )
        self._forget()
        order = np.argsort(answer.object_ids, kind="stable")
        soft = logits[:, 0].sigmoid().cpu().numpy()[order]
        return tuple(int(answer.object_ids[at]) for at in order), soft

    def _forget(self) -> None:
        """Let go of what no later frame can look at."""
        inner = self._inner
        inner.processed_frames.clear()
        oldest = self._index - self._method.reach
        for outputs in inner.output_dict_per_obj.values():
            _drop_before(outputs["non_cond_frame_outputs"], oldest)
        for tracked in inner.frames_tracked_per_obj.values():
            _drop_before(tracked, oldest)


def _drop_before(by_frame: dict[int, Any], oldest: int) -> None:
    for index in [index for index in by_frame if index < oldest]:
        del by_frame[index]


def build(options: BuildOptions) -> Sam2:
    """Load a folder as `save_pretrained` writes it; nothing is fetched from a network.

    Raises:
        InputError: transformers is not installed or too old, or the folder cannot be used.
    """
    folder = _folder(options.weights)
    try:
        library = importlib.import_module("transformers")
        model_class, session_class = library.Sam2VideoModel, library.Sam2VideoInferenceSession
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"sam2 needs the package transformers, 4.56 or later ({error})",
            hint="pip install 'vosbench[sam2]'",
        ) from error
    try:
        model, told = model_class.from_pretrained(
            str(folder),
            local_files_only=True,
            use_safetensors=True,
            dtype=DTYPES[options.precision],
            output_loading_info=True,
        )
    except (SafetensorError, OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        first = str(error).strip().splitlines()
        raise InputError(
            f"{folder} cannot be loaded as SAM 2: {first[0] if first else type(error).__name__}"
        ) from error
    _refuse_unfit(told, folder)
    model = model.eval().requires_grad_(False).to(options.device)
    if options.compile:
        model.vision_encoder = torch.compile(model.vision_encoder)
    import hashlib

    config = (folder / "config.json").read_bytes()
    digest = hashlib.sha256(config + str(library.__version__).encode()).hexdigest()
    note = f"transformers {library.__version__}, configuration of {folder.name}"
    return Sam2(model, session_class, folder / WEIGHTS, content_sha256=digest, note=note)


def _folder(weights: Path | None) -> Path:
    if weights is None:
        raise InputError(
            "sam2 ships no weights",
            hint="fetch a folder of SAM 2 or 2.1 for transformers (config.json and "
            f"{WEIGHTS}) yourself and name it with --weights",
        )
    missing = [name for name in ("config.json", WEIGHTS) if not (weights / name).is_file()]
    if missing:
        raise InputError(f"{weights} has no {' and no '.join(missing)}; it must be a whole folder")
    return weights


def _refuse_unfit(told: Any, folder: Path) -> None:
    """Loading leaves what is missing random and only warns of it; here it is an error."""
    problems = []
    for kind, words in (
        ("missing_keys", "missing"),
        ("unexpected_keys", "extra"),
        ("mismatched_keys", "of another shape"),
    ):
        keys = sorted(str(key[0] if isinstance(key, tuple) else key) for key in told.get(kind, ()))
        if keys:
            more = f" and {len(keys) - MOST_LISTED} more" if len(keys) > MOST_LISTED else ""
            problems.append(f"{len(keys)} {words} ({', '.join(keys[:MOST_LISTED])}{more})")
    if problems:
        raise InputError(f"{folder / WEIGHTS} does not fit its config.json: {'; '.join(problems)}")
