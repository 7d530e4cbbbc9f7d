"""Writing the report of a run: gather, draw into a new folder, swap it in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vosbench.data import is_safe_name
from vosbench.errors import InputError, UsageError
from vosbench.report.content import (
    CurveView,
    FramesView,
    build_content,
    curve_order,
    describe,
    run_spans,
)
from vosbench.report.curves import draw_curves
from vosbench.report.events import Span
from vosbench.report.page import render_markdown, render_page
from vosbench.report.published import PublishedRow
from vosbench.report.source import RunSource, load_source
from vosbench.report.tables import anchors
from vosbench.report.text import defined
from vosbench.report.videos import VIDEOS, carry_videos
from vosbench.report.worst import WorstFrame, WorstView, choose_worst
from vosbench.store import RunPaths
from vosbench.types import Sequence as VideoSequence

if TYPE_CHECKING:
    from vosbench.report.viewer import ViewerSequence

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
        frames_bytes: size of the frames that can be stepped through.
        frames_note: what they leave out, or why there are none; or empty.
    """

    folder: Path
    html: Path
    markdown: Path
    figures: tuple[Path, ...]
    overlays: tuple[Path, ...]
    frames_bytes: int = 0
    frames_note: str = ""


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
    frames: str = "auto",
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
        frames: which sequences can be stepped through frame by frame: `auto` (those with the lowest
            J, 250 frames together), `all`, `none`, a number of sequences, or patterns of names with
            commas between them. A frame takes about 30 kB.

    Returns:
        Paths of the files.

    Raises:
        InputError: if the run directory has no `run.json`, or a file in it is damaged.
        UsageError: `frames` names no sequence of the run.
    """
    source = load_source(run)
    footage = _footage(source, data_root, sequences)
    chosen = choose_worst(
        (curve for objects in source.curves.values() for curve in objects), most=worst
    )
    spans = run_spans(source)
    with _replaced(RunPaths(run).report) as folder:
        curves = _write_curves(source, chosen, spans, folder)
        views = _write_overlays(source, chosen, footage, folder)
        viewer = _write_frames(source, footage, frames, folder)
        videos = carry_videos((run / VIDEOS, RunPaths(run).report / VIDEOS), folder)
        content = build_content(
            source,
            published=published,
            curves=curves,
            worst=views,
            worst_note=footage.note,
            notices=footage.notices,
            frames=viewer,
            videos=videos,
        )
        _write_text(folder / "index.html", render_page(source, content, spans))
        _write_text(folder / "report.md", render_markdown(source, content))
    report = RunPaths(run).report
    return ReportPaths(
        folder=report,
        html=report / "index.html",
        markdown=report / "report.md",
        figures=tuple(report / curve.file for curve in curves),
        overlays=tuple(report / picture.file for view in views for picture in view.pictures),
        frames_bytes=viewer.size,
        frames_note=viewer.note,
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
    source: RunSource,
    chosen: Sequence[WorstFrame],
    spans: Mapping[str, tuple[Span, ...]],
    folder: Path,
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
        _write_text(folder / file, draw_curves(objects, marked=marked, spans=spans.get(name, ())))
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


def _write_frames(source: RunSource, footage: _Footage, request: str, folder: Path) -> FramesView:
    """Draw the frames that can be stepped through, and say which are missing and why."""
    # decoding images and masks is only loaded where there are any
    from vosbench.report.viewer import choose_sequences, draw_sequence

    fragments = anchors(source)
    ordered = dict.fromkeys((*curve_order(source), *source.run.data.sequences))
    found = {
        name: footage.sequences[name]
        for name in ordered
        if name in footage.sequences
        and is_safe_name(name)
        and source.mask(name, "0").parent.is_dir()
        and all(frame.image is not None for frame in footage.sequences[name].frames)
    }
    choice = choose_sequences(request, {name: len(one.frames) for name, one in found.items()})
    shown: list[ViewerSequence] = []
    notes = [footage.note, choice.note]
    for name in choice.names:
        anchor = fragments.get(name) or f"unlisted-{len(shown) + 1}"
        try:
            shown.append(draw_sequence(source, found[name], anchor, folder))
        except (InputError, OSError) as error:
            # the report is of use without them
            shutil.rmtree(folder / "frames" / anchor, ignore_errors=True)
            notes.append(f"The frames of {name} cannot be shown: {error}")
    return FramesView(tuple(shown), " ".join(note for note in notes if note))


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
