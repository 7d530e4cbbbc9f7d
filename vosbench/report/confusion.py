"""Which objects take each other's pixels: matrices from a diagnosis, small enough to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vosbench.report.text import count

if TYPE_CHECKING:
    from vosbench.explain import DiagnosisRecord
    from vosbench.explain.records import ClaimsRecord, OverlapRecord, ReplayRecord

__all__ = ["ClaimsRow", "Confusion", "Matrix", "build_confusion"]

_MOST_IN_MATRIX: Final = 12
_MOST_PAIRS: Final = 20


@dataclass(frozen=True)
class Matrix:
    """A matrix over the objects of one sequence, or its largest entries where it is too large.

    Attributes:
        sequence: name.
        kind: `leak`, `contest` or `claim`.
        ids: rows and columns; empty where only pairs are listed.
        cells: row by row, 0..1; None where there is nothing to tell.
        pairs: row, column and value of the largest entries, where `ids` is empty.
        note: what was left out, or empty.
    """

    sequence: str
    kind: str
    ids: tuple[int, ...]
    cells: tuple[tuple[float | None, ...], ...]
    pairs: tuple[tuple[int, int, float], ...] = ()
    note: str = ""


@dataclass(frozen=True)
class ClaimsRow:
    """What soft masks tell of one sequence; shares are 0..1, None where undefined.

    Attributes:
        sequence: name.
        contest: mean share of claimed pixels that two objects claim.
        peak: the largest of a frame.
        peak_frame: file stem of that frame.
        unclaimed: share of the true objects that nobody claims.
        disputed: contested px on true objects.
        arbitration_error: wrong share of them.
        by_rule: px given away though the right object claimed them.
        by_network: wrong px that the right object did not claim.
    """

    sequence: str
    contest: float | None
    peak: float | None
    peak_frame: str
    unclaimed: float | None
    disputed: int
    arbitration_error: float | None
    by_rule: int
    by_network: int


@dataclass(frozen=True)
class Confusion:
    """The section.

    Attributes:
        matrices: by sequence, without sequences of which all entries are 0.
        clean: those sequences.
        claims: what soft masks tell.
        replay: other merging rules.
    """

    matrices: tuple[Matrix, ...]
    clean: tuple[str, ...]
    claims: tuple[ClaimsRow, ...]
    replay: tuple[ReplayRecord, ...]


def build_confusion(record: DiagnosisRecord) -> Confusion | None:
    """Matrices of the sequences with several objects; None where there is no such sequence."""
    ids: dict[str, list[int]] = {}
    for one in record.objects:
        ids.setdefault(one.sequence, []).append(one.object_id)
    several = {name: sorted(found) for name, found in ids.items() if len(found) > 1}
    if not several:
        return None
    matrices: list[Matrix] = []
    clean = []
    overlap = record.overlap
    for name, found in sorted(several.items()):
        leaks = {
            one.object_id: {int(other): share for other, share in one.leaks_to.items()}
            for one in record.objects
            if one.sequence == name
        }
        claims = overlap.sequences.get(name) if overlap is not None else None
        if claims is None and not any(share for row in leaks.values() for share in row.values()):
            clean.append(name)
            continue
        matrices.append(_matrix(name, "leak", found, leaks))
        if claims is not None:
            matrices += _claim_matrices(name, claims)
    return Confusion(
        matrices=tuple(matrices),
        clean=tuple(clean),
        claims=_claim_rows(overlap) if overlap is not None else (),
        replay=tuple(overlap.replay) if overlap is not None else (),
    )


def _claim_matrices(name: str, claims: ClaimsRecord) -> list[Matrix]:
    found = []
    for kind, told in (("contest", claims.contest_matrix), ("claim", claims.claimed_truth)):
        rows = {int(i): {int(j): share for j, share in row.items()} for i, row in told.items()}
        ids = sorted({*rows, *(j for row in rows.values() for j in row)})
        found.append(_matrix(name, kind, ids, rows))
    return found


def _matrix(
    name: str, kind: str, ids: list[int], rows: Mapping[int, Mapping[int, float | None]]
) -> Matrix:
    # a mask of course covers its own object: what is asked is which others it covers
    hidden = kind != "claim"
    if len(ids) <= _MOST_IN_MATRIX:
        blank = 0.0 if kind == "leak" else None
        cells = tuple(
            tuple(None if hidden and i == j else rows.get(i, {}).get(j, blank) for j in ids)
            for i in ids
        )
        return Matrix(name, kind, tuple(ids), cells)
    entries = [(i, j, share) for i, row in rows.items() for j, share in row.items() if i != j]
    pairs = sorted(
        ((i, j, share) for i, j, share in entries if share), key=lambda e: (-e[2], e[0], e[1])
    )
    note = f"{len(ids)} objects are too many for a matrix; these are the largest entries"
    if len(pairs) > _MOST_PAIRS:
        note += f", {count(len(pairs) - _MOST_PAIRS, 'smaller one')} left out"
    return Matrix(name, kind, (), (), tuple(pairs[:_MOST_PAIRS]), f"{note}.")


def _claim_rows(overlap: OverlapRecord) -> tuple[ClaimsRow, ...]:
    return tuple(
        ClaimsRow(
            sequence=name,
            contest=one.contest_rate.get("0.5"),
            peak=one.peak_contest_rate,
            peak_frame=one.peak_frame,
            unclaimed=one.unclaimed,
            disputed=one.disputed_px,
            arbitration_error=one.arbitration_error,
            by_rule=one.wrong_by_rule_px,
            by_network=one.wrong_by_network_px,
        )
        for name, one in sorted(overlap.sequences.items())
    )
