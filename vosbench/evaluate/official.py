"""The two CSV files that the DAVIS toolkit writes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from vosbench.evaluate.evaluation import Evaluation
from vosbench.store.atomic import write_text

__all__ = ["write_official_csvs"]

_GLOBAL_COLUMNS: Final = (
    "J&F-Mean",
    "J-Mean",
    "J-Recall",
    "J-Decay",
    "F-Mean",
    "F-Recall",
    "F-Decay",
)
_SEQUENCE_COLUMNS: Final = ("Sequence", "J-Mean", "F-Mean")


def write_official_csvs(evaluation: Evaluation, folder: Path | str) -> tuple[Path, Path]:
    """Write `global_results-<split>.csv` and `per-sequence_results-<split>.csv`.

    Names, columns and number formats are those of davis2017-evaluation: values 0..1 with three
    decimals, one row `<sequence>_<id>` per object, an empty field for an undefined value. Existing
    files are replaced atomically and never read.

    Args:
        evaluation: scores of a split.
        folder: where to write; created if missing.

    Returns:
        Paths of both files, the overall one first.
    """
    folder = Path(folder)
    record = evaluation.record
    overall = record.overall.model_dump(by_alias=True)
    values = ",".join(_number(overall[name]) for name in _GLOBAL_COLUMNS)
    global_path = folder / f"global_results-{record.split}.csv"
    write_text(global_path, f"{','.join(_GLOBAL_COLUMNS)}\n{values}\n")
    rows = [
        f"{name},{_number(score.j_mean)},{_number(score.f_mean)}"
        for name, score in record.objects.items()
    ]
    sequence_path = folder / f"per-sequence_results-{record.split}.csv"
    write_text(sequence_path, "\n".join([",".join(_SEQUENCE_COLUMNS), *rows]) + "\n")
    return global_path, sequence_path


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
