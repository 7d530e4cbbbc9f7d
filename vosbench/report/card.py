"""How far the diagnosis itself can be trusted: the analysis card that is told in every report.

`reports/analysis-card.json` is what `vosbench diagnose --self-test` measured with this version's
thresholds; a test holds the two together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosbench.report.templates import asset_path
from vosbench.store import read_record

if TYPE_CHECKING:
    from vosbench.explain import AnalysisCard

__all__ = ["analysis_card"]


def analysis_card() -> AnalysisCard:
    """The card of this version.

    Raises:
        InputError: the installation lacks it.
    """
    from vosbench.explain import CARD_JSON, AnalysisCard

    return read_record(asset_path(CARD_JSON), AnalysisCard)
