"""Writing the report of a run: gather, draw into a new folder, swap it in."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vosbench import __version__
from vosbench.errors import InputError, UsageError
from vosbench.report.content import Content, CurveView, build_content, curve_order, describe
from vosbench.report.curves import draw_curves
from vosbench.report.palette import object_colour, palette_css
from vosbench.report.published import PublishedRow
from vosbench.report.source import RunSource, load_source
from vosbench.report.tables import anchors
from vosbench.report.templates import (
    asset_text,
    csp_hash,
    html_environment,
    markdown_environment,
)
from vosbench.report.text import defined, json_for_html
from vosbench.report.worst import APART, PER_SEQUENCE, WorstFrame, WorstView, choose_worst
from vosbench.store import RunPaths
from vosbench.types import Sequence as VideoSequence

__all__ = ["ReportPaths", "write_report"]


@dataclass(frozen=True)
class ReportPaths:
    """What was written.

    Attributes:
        folder: `<run>/report`.
        html: the page.
        markdown: the same report for places that render Markdown.
        figures: SVG curves, lowest J first.
        overlays: WebP overlays of the worst frames, worst first.
    """

    folder: Path
    html: Path
    markdown: Path
    figures: tuple[Path, ...]
    overlays: tuple[Path, ...]


@dataclass(frozen=True)
class _Footage:
    """The dataset's files, if they are at hand: what there is, and what to tell the reader."""

    sequences: Mapping[str, VideoSequence]
    note: str = ""
    notices: tuple[str, ...] = ()


def write_report(
    run: Path,
    *,
    data_root: Path | None = None,
    published: Sequence[PublishedRow] = (),
    worst: int = 6,
    sequences: Mapping[str, VideoSequence] | None = None,
) -> ReportPaths:
    """Write `report/` of a run directory; the same run gives the same bytes.

    Args:
        run: run directory.
        data_root: folder of the dataset. Without `sequences`, the run's dataset is opened there to
            show frames.
        published: rows to show beside the measured ones; rows of other datasets and splits are left
            out.
        worst: how many frames to show at most.
        sequences: the dataset's sequences by name, as `open_dataset` gives them. Without them and
            without `data_root` the report says how its frames can be shown.

    Returns:
        Paths of the files.

    Raises:
        InputError: if the run directory has no `run.json`, or a file in it is damaged.
    """
    source = load_source(run)
    footage = _footage(source, data_root, sequences)
    chosen = choose_worst(
        (curve for objects in source.curves.values() for curve in objects), most=worst
    )
    with _replaced(RunPaths(run).report) as folder:
        curves = _write_curves(source, chosen, folder)
        views = _write_overlays(source, chosen, footage, folder)
        content = build_content(
            source,
            published=published,
            curves=curves,
            worst=views,
            worst_note=footage.note,
            notices=footage.notices,
        )
        _write_text(folder / "index.html", _page(source, content))
        _write_text(folder / "report.md", _markdown(source, content))
    report = RunPaths(run).report
    return ReportPaths(
        folder=report,
        html=report / "index.html",
        markdown=report / "report.md",
        figures=tuple(report / curve.file for curve in curves),
        overlays=tuple(report / picture.file for view in views for picture in view.pictures),
    )


def _footage(
    source: RunSource, data_root: Path | None, sequences: Mapping[str, VideoSequence] | None
) -> _Footage:
    if sequences is not None:
        lost = sorted(set(source.run.data.sequences) - set(sequences))
        note = f"The frames of {', '.join(lost[:8])} were not given." if lost else ""
        return _Footage(sequences, note)
    hint = (
        "Frames could not be shown, because the dataset's files were not given. "
        "To show them: vosbench report RUN --data FOLDER"
    )
    if data_root is None:
        return _Footage({}, hint)
    from vosbench.data import open_dataset

    data = source.run.data
    try:
        dataset = open_dataset(
            data.dataset,
            split=data.split,
            root=data_root,
            sequences=",".join(data.sequences),
            need_images=False,
        )
    except (InputError, UsageError) as error:
        return _Footage({}, f"Frames could not be shown: {error}")
    notices: tuple[str, ...] = ()
    if dataset.manifest_sha256 != data.manifest_sha256:
        notices = (
            f"The frames shown come from data that is not what the run saw (manifest "
            f"{dataset.manifest_sha256[:12]}, the run's {data.manifest_sha256[:12]}).",
        )
    return _Footage({sequence.name: sequence for sequence in dataset.sequences}, "", notices)


def _write_curves(
    source: RunSource, chosen: Sequence[WorstFrame], folder: Path
) -> tuple[CurveView, ...]:
    fragments = anchors(source)
    (folder / "figures").mkdir()
    views: list[CurveView] = []
    for name in curve_order(source):
        objects = source.curves[name]
        marked = [(one.object_id, one.index) for one in chosen if one.sequence == name]
        # named by position: a sequence's name may be anything
        anchor = fragments.get(name) or f"unlisted-{len(views) + 1}"
        file = f"figures/{anchor}.svg"
        _write_text(folder / file, draw_curves(objects, marked=marked))
        summary = source.scores.sequences.get(name) if source.scores else None
        views.append(
            CurveView(
                sequence=name,
                anchor=anchor,
                file=file,
                j=defined(summary.j_mean) if summary else None,
                object_ids=tuple(curve.object_id for curve in objects),
                alt=describe(name, objects),
            )
        )
    return tuple(views)


def _write_overlays(
    source: RunSource, chosen: Sequence[WorstFrame], footage: _Footage, folder: Path
) -> tuple[WorstView, ...]:
    if not footage.sequences:
        return tuple(WorstView(one) for one in chosen)
    # decoding images and masks is only loaded where there are any
    from vosbench.report.frames import render_worst

    return render_worst(source, chosen, footage.sequences, folder)


def _page(source: RunSource, content: Content) -> str:
    css = asset_text("style.css") + palette_css()
    script = asset_text("page.js")
    policy = (
        "default-src 'none'; img-src 'self' file:; "
        f"style-src {csp_hash(css)}; script-src {csp_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        html_environment()
        .get_template("index.html.j2")
        .render(
            **_shared(source, content),
            css=css,
            script=script,
            policy=policy,
            data=json_for_html(_data(source)),
            version=__version__,
            object_ids=sorted({i for curve in content.curves for i in curve.object_ids}),
            object_dashes=_dashes,
            has_pictures=any(view.pictures for view in content.worst),
            per_sequence=PER_SEQUENCE,
            apart=APART,
        )
    )


def _markdown(source: RunSource, content: Content) -> str:
    return markdown_environment().get_template("report.md.j2").render(**_shared(source, content))


def _shared(source: RunSource, content: Content) -> dict[str, Any]:
    on_cpu = source.run.settings.device.startswith("cpu")
    return {
        "content": content,
        "run": source.run,
        "scores": source.scores,
        "kind": "CPU" if on_cpu else "GPU",
    }


def _dashes(object_id: int) -> str:
    return " ".join(f"{length:g}" for length in object_colour(object_id).dashes)


def _data(source: RunSource) -> dict[str, Any]:
    run, scores = source.run, source.scores
    return {
        "schema_version": 1,
        "run_id": run.run_id,
        "status": run.status,
        "method": run.method.reference,
        "oracle": run.method.oracle,
        "dataset": run.data.dataset,
        "split": run.data.split,
        "manifest_sha256": run.data.manifest_sha256,
        "scores": _finite(scores.model_dump(mode="python", by_alias=True)) if scores else None,
    }


def _finite(value: Any) -> Any:
    """The value with null for every number that JSON cannot hold."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _write_text(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8", newline="\n")


@contextmanager
def _replaced(target: Path) -> Iterator[Path]:
    """Give an empty folder beside `target`; it takes the target's place if the body succeeds.

    A folder cannot be replaced in one step, so the old one is moved aside first: whatever fails
    before that leaves it untouched, and if the second move fails it is moved back. What a killed
    process left behind is cleared by the next one.
    """
    new = target.with_name(f".{target.name}.new")
    old = target.with_name(f".{target.name}.old")
    if old.exists() and not target.exists():
        old.rename(target)  # killed between the two moves
    for leftover in (new, old):
        if leftover.exists():
            shutil.rmtree(leftover)
    new.mkdir()
    try:
        yield new
        had_report = target.exists()
        if had_report:
            target.rename(old)
        try:
            new.rename(target)
        except BaseException:
            if had_report:
                old.rename(target)
            raise
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)
