from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from vosbench_methods.training import ArrayClip, Phase, Sampler, SamplingConfig
from vosbench_methods.training.drafts import Question

from vosbench.errors import InputError

PHASE = Phase(1.0, 48, 64, clips=2, searches=3, static_share=0.5)
CALM = SamplingConfig(
    wide_share=0.0,
    size_jitter=0.0,
    shift_jitter=0.0,
    centre_jitter=0.0,
    wrong_state_share=0.0,
    full_frame_share=0.0,
    paste_share=0.0,
    previous_share=1.0,
    near_gap=2,
    near_share=1.0,
    previous_gap=1,
)
MakeClip = Callable[..., ArrayClip]


def _sampler(make_clip: MakeClip, config: SamplingConfig = CALM, seed: int = 0) -> Sampler:
    clips = [make_clip("video", frames=6), make_clip("still", frames=1, seed=1)]
    return Sampler(clips, config=config, seed=seed)


def test_a_step_draws_the_same_batch_every_time_and_steps_differ(make_clip: MakeClip) -> None:
    config = SamplingConfig(paste_share=1.0)
    first = _sampler(make_clip, config).batch(7, PHASE)
    again = _sampler(make_clip, config)
    again.batch(3, PHASE)
    second = again.batch(7, PHASE)
    for key, value in vars(first).items():
        assert torch.equal(value, getattr(second, key)), key
    assert not torch.equal(first.search_image, again.batch(8, PHASE).search_image)
    assert not torch.equal(
        first.search_image, _sampler(make_clip, config, seed=1).batch(7, PHASE).search_image
    )


def test_shapes_and_ranges(make_clip: MakeClip) -> None:
    batch = _sampler(make_clip, SamplingConfig(paste_share=1.0)).batch(0, PHASE)
    assert batch.template_image.shape == (2, 3, 48, 64)
    assert batch.search_image.shape == (6, 3, 48, 64)
    assert batch.centre.shape == (6, 2)
    assert batch.searches == 3
    for mask in (batch.template_mask, batch.search_mask, batch.previous_mask):
        assert set(mask.unique().tolist()) <= {0.0, 1.0}
    assert all(torch.isfinite(value.float()).all() for value in vars(batch).values())
    assert (batch.template_mask.flatten(1).sum(dim=1) > 0).all()


def test_a_window_that_has_grown_still_holds_the_target(make_clip: MakeClip) -> None:
    video = replace(PHASE, static_share=0.0)
    grown = _sampler(make_clip, replace(CALM, wide_share=1.0))
    sizes = []
    for step in range(6):
        narrow = _sampler(make_clip).batch(step, video).search_mask.mean(dim=(1, 2, 3))
        wide = grown.batch(step, video).search_mask.mean(dim=(1, 2, 3))
        assert (wide > 0).all()
        sizes.append((narrow.mean() / wide.mean()).item())
    assert 1.5 < sum(sizes) / len(sizes) < 9.0


def test_a_state_of_the_networks_own_making_follows_its_answer(make_clip: MakeClip) -> None:
    """A network that always answers the upper left quarter of its crop moves the window there."""
    asked: list[Question] = []

    def answer(question: Question) -> torch.Tensor:
        asked.append(question)
        probability = torch.zeros(question.previous_mask.shape)
        probability[:24, :32] = 0.9
        return probability

    clips = [make_clip("video", frames=6)]
    config = replace(CALM, draft_share=1.0)
    video = replace(PHASE, static_share=0.0)
    batch = Sampler(clips, config=config, seed=0, drafter=answer).batch(0, video)
    assert len(asked) == 6
    assert all(question.previous_mask.max() == 1 for question in asked)
    # Sides: half of the old one and half of 1.5 times the answer's, that is 7/8. The answer's
    # centre is the window's, and the answer fills 1/2 ÷ 7/8 of each side, less what lies
    # outside the frame.
    assert batch.centre.sub(0.5).abs().max() < 0.02
    assert batch.previous_mask.max() == pytest.approx(0.9, abs=0.01)
    filled = (batch.previous_mask > 0.5).float().mean(dim=(1, 2, 3))
    assert filled.max() == pytest.approx((4 / 7) ** 2, abs=0.03)
    # What the search frame holds is still the truth.
    plain = Sampler(clips, config=CALM, seed=0).batch(0, video)
    assert (batch.search_mask.sum() > 0) and not torch.equal(batch.search_mask, plain.search_mask)


def test_an_empty_answer_leaves_the_drawn_state(make_clip: MakeClip) -> None:
    clips = [make_clip("video", frames=6)]
    config = replace(CALM, draft_share=1.0)

    def nothing(question: Question) -> torch.Tensor:
        return torch.zeros(question.previous_mask.shape)

    batch = Sampler(clips, config=config, seed=0, drafter=nothing).batch(
        0, replace(PHASE, static_share=0.0)
    )
    assert batch.centre.sub(0.5).abs().max() < 0.03
    assert set(batch.previous_mask.unique().tolist()) <= {0.0, 1.0}


def test_the_window_is_one_and_a_half_boxes_and_the_centre_is_the_previous_one(
    make_clip: MakeClip,
) -> None:
    sampler = _sampler(make_clip)
    video = replace(PHASE, static_share=0.0)
    for step in range(6):
        batch = sampler.batch(step, video)
        # Squares stay square boxes, so a crop is filled to (1/1.5)², but for the pose's rotation.
        filled = batch.template_mask.mean(dim=(1, 2, 3))
        assert ((filled > 0.25) & (filled < 0.5)).all()
        # The window is centred on the previous mask, whose centre is the given one.
        assert batch.centre.sub(0.5).abs().max() < 0.03
        previous = batch.previous_mask[:, 0]
        assert (previous[:, 24, 32] == 1).all()


def test_instance_centres_are_where_the_instances_are(make_clip: MakeClip) -> None:
    batch = _sampler(make_clip, replace(CALM, full_frame_share=1.0)).batch(2, PHASE)
    checked = 0
    for item in range(6):
        for slot in (1, 2):
            y, x = np.nonzero(batch.instances[item].numpy() == slot)
            touches_edge = x.size == 0 or x.min() == 0 or y.min() == 0
            if touches_edge or x.max() == 63 or y.max() == 47:
                continue
            centre = batch.instance_centre[item, slot].tolist()
            assert centre == pytest.approx([(x.mean() + 0.5) / 64, (y.mean() + 0.5) / 48], abs=0.03)
            checked += 1
    assert checked >= 4


def test_the_target_is_one_object_among_several(make_clip: MakeClip) -> None:
    batch = _sampler(make_clip, replace(CALM, full_frame_share=1.0)).batch(0, PHASE)
    both = batch.instances > 0
    target = batch.search_mask[:, 0] > 0
    assert (target & ~both).sum() == 0
    assert (both & ~target).sum() > 0


def test_the_previous_mask_is_left_out_as_often_as_asked(make_clip: MakeClip) -> None:
    never = _sampler(make_clip, replace(CALM, previous_share=0.0)).batch(0, PHASE)
    assert never.previous_mask.sum() == 0
    sampler = _sampler(make_clip, replace(CALM, previous_share=0.5))
    known = [
        float(plane.sum() > 0)
        for step in range(8)
        for plane in sampler.batch(step, PHASE).previous_mask
    ]
    assert 0.25 < np.mean(known) < 0.75


def test_pasted_objects_become_targets_and_distractors(make_clip: MakeClip) -> None:
    config = replace(CALM, paste_share=1.0, paste_target_share=0.0, full_frame_share=1.0)
    batch = _sampler(make_clip, config).batch(1, replace(PHASE, static_share=0.0))
    plain = _sampler(make_clip, replace(config, paste_share=0.0)).batch(
        1, replace(PHASE, static_share=0.0)
    )
    assert batch.instances.max() > plain.instances.max()


def test_only_empty_masks_are_an_input_error_not_a_hang(make_clip: MakeClip) -> None:
    clip = make_clip()
    empty = ArrayClip("empty", clip.images, np.zeros_like(clip.instances))
    with pytest.raises(InputError, match="no usable target"):
        Sampler([empty], config=CALM, seed=0).batch(0, PHASE)
    with pytest.raises(InputError, match="at least one clip"):
        Sampler([], config=CALM, seed=0)
