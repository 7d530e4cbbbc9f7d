from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vosbench_methods.baselines import EMPTY, FLOW, STATIC_BOX, TRUTH_NOISE, TRUTH_SHIFTED
from vosbench_methods.baselines.static_box import boxes_of

from vosbench.checks import check_method
from vosbench.errors import UsageError
from vosbench.method_card import load_method_card
from vosbench.plugins import resolve_methods
from vosbench.types import BuildOptions, ClipInfo, MethodPlugin

FRAME = np.zeros((6, 8, 3), dtype=np.uint8)
CLIP = ClipInfo("clip", 6, 8, (1, 2))


def start(plugin: MethodPlugin, labels: np.ndarray) -> Any:
    method = plugin.build(BuildOptions(parameters={}))
    assert not hasattr(method, "segment")
    return method.start(CLIP, FRAME, labels)


def test_empty_is_background_but_for_what_is_given() -> None:
    session = start(EMPTY, np.ones((6, 8), np.uint8))
    assert session.step(FRAME).labels.tolist() == np.zeros((6, 8)).tolist()
    new = np.zeros((6, 8), np.uint8)
    new[0, 0], new[1, 1] = 3, 255
    given = session.step(FRAME, new).labels
    assert given[0, 0] == 3
    assert given.sum() == 3
    assert session.step(FRAME).labels.max() == 0


def test_boxes_are_filled_and_the_smaller_is_seen() -> None:
    labels = np.zeros((6, 8), np.uint8)
    labels[0, 0] = labels[4, 6] = 7  # box of 5×7
    labels[1, 1] = labels[2, 3] = 2  # box of 2×3, inside
    labels[5, 7] = 255
    expected = np.zeros((6, 8), np.uint8)
    expected[0:5, 0:7] = 7
    expected[1:3, 1:4] = 2
    np.testing.assert_array_equal(boxes_of(labels), expected)
    assert boxes_of(np.zeros((2, 2), np.uint8)).max() == 0


def test_the_box_stays_and_late_boxes_are_laid_over() -> None:
    labels = np.zeros((6, 8), np.uint8)
    labels[0, 0] = labels[4, 6] = 1
    session = start(STATIC_BOX, labels)
    first = session.step(FRAME).labels
    np.testing.assert_array_equal(first, boxes_of(labels))
    first[:] = 9
    new = np.zeros((6, 8), np.uint8)
    new[3, 3] = new[5, 4] = 2
    expected = boxes_of(labels)
    expected[3:6, 3:5] = 2
    np.testing.assert_array_equal(session.step(FRAME, new).labels, expected)
    np.testing.assert_array_equal(session.step(FRAME).labels, expected)


@pytest.mark.parametrize("plugin", [EMPTY, STATIC_BOX, FLOW, TRUTH_NOISE, TRUTH_SHIFTED])
def test_weights_are_refused(plugin: MethodPlugin) -> None:
    with pytest.raises(UsageError, match="has no weights; remove the weight file x.pth"):
        plugin.build(BuildOptions(parameters={}, weights=Path("x.pth")))


@pytest.mark.parametrize(
    "reference",
    [
        "baseline-empty",
        "baseline-static-box",
        "baseline-truth-shifted@1",
        "baseline-truth-shifted@10",
        "baseline-truth-noise@2px",
        "baseline-flow",
        "baseline-flow@tvl1",
    ],
)
def test_the_harness_own_check_passes(reference: str) -> None:
    (resolved,) = resolve_methods([reference])
    assert not check_method(resolved).findings


def test_none_of_them_needs_torch() -> None:
    code = (
        "import sys, numpy as np\n"
        "from vosbench.types import BuildOptions, ClipInfo\n"
        "from vosbench_methods.baselines import *\n"
        "labels = np.ones((20, 24), np.uint8); frame = np.zeros((20, 24, 3), np.uint8)\n"
        "clip = ClipInfo('c', 20, 24, (1,))\n"
        "for plugin in (EMPTY, STATIC_BOX, FLOW, TRUTH_NOISE, TRUTH_SHIFTED):\n"
        "    options = BuildOptions(parameters={}, oracle=plugin in (TRUTH_NOISE, TRUTH_SHIFTED))\n"
        "    session = plugin.build(options).start(clip, frame, labels)\n"
        "    if options.oracle:\n"
        "        session.observe_truth(labels)\n"
        "    session.step(frame)\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_what_is_shown_the_truth_is_called_an_oracle_everywhere() -> None:
    for plugin in (TRUTH_NOISE, TRUTH_SHIFTED):
        card = load_method_card(plugin.card)
        assert card.method.title.startswith("ORACLE")
        assert card.method.summary.startswith("ORACLE")
        for variant in card.variants.values():
            assert variant.oracle
            assert variant.rule
            assert variant.summary.startswith("ORACLE")
