"""Finding the runs of a method's variants."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vosbench.errors import ComparisonError, UsageError
from vosbench.store import RunPaths, read_run
from vosbench.store.schema import RunRecord

__all__ = ["AblationRuns", "find_ablation", "is_ablation"]

# a folder of runs, of one data set, of one method, or one run: the layout is dataset/method/id
_PATTERNS: Final = ("run.json", "*/run.json", "*/*/run.json", "*/*/*/run.json")


@dataclass(frozen=True)
class AblationRuns:
    """Runs of one method.

    Attributes:
        base: run of the method without a variant.
        variants: newest run of each variant, by name.
        notes: what was passed over, in words.
    """

    base: Path
    variants: tuple[Path, ...]
    notes: tuple[str, ...]


def is_ablation(runs: Sequence[RunRecord]) -> bool:
    """Whether these are different variants of one method, its base variant among them."""
    variants = [run.method.variant for run in runs]
    one_method = len({run.method.name for run in runs}) == 1
    return one_method and len(set(variants)) == len(variants) and None in variants


def find_ablation(folder: Path, *, method: str | None = None) -> AblationRuns:
    """The newest scored run of each variant of one method below a folder of runs.

    Args:
        folder: of runs (`runs`), or of the runs on one data set.
        method: which method, if the folder has several.

    Raises:
        UsageError: if the folder has several methods, or runs on several data sets, to choose from.
        ComparisonError: if it has no base variant or no other variant to compare.
        InputError: if a run is damaged.
    """
    roots = sorted({path.parent for pattern in _PATTERNS for path in folder.glob(pattern)})
    records = {root: read_run(root) for root in roots}
    if method is not None:
        records = {root: run for root, run in records.items() if run.method.name == method}
    wanted = f" of {method}" if method else ""
    if not records:
        raise ComparisonError(f"no runs{wanted} under {folder}")
    _refuse_choice(folder, {run.method.name for run in records.values()}, "methods", "--method")
    data = {f"{run.data.dataset} {run.data.split}" for run in records.values()}
    _refuse_choice(folder, data, "data sets", "a folder of one data set, such as runs/NAME")
    notes = []
    by_variant: defaultdict[str | None, list[Path]] = defaultdict(list)
    for root, run in sorted(records.items(), key=lambda item: (item[1].created, str(item[0]))):
        if RunPaths(root).scores.is_file():
            by_variant[run.method.variant].append(root)
        else:
            notes.append(f"{root} has not been scored and is left out")
    for older in (found[:-1] for found in by_variant.values()):
        notes += [f"{root} is left out: there is a newer run of this variant" for root in older]
    base = by_variant.pop(None, [])
    if not base:
        raise ComparisonError(
            f"no scored run of the base variant{wanted} under {folder}",
            hint="run the method without a variant, or name the runs and a --baseline",
        )
    if not by_variant:
        raise ComparisonError(f"{folder} has the base variant only: nothing to compare")
    variants = sorted(by_variant.items(), key=lambda item: item[0] or "")
    return AblationRuns(base[-1], tuple(found[-1] for _, found in variants), tuple(notes))


def _refuse_choice(folder: Path, found: set[str], what: str, option: str) -> None:
    if len(found) > 1:
        raise UsageError(
            f"{folder} has runs of several {what}: {', '.join(sorted(found))}",
            hint=f"choose one: {option}",
        )
