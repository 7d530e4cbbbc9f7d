"""Soft masks on disk: what comes back, how large they are, and what is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vosbench.errors import InputError
from vosbench.store.soft import decode_soft, encode_soft, read_soft, soft_digests

DIGEST = hashlib.sha256(b"mask").hexdigest()


def disc(
    height: int, width: int, *, softness: float = 6.0, noise: float = 0.0
) -> NDArray[np.float32]:
    """A probability that falls off around a disc, as a network's does."""
    y, x = np.mgrid[:height, :width]
    distance = 0.3 * height - np.hypot(y - height / 2, x - width / 2)
    odds = distance / softness + noise * np.random.default_rng(3).standard_normal(distance.shape)
    probability: NDArray[np.float32] = (1 / (1 + np.exp(-odds))).astype(np.float32)
    return probability


def test_what_comes_back_is_close_and_on_the_same_side_of_a_half() -> None:
    soft = np.stack([disc(60, 80), np.roll(disc(60, 80), 20, axis=1)])
    frame = decode_soft(encode_soft(soft, (7, 2), labels_sha256=DIGEST), where="here")
    assert frame.object_ids == (7, 2)
    assert frame.labels_sha256 == DIGEST
    again = frame.probabilities()
    assert again.shape == soft.shape
    assert again.dtype == np.float32
    np.testing.assert_array_equal(again >= 0.5, soft >= 0.5)
    kept = soft >= 0.02
    np.testing.assert_array_equal(again > 0, kept)
    # half a step of log odds, where the logistic curve is steepest
    assert np.abs(again - soft)[kept].max() <= 0.25 * 0.5 / 7 + 1e-6


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 1, width=32), min_size=12, max_size=12),
    st.sampled_from([(3, 4), (1, 12), (12, 1)]),
)
def test_any_probabilities_survive(values: list[float], shape: tuple[int, int]) -> None:
    soft = np.array(values, np.float32).reshape(1, *shape)
    again = decode_soft(encode_soft(soft, (1,), labels_sha256=DIGEST), where="").probabilities()
    np.testing.assert_array_equal(again >= 0.5, soft >= 0.5)
    assert (again[soft < 0.02] == 0).all()
    assert np.abs(again - soft).max() <= 0.02


def test_saturated_competitors_are_told_apart() -> None:
    near = np.float32(1) - np.arange(4, dtype=np.float32) * np.float32(2**-24)
    soft = np.stack([near, near[::-1]])[:, None]
    again = decode_soft(encode_soft(soft, (1, 2), labels_sha256=DIGEST), where="").probabilities()
    np.testing.assert_array_equal(again, soft)


def test_the_winner_stays_the_winner() -> None:
    random = np.random.default_rng(5)
    odds = random.normal(4, 5, (3, 60, 80))
    soft = (1 / (1 + np.exp(-odds))).astype(np.float32)
    again = decode_soft(
        encode_soft(soft, (1, 2, 3), labels_sha256=DIGEST), where=""
    ).probabilities()
    contested = (soft >= 0.5).sum(axis=0) > 1
    other = (again.argmax(axis=0) != soft.argmax(axis=0))[contested]
    assert contested.sum() > 1000
    assert other.mean() < 0.001


def test_empty_and_absent_objects_cost_nothing() -> None:
    content = encode_soft(np.zeros((2, 480, 854), np.float32), (1, 2), labels_sha256=DIGEST)
    assert len(content) < 200
    frame = decode_soft(content, where="")
    assert not frame.probabilities().any()
    none = decode_soft(
        encode_soft(np.zeros((0, 4, 5), np.float32), (), labels_sha256=DIGEST), where=""
    )
    assert none.probabilities().shape == (0, 4, 5)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_an_object_at_480p_takes_at_most_40_kilobytes(noise: float) -> None:
    content = encode_soft(disc(480, 854, noise=noise)[None], (1,), labels_sha256=DIGEST)
    assert len(content) <= 40_000
    # an object of this size does not come near it unless it is noisy
    assert noise or len(content) <= 20_000


@pytest.mark.parametrize("wrong", [-0.1, 1.5, np.nan])
def test_values_that_are_no_probabilities_are_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match=r"within 0\.\.1"):
        encode_soft(np.full((1, 2, 2), wrong, np.float32), (1,), labels_sha256=DIGEST)
    with pytest.raises(ValueError, match="for 2 objects"):
        encode_soft(np.zeros((1, 2, 2), np.float32), (1, 2), labels_sha256=DIGEST)


@pytest.mark.parametrize("at", [0, 7, 40, 60, 90])
def test_damage_is_an_input_error(tmp_path: Path, at: int) -> None:
    content = encode_soft(disc(40, 50)[None], (1,), labels_sha256=DIGEST)
    broken = content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :]
    (tmp_path / "00001.soft").write_bytes(broken)
    with pytest.raises(InputError, match="00001.soft") as caught:
        read_soft(tmp_path, "00001")
    assert "--fresh" in caught.value.hint


def test_a_short_or_missing_file_is_an_input_error(tmp_path: Path) -> None:
    content = encode_soft(disc(40, 50)[None], (1,), labels_sha256=DIGEST)
    for length in (0, 10, 60, len(content) - 1):
        with pytest.raises(InputError, match="no readable soft mask"):
            decode_soft(content[:length], where="it")
    with pytest.raises(InputError, match="--store-soft|cannot be read"):
        read_soft(tmp_path, "00001")


def test_the_masks_that_they_led_to_are_known_without_decoding(tmp_path: Path) -> None:
    content = encode_soft(disc(40, 50)[None], (1,), labels_sha256=DIGEST)
    (tmp_path / "00002.soft").write_bytes(content)
    (tmp_path / "00003.soft").write_bytes(b"something else")
    assert soft_digests(tmp_path) == {"00002": DIGEST}
    assert soft_digests(tmp_path / "nowhere") == {}
