"""Is a difference more than chance: paired comparisons with the sequence as the sampled unit.

Pure functions over arrays; no files. Objects of one video share its difficulty, so the sequence is
what is resampled, flipped and counted, while the figure stays the official one: the mean over
objects. A test that takes objects for independent alarms falsely about three times as often as it
says.
"""

from __future__ import annotations

from vosbench.stats.clusters import Clusters, cluster
from vosbench.stats.intervals import (
    Interval,
    MeanEstimate,
    bootstrap_t_interval,
    mean_estimate,
    robust_t_interval,
    standard_error,
)
from vosbench.stats.multiplicity import holm
from vosbench.stats.paired import TIE_THRESHOLD, Outcomes, PairedComparison, compare_pairs
from vosbench.stats.permutation import SignFlip, sign_flip_interval, sign_flip_test
from vosbench.stats.power import smallest_detectable_difference
from vosbench.stats.speed import RatioEstimate, ratio_of_medians
from vosbench.stats.verdicts import GateVerdict, non_inferiority, not_slower

__all__ = [
    "TIE_THRESHOLD",
    "Clusters",
    "GateVerdict",
    "Interval",
    "MeanEstimate",
    "Outcomes",
    "PairedComparison",
    "RatioEstimate",
    "SignFlip",
    "bootstrap_t_interval",
    "cluster",
    "compare_pairs",
    "holm",
    "mean_estimate",
    "non_inferiority",
    "not_slower",
    "ratio_of_medians",
    "robust_t_interval",
    "sign_flip_interval",
    "sign_flip_test",
    "smallest_detectable_difference",
    "standard_error",
]
