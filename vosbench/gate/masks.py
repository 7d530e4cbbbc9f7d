"""Coverage and mask files: checks that need no figure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from vosbench.compare import RunScores
from vosbench.engine.environment import file_sha256
from vosbench.gate.baseline import short_digest
from vosbench.gate.policy import Policy
from vosbench.gate.records import Blame, CheckRecord, Regime
from vosbench.report.text import count
from vosbench.store import RunPaths

__all__ = ["changed_frames", "check_coverage", "check_determinism", "check_files", "check_scoring"]

MOST_BLAMED: Final = 5
_SAME_SCORE: Final = 1e-9


def changed_frames(baseline: RunScores, candidate: RunScores) -> dict[str, list[str]] | None:
    """Frames whose mask files differ, by sequence; None where a side has no digests.

    A frame that only one of the two has counts as changed. Sequences that the candidate does not
    have are left to `check_coverage`.
    """
    changed = {}
    compared = 0
    for name, before in baseline.sequences.items():
        after = candidate.sequences.get(name)
        if after is None or after.status != "complete":
            continue
        if not before.masks_sha256 or not after.masks_sha256:
            return None
        compared += 1
        ours = before.masks_sha256
        theirs = {frame: short_digest(digest) for frame, digest in after.masks_sha256.items()}
        frames = sorted(
            frame for frame in ours.keys() | theirs.keys() if ours.get(frame) != theirs.get(frame)
        )
        if frames:
            changed[name] = frames
    return changed if compared else None


def check_coverage(baseline: RunScores, candidate: RunScores, policy: Policy) -> CheckRecord:
    """Whether the candidate has a score for everything the baseline scored.

    What it failed on is a fail; what it was never asked for is inconclusive, unless the policy
    allows a part.
    """
    failed, unasked = [], []
    asked = set(candidate.run.data.sequences)
    scored = dict.fromkeys(one.sequence for one in baseline.scores.objects.values())
    for name in scored:
        missing = [
            key
            for key, one in baseline.scores.objects.items()
            if one.sequence == name and key not in candidate.scores.objects
        ]
        if not missing:
            continue
        if name not in asked:
            unasked.append(Blame(kind="sequence", name=name, text="not among the run's sequences"))
        elif name not in candidate.scores.sequences:
            failed.append(Blame(kind="sequence", name=name, text=_why(candidate, name)))
        else:
            failed += [Blame(kind="object", name=key, text="has no score") for key in missing]
    if failed:
        return CheckRecord(
            name="coverage",
            status="blocking",
            verdict="fail",
            reason=f"no score for {', '.join(one.name for one in failed[:MOST_BLAMED])}"
            f"{_more(len(failed))}, which the baseline scored",
            blame=[*failed, *unasked],
        )
    if unasked and not policy.data.allow_partial:
        return CheckRecord(
            name="coverage",
            status="blocking",
            verdict="inconclusive",
            reason=f"the run has {len(scored) - len(unasked)} of the baseline's "
            f"{count(len(scored), 'sequence')}; missing: "
            f"{', '.join(one.name for one in unasked[:MOST_BLAMED])}{_more(len(unasked))}",
            blame=unasked,
        )
    part = f" (a part: {len(scored) - len(unasked)} of {len(scored)})" if unasked else ""
    return CheckRecord(
        name="coverage",
        status="blocking",
        verdict="pass",
        reason=f"every object of the baseline has a score{part}",
    )


def _why(candidate: RunScores, name: str) -> str:
    record = candidate.sequences.get(name)
    if record is not None and record.failure is not None:
        at = f" at frame {record.failure.frame}" if record.failure.frame else ""
        return f"{record.failure.kind}{at}: {record.failure.message}"
    return candidate.scores.unscored.get(name, "it has no score")


def _more(number: int) -> str:
    return f" and {number - MOST_BLAMED} more" if number > MOST_BLAMED else ""


def check_files(
    root: Path, baseline: RunScores, candidate: RunScores, policy: Policy
) -> CheckRecord | None:
    """Whether the run has every mask: those of the baseline, and those it recorded, unchanged.

    None where the policy does not ask, or where the run came without its folder of masks and has
    the digest of every frame.
    """
    if policy.masks.complete == "off":
        return None
    found, frames = _missing_files(root, candidate)
    blame = [*_never_written(baseline, candidate), *found]
    if blame:
        return CheckRecord(
            name="masks/complete",
            status=policy.masks.complete,
            verdict="fail",
            reason=f"{count(len(blame), 'mask')} missing or changed after scoring: "
            f"{', '.join(one.name for one in blame[:MOST_BLAMED])}{_more(len(blame))}",
            blame=blame,
        )
    if not frames:
        return None
    return CheckRecord(
        name="masks/complete",
        status=policy.masks.complete,
        verdict="pass",
        reason=f"all {count(frames, 'mask file')} are there as recorded",
    )


def _never_written(baseline: RunScores, candidate: RunScores) -> list[Blame]:
    """Frames that the baseline has masks of and the run recorded none for."""
    blame = []
    for name, before in baseline.sequences.items():
        after = candidate.sequences.get(name)
        if after is None or after.status != "complete" or not after.masks_sha256:
            continue
        text = "the run has no mask of this frame, and the baseline has one"
        blame += [
            Blame(kind="frame", name=f"{name}/{frame}", text=text)
            for frame in sorted(before.masks_sha256.keys() - after.masks_sha256.keys())
        ]
    return blame


def _missing_files(root: Path, candidate: RunScores) -> tuple[list[Blame], int]:
    """Files that are not there, or not as recorded."""
    paths = RunPaths(root)
    blame: list[Blame] = []
    frames = 0
    if not paths.masks.is_dir():
        return blame, frames
    for name, record in candidate.sequences.items():
        if record.status != "complete":
            continue
        for frame, digest in record.masks_sha256.items():
            frames += 1
            path = paths.sequence_masks(name) / f"{frame}.png"
            if not path.is_file():
                text = "the mask file is missing"
            elif file_sha256(path) != digest:
                text = "the mask file is not the one the run wrote and scored"
            else:
                continue
            blame.append(Blame(kind="frame", name=f"{name}/{frame}", text=text))
    return blame, frames


def check_determinism(
    changed: Mapping[str, list[str]], regime: Regime, *, code_changed: bool, policy: Policy
) -> CheckRecord | None:
    """Other masks from the same code in the same environment; None where that is not the case."""
    if regime != "same" or code_changed or policy.masks.determinism == "off":
        return None
    frames = sum(len(names) for names in changed.values())
    return CheckRecord(
        name="masks/determinism",
        status=policy.masks.determinism,
        verdict="fail",
        reason=f"the same code, weights and environment wrote other masks on "
        f"{count(frames, 'frame')} of {count(len(changed), 'sequence')}",
        blame=frame_blame(changed),
    )


def frame_blame(changed: Mapping[str, list[str]]) -> list[Blame]:
    """The sequences with the most changed frames, and where the change begins."""
    most = sorted(changed.items(), key=lambda item: (-len(item[1]), item[0]))[:MOST_BLAMED]
    return [
        Blame(
            kind="frame",
            name=f"{name}/{frames[0]}",
            text=f"{count(len(frames), 'frame')} of {name} differ, from {frames[0]} on",
        )
        for name, frames in most
    ]


def check_scoring(
    baseline: RunScores, candidate: RunScores, changed: Mapping[str, list[str]]
) -> CheckRecord | None:
    """Other scores for the same masks: the scoring changed, or the truth. None if all agree."""
    blame = []
    for key, before in baseline.scores.objects.items():
        after = candidate.scores.objects.get(key)
        record = candidate.sequences.get(before.sequence)
        same = record is not None and record.status == "complete" and before.sequence not in changed
        if after is None or not same:
            continue
        for name, old, new in (
            ("J", before.j_mean, after.j_mean),
            ("F", before.f_mean, after.f_mean),
        ):
            if (old is None) != (new is None) or (
                old is not None and new is not None and abs(old - new) > _SAME_SCORE
            ):
                text = f"{name} {_points(old)} and now {_points(new)} for the same masks"
                blame.append(Blame(kind="object", name=key, text=text))
    if not blame:
        return None
    return CheckRecord(
        name="scoring",
        status="blocking",
        verdict="fail",
        reason=f"the masks are the baseline's, but {count(len(blame), 'figure')} differ: the "
        f"scoring or the ground truth changed; first: {blame[0].name}, {blame[0].text}",
        blame=blame,
    )


def _points(value: float | None) -> str:
    return "undefined" if value is None else f"{100 * value:.4f}"
