"""What all our sessions do alike: sizes, objects that start late, the truth for oracles."""

from __future__ import annotations

import numpy as np
import pytest
from vosbench_methods.sessions import Oracles, Truth, ids_in, joined, require_size

from vosbench.errors import InputError, UsageError
from vosbench.plugins import BrokenMethod, find_methods
from vosbench.types import BuildOptions, ClipInfo

CLIP = ClipInfo("clip", 2, 3, (1, 2))
ORACLES = Oracles("method", ("oracle.box", "oracle.centre"))


def test_void_and_background_are_no_objects() -> None:
    assert ids_in(np.array([[0, 7, 255], [3, 7, 254]], np.uint8)) == [3, 7, 254]


def test_a_wrong_size_is_named_with_the_right_one() -> None:
    require_size(np.zeros((2, 3, 3), np.uint8), CLIP, "frame")
    with pytest.raises(InputError, match=r"^clip: the first mask is 3×2, the clip is 2×3$"):
        require_size(np.zeros((3, 2), np.uint8), CLIP, "first mask")


def test_objects_that_start_are_answered_as_given_and_take_back_what_they_were() -> None:
    labels = np.array([[1, 2, 2], [0, 2, 1]], np.uint8)
    soft = np.stack([labels == 1, labels == 2]).astype(np.float32) * np.float32(0.75)
    new = np.array([[9, 0, 255], [0, 0, 2]], np.uint8)
    order = [1, 2]
    arriving, answered, probabilities = joined(order, new, labels, soft)
    assert (arriving, order) == ([2, 9], [1, 2, 9])
    assert answered.tolist() == [[9, 0, 0], [0, 0, 2]]
    assert probabilities.tolist() == [
        [[0.75, 0, 0], [0, 0, 0.75]],
        [[0, 0, 0], [0, 0, 1]],
        [[1, 0, 0], [0, 0, 0]],
    ]
    assert (labels[0, 0], soft.shape) == (1, (2, 2, 3)), "what was given stays as it was"


def test_the_truth_of_a_frame_is_good_for_that_frame_only() -> None:
    truth = Truth(CLIP, ORACLES, wanted=True)
    labels = np.ones((2, 3), np.uint8)
    truth.show(labels)
    assert truth.take() is labels
    message = r"^clip: oracle\.box and oracle\.centre need the truth of every frame, and none was"
    with pytest.raises(UsageError, match=message) as caught:
        truth.take()
    hint = "run method@oracle-box or method@oracle-centre: only variants see the truth"
    assert caught.value.hint == hint
    truth.show(None)
    assert truth.take() is None
    truth.show(labels[:1])
    with pytest.raises(InputError, match="the truth is 1×3"):
        truth.take()


def test_truth_that_nobody_wants_is_not_looked_at() -> None:
    truth = Truth(CLIP, ORACLES, wanted=False)
    assert truth.take() is None
    truth.show(np.ones((9, 9), np.uint8))
    assert truth.take() is None


def test_oracle_parameters_are_for_variants() -> None:
    told = {"oracle.box": False, "oracle.centre": True}
    ORACLES.only_in_variants(BuildOptions(told, oracle=True))
    ORACLES.only_in_variants(BuildOptions({"oracle.box": False}))
    with pytest.raises(UsageError, match="which only variants see"):
        ORACLES.only_in_variants(BuildOptions(told))


def test_every_oracle_parameter_has_the_variant_that_the_hint_names() -> None:
    seen = 0
    for found in find_methods():
        assert not isinstance(found, BrokenMethod)
        for name in found.card.parameters:
            if name.startswith("oracle."):
                seen += 1
                variant = found.card.variants[name.replace(".", "-")]
                assert variant.oracle
                assert variant.changes[name] is True
    assert seen >= 4
