"""Telling whether a weight file is the right one: its digest, and whether the method takes it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vosbench.checks import CheckReport, Finding
from vosbench.engine.environment import file_sha256
from vosbench.errors import InputError, UsageError, VosbenchError
from vosbench.plugins import ResolvedMethod
from vosbench.types import BuildOptions

__all__ = ["verify_weights"]


def verify_weights(
    resolved: ResolvedMethod, path: Path | None = None, *, expected: str | None = None
) -> CheckReport:
    """Check a weight file against the method's card and against the method itself.

    The method is built with the file on the CPU; a method loads strictly, so keys that are missing,
    extra or of another shape end there, and its message lists them.

    Args:
        resolved: method, variant and parameters.
        path: weight file; None means what the method ships.
        expected: digest that the file must have; None means the card's, if it has one.

    Raises:
        UsageError: if the method has no weights to verify.
        InputError: if the file is not there.
    """
    card = resolved.found.card
    if path is not None and not path.exists():
        raise InputError(f"weight file {path} does not exist")
    precision = (
        "fp32" if "fp32" in card.capabilities.precisions else card.capabilities.precisions[0]
    )
    options = BuildOptions(parameters=resolved.parameters, precision=precision, weights=path)
    options = replace(options, oracle=resolved.oracle)
    findings: list[Finding] = []
    used = path
    try:
        built = resolved.found.plugin.build(options)
    except UsageError:
        raise
    except VosbenchError as error:
        detail = "; ".join(part for part in (str(error), error.hint) if part)
        findings.append(Finding("error", "does-not-fit", "the method refuses it", detail=detail))
    else:
        used = path or getattr(built, "weights_path", None)
        if used is None:
            raise UsageError(
                f"method {resolved.reference} uses no weight file; name the one to verify"
            )
        if getattr(built, "untrained", False):
            text = "parts of the network are left random"
            detail = str(getattr(built, "weights_note", ""))
            findings.append(Finding("error", "incomplete", text, detail=detail))
    digest = file_sha256(used) if used is not None and used.is_file() else None
    if digest is not None and used is not None:
        findings.extend(_of_digest(resolved, used, digest, expected))
    facts: dict[str, str | int | None] = {
        "file": str(used) if used is not None else None,
        "bytes": used.stat().st_size if used is not None and used.is_file() else None,
        "sha256": digest,
    }
    return CheckReport(f"weights of {resolved.reference}", facts, tuple(findings))


def _of_digest(
    resolved: ResolvedMethod, used: Path, digest: str, expected: str | None
) -> list[Finding]:
    known = {entry.sha256: entry.file for entry in resolved.found.card.weights if entry.sha256}
    if expected is not None:
        if digest == expected.lower():
            return []
        detail = f"{digest}, expected {expected.lower()}"
        return [Finding("error", "digest", "it is another file than expected", detail=detail)]
    if digest in known:
        return []
    same_name = [
        entry
        for entry in resolved.found.card.weights
        if Path(entry.file).name == used.name and entry.sha256
    ]
    if same_name:
        text = "it has the name of a file on the card, but other bytes"
        detail = f"{digest}, the card says {same_name[0].sha256}"
        fix = "copy or fetch it again, or give weights of your own another name"
        return [Finding("error", "digest", text, detail=detail, fix=fix)]
    text = "its digest is on no card, so that only its fit is known"
    return [Finding("note", "unknown-digest", text, fix="compare it with --expect SHA256")]
