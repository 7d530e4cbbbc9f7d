"""Drawing training samples: one template, several search frames, and the state of inference.

The search window imitates inference (section 2 of the DMVOS supplementary: 1.5 times the smoothed
box of the *previous* prediction), so the network meets windows that lag, are too large, or miss the
target altogether.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vosbench.errors import InputError

from .augment import Look, apply_look, random_look
from .clips import Clip
from .config import Phase, SamplingConfig
from .drafts import Draft, Drafter, Question
from .geometry import Window, box_of, centroid_of
from .moments import Plan, draw_plan
from .scene import PASTED, Scene, label_map, render

__all__ = ["MAX_INSTANCES", "PairBatch", "Sampler"]

MAX_INSTANCES = 16
"""Instances per search frame that carry an offset target."""

IMAGENET_MEAN = torch.tensor([0.485, 0.456, 0.406])
IMAGENET_STD = torch.tensor([0.229, 0.224, 0.225])
_COARSE = (120, 214)
_TRIES = 12
_SMALLEST_SIDE = 32


@dataclass(frozen=True)
class PairBatch:
    """N templates and N·K search frames; search frame i belongs to template i // K.

    Attributes:
        template_image: (N, 3, H, W) float32, ImageNet-normalised.
        template_mask: (N, 1, H, W) float32, 0 or 1.
        search_image: (N·K, 3, H, W) float32, ImageNet-normalised.
        search_mask: (N·K, 1, H, W) float32, 0 or 1.
        previous_mask: (N·K, 1, H, W) float32, the previous state in the search window.
        centre: (N·K, 2) float32, (x, y) of the previous centre in 0..1 of the search window.
        instances: (N·K, H, W) uint8, 0 or an index 1..16 into `instance_centre`.
        instance_centre: (N·K, 17, 2) float32, (x, y) in 0..1 of the window; row 0 is unused.
    """

    template_image: Tensor
    template_mask: Tensor
    search_image: Tensor
    search_mask: Tensor
    previous_mask: Tensor
    centre: Tensor
    instances: Tensor
    instance_centre: Tensor

    @property
    def searches(self) -> int:
        """K, search frames per template."""
        return len(self.search_image) // len(self.template_image)

    def to(self, device: str) -> PairBatch:
        """The batch on a device."""
        return PairBatch(**{key: value.to(device) for key, value in vars(self).items()})


@dataclass(frozen=True)
class _Search:
    image: Tensor
    mask: Tensor
    previous: Tensor
    centre: tuple[float, float]
    instances: Tensor
    instance_centre: Tensor


class Sampler:
    """Draws batches from clips; the same seed, step and phase always give the same batch.

    Where `draft_share` is not 0 the batch depends on the weights of the moment as well.

    Args:
        clips: videos and still images with labels.
        backgrounds: images without labels, used as texture.
        config: how samples are drawn.
        seed: of the run.
        drafter: the network, for `draft_share` of the search frames; None: all states are drawn.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        *,
        backgrounds: Sequence[Clip] = (),
        config: SamplingConfig,
        seed: int,
        drafter: Drafter | None = None,
    ) -> None:
        self.videos = tuple(clip for clip in clips if len(clip) > 1)
        self.stills = tuple(clip for clip in clips if len(clip) == 1)
        self.textures = (*clips, *backgrounds)
        self.config = config
        self.seed = seed
        self.drafter = drafter
        if not clips:
            raise InputError("training needs at least one clip", hint="give a data root")

    def batch(self, step: int, phase: Phase) -> PairBatch:
        """The batch of a step: `phase.clips` templates with `phase.searches` search frames each."""
        rng = np.random.default_rng([self.seed, step])
        parts = [self._sample(rng, phase) for _ in range(phase.clips)]
        searches = [search for _, _, found in parts for search in found]
        return PairBatch(
            template_image=torch.stack([image for image, _, _ in parts]),
            template_mask=torch.stack([mask for _, mask, _ in parts])[:, None],
            search_image=torch.stack([search.image for search in searches]),
            search_mask=torch.stack([search.mask for search in searches])[:, None],
            previous_mask=torch.stack([search.previous for search in searches])[:, None],
            centre=torch.tensor([search.centre for search in searches], dtype=torch.float32),
            instances=torch.stack([search.instances for search in searches]),
            instance_centre=torch.stack([search.instance_centre for search in searches]),
        )

    def _sample(
        self, rng: np.random.Generator, phase: Phase
    ) -> tuple[Tensor, Tensor, list[_Search]]:
        for _ in range(_TRIES):
            plan = self._plan(rng, phase)
            if plan is None:
                continue
            template_labels = label_map(plan.template, None, _COARSE).numpy()
            box = box_of(template_labels == plan.target)
            area = (template_labels == plan.target).mean()
            if box is None or area < self.config.min_area:
                continue
            look = random_look(rng, 1.0)
            size = (phase.height, phase.width)
            window = self._jittered(rng, self._context(box, box), strength=0.3)
            drawn = render(plan.template, window, size, mean=IMAGENET_MEAN * 255)
            mask = (drawn.labels == plan.target).float()
            if mask.sum() < 16:
                continue
            image = _normalised(apply_look(drawn.image, look))
            searches = [
                self._search(rng, plan, index, (image, mask), look)
                for index in range(phase.searches)
            ]
            return image, mask, searches
        raise InputError(
            f"no usable target found in {_TRIES} draws",
            hint="the masks are empty or smaller than `sampling.min_area`",
        )

    def _plan(self, rng: np.random.Generator, phase: Phase) -> Plan | None:
        still = rng.random() < phase.static_share
        pool: tuple[Clip, ...]
        if not self.videos:
            still = True
        # Frames of a video make good still images too.
        pool = self.videos if not still else self.stills
        if still and (not self.stills or (self.videos and rng.random() < 0.4)):
            pool = self.videos or self.stills
        clip = pool[int(rng.integers(len(pool)))]
        return draw_plan(
            rng, clip, self.textures, searches=phase.searches, still=still, config=self.config
        )

    def _search(
        self,
        rng: np.random.Generator,
        plan: Plan,
        index: int,
        template: tuple[Tensor, Tensor],
        look: Look,
    ) -> _Search:
        size = (template[1].shape[0], template[1].shape[1])
        scene, before = plan.searches[index], plan.previous[index]
        now = label_map(scene, None, _COARSE).numpy()
        earlier = label_map(before, None, _COARSE).numpy() == plan.target
        window, centre = self._state(rng, earlier, now == plan.target)
        draft = self._draft(rng, plan, index, template, earlier=earlier, look=look)
        own = None if draft is None else draft.state(_COARSE, context=self.config.context)
        if own is not None:
            window, centre = own[0].clamped(smallest=_smallest(), largest=1.5), own[1]
        drawn = render(scene, window, size, mean=IMAGENET_MEAN * 255)
        x, y = window.to_crop(*centre)
        drift = rng.uniform(-1, 1, 2) * self.config.centre_jitter
        instances, centres = _instances(drawn.labels, now, window)
        image = _normalised(apply_look(drawn.image, look.varied(rng, 0.35)))
        if rng.random() >= self.config.previous_share:
            previous = torch.zeros(size)
        elif draft is not None and own is not None:
            previous = draft.seen_through(window, size)
        else:
            previous = self._previous(rng, before, plan.target, window, size)
        return _Search(
            image=image,
            mask=(drawn.labels == plan.target).float(),
            previous=previous,
            centre=(x + float(drift[0]), y + float(drift[1])),
            instances=instances,
            instance_centre=centres,
        )

    def _draft(
        self,
        rng: np.random.Generator,
        plan: Plan,
        index: int,
        template: tuple[Tensor, Tensor],
        *,
        earlier: NDArray[np.bool_],
        look: Look,
    ) -> Draft | None:
        """The network's answer on the frame before, from a state that its true mask gives."""
        if self.drafter is None or rng.random() >= self.config.draft_share:
            return None
        image, mask = template
        size = (mask.shape[0], mask.shape[1])
        before = plan.previous[index]
        window, centre = self._state(rng, earlier, earlier)
        drawn = render(before, window, size, mean=IMAGENET_MEAN * 255)
        previous = torch.zeros(size)
        if rng.random() < self.config.previous_share:
            previous = self._previous(rng, before, plan.target, window, size)
        question = Question(
            template_image=image,
            template_mask=mask,
            image=_normalised(apply_look(drawn.image, look.varied(rng, 0.35))),
            centre=window.to_crop(*centre),
            previous_mask=previous,
        )
        return Draft(window, self.drafter(question))

    def _previous(
        self,
        rng: np.random.Generator,
        before: Scene,
        target: int,
        window: Window,
        size: tuple[int, int],
    ) -> Tensor:
        """The previous mask as an imperfect prediction: displaced, with a piece gone or added."""
        moved = self._jittered(rng, window, strength=0.3)
        mask = (label_map(before, moved, size) == target).float()
        for value, probability in ((0.0, 0.25), (1.0, 0.15)):
            if rng.random() < probability:
                extent = rng.uniform(0.05, 0.35, 2) * size
                corner = rng.uniform(0, 1, 2) * (np.array(size) - extent)
                (top, left), (bottom, right) = corner.astype(int), (corner + extent).astype(int)
                mask[top:bottom, left:right] = value
        return mask

    def _state(
        self, rng: np.random.Generator, earlier: NDArray[np.bool_], now: NDArray[np.bool_]
    ) -> tuple[Window, tuple[float, float]]:
        """The window and previous centre (frame coordinates) that inference would have."""
        if rng.random() < self.config.full_frame_share:
            box, centre = box_of(earlier), centroid_of(earlier)
            return Window(0.5, 0.5, 1.0, 1.0), centre or (0.5, 0.5)
        box, centre = box_of(earlier), centroid_of(earlier)
        if box is None or centre is None:
            # Lost before this frame: the window stayed somewhere near where the target is now.
            box, centre = box_of(now), centroid_of(now)
            if box is None or centre is None:
                return Window(0.5, 0.5, 1.0, 1.0), (0.5, 0.5)
            return self._jittered(rng, self._context(box, box), strength=4.0), centre
        if rng.random() < self.config.wide_share:
            return self._widened(rng, self._context(box, box_of(now) or box), centre)
        if rng.random() < self.config.wrong_state_share:
            window = self._context(box, box)
            grow = np.exp(rng.uniform(-0.7, 0.7, 2))
            move = rng.uniform(-0.45, 0.45, 2)
            window = Window(
                window.x + float(move[0]) * window.width,
                window.y + float(move[1]) * window.height,
                window.width * float(grow[0]),
                window.height * float(grow[1]),
            ).clamped(smallest=_smallest(), largest=1.5)
            noise = rng.normal(0, 0.08, 2)
            return window, (
                window.x + float(noise[0]) * window.width,
                window.y + float(noise[1]) * window.height,
            )
        return self._jittered(rng, self._context(box, box_of(now) or box), strength=1.0), centre

    def _widened(
        self, rng: np.random.Generator, window: Window, centre: tuple[float, float]
    ) -> tuple[Window, tuple[float, float]]:
        """The state after false positives: they enlarge the box and pull the centre along."""
        shared = rng.uniform(0, 1)
        own = np.clip(shared + rng.uniform(-0.3, 0.3, 2), 0, 1)
        grow = self.config.wide_scale**own
        shift = rng.uniform(-0.5, 0.5, 2) * (grow - 1)
        wide = Window(
            window.x + float(shift[0]) * window.width,
            window.y + float(shift[1]) * window.height,
            window.width * float(grow[0]),
            window.height * float(grow[1]),
        ).clamped(smallest=_smallest(), largest=1.5)
        pull = float(rng.uniform(0, 0.6))
        return wide, (
            centre[0] + pull * (wide.x - centre[0]),
            centre[1] + pull * (wide.y - centre[1]),
        )

    def _context(self, box: Window, other: Window) -> Window:
        """The enlarged box; its size is between two boxes, as temporal smoothing makes it."""
        return Window(
            box.x,
            box.y,
            self.config.context * (0.75 * box.width + 0.25 * other.width),
            self.config.context * (0.75 * box.height + 0.25 * other.height),
        )

    def _jittered(self, rng: np.random.Generator, window: Window, *, strength: float) -> Window:
        grow = np.exp(rng.normal(0, self.config.size_jitter * strength, 2))
        move = rng.normal(0, self.config.shift_jitter * strength, 2)
        return Window(
            window.x + float(move[0]) * window.width,
            window.y + float(move[1]) * window.height,
            window.width * float(grow[0]),
            window.height * float(grow[1]),
        ).clamped(smallest=_smallest(), largest=1.5)


def _normalised(image: Tensor) -> Tensor:
    """An image of 0..255 as the encoder wants it."""
    mean, std = IMAGENET_MEAN[:, None, None] * 255, IMAGENET_STD[:, None, None] * 255
    return (image - mean) / std


def _smallest() -> tuple[float, float]:
    """The guard of 32 px at DAVIS' 854×480 as fractions of the frame."""
    return _SMALLEST_SIDE / 854, _SMALLEST_SIDE / 480


def _instances(
    labels: Tensor, frame_labels: NDArray[np.int64], window: Window
) -> tuple[Tensor, Tensor]:
    """Renumber the instances of a crop to 1..16 and find their centres in crop coordinates.

    A centre is the centroid over the whole frame: a target half outside the window points there.
    """
    numbers = np.zeros(256, dtype=np.uint8)
    centres = torch.zeros(MAX_INSTANCES + 1, 2)
    found, counts = np.unique(labels.numpy(), return_counts=True)
    order = [int(found[i]) for i in np.argsort(-counts) if found[i] > 0]
    for slot, label in enumerate(order[:MAX_INSTANCES], start=1):
        centre = centroid_of(frame_labels == label)
        if centre is None:
            continue
        numbers[label] = slot
        centres[slot] = torch.tensor(window.to_crop(*centre))
    return torch.from_numpy(numbers)[labels], centres


assert PASTED < 256  # noqa: S101 - `_instances` renumbers through a table of 256 entries
