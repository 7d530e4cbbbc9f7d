from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from vosbench_methods.baselines import COSINE, FIRST_MASK

from vosbench.errors import UsageError
from vosbench.method_card import load_method_card
from vosbench.types import BuildOptions, ClipInfo

FRAME = np.zeros((6, 8, 3), dtype=np.uint8)
CLIP = ClipInfo("clip", 6, 8, (1, 2))


def first_labels() -> np.ndarray:
    labels = np.zeros((6, 8), dtype=np.uint8)
    labels[1:3, 1:4], labels[4:, 5:] = 1, 2
    return labels


def test_every_frame_gets_the_first_mask() -> None:
    given = first_labels()
    session = FIRST_MASK.build(BuildOptions(parameters={})).start(CLIP, FRAME, given)
    given[:] = 9
    first = session.step(FRAME).labels
    first[:] = 7
    np.testing.assert_array_equal(session.step(FRAME).labels, first_labels())


def test_late_objects_are_laid_over_and_stay() -> None:
    session = FIRST_MASK.build(BuildOptions(parameters={})).start(CLIP, FRAME, first_labels())
    new = np.zeros((6, 8), dtype=np.uint8)
    new[0:2, 0:2] = 5
    expected = first_labels()
    expected[0:2, 0:2] = 5
    np.testing.assert_array_equal(session.step(FRAME, new).labels, expected)
    np.testing.assert_array_equal(session.step(FRAME).labels, expected)


def test_weights_are_refused() -> None:
    with pytest.raises(UsageError, match="has no weights"):
        FIRST_MASK.build(BuildOptions(parameters={}, weights=Path("x.pth")))


def test_it_runs_without_torch() -> None:
    code = (
        "import sys, numpy as np\n"
        "from vosbench.types import BuildOptions, ClipInfo\n"
        "from vosbench_methods.baselines import FIRST_MASK\n"
        "labels = np.ones((4, 4), np.uint8); frame = np.zeros((4, 4, 3), np.uint8)\n"
        "clip = ClipInfo('c', 4, 4, (1,))\n"
        "FIRST_MASK.build(BuildOptions(parameters={})).start(clip, frame, labels).step(frame)\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_cards_load_under_their_entry_points_names() -> None:
    assert load_method_card(FIRST_MASK.card).method.name == "baseline-first-mask"
    card = load_method_card(COSINE.card)
    assert card.method.name == "baseline-cosine"
    assert card.resolve("nearest")[0] == {"match.best": 1}
