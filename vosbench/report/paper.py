"""What a paper takes from a run: its tables in every format, and its curves as SVG and PDF."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vosbench.report.content import Content, build_content, curve_order
from vosbench.report.curves import draw_paper_curves
from vosbench.report.formats import write_tables
from vosbench.report.published import PublishedRow
from vosbench.report.source import load_source
from vosbench.report.table import Field, Table
from vosbench.report.text import METRICS, defined
from vosbench.store.atomic import write_bytes, write_text

__all__ = ["PaperPaths", "report_tables", "write_paper"]

_FIGURES = tuple(Field(metric.field, metric.label, "points") for metric in METRICS)
_UNSAFE = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True)
class PaperPaths:
    """What was written: the folder, its table files and its figure files."""

    folder: Path
    tables: tuple[Path, ...]
    figures: tuple[Path, ...]


def report_tables(run: Path, *, published: Sequence[PublishedRow] = ()) -> tuple[Table, ...]:
    """Every table of a run's report; those without rows are left out.

    Args:
        run: run directory.
        published: rows of any dataset; those of another dataset or split are left out.

    Raises:
        InputError: if it is no run directory, or a file of it is damaged.
    """
    content = build_content(
        load_source(run), published=published, curves=(), worst=(), worst_note=""
    )
    return tuple(table for table in _tables(content) if table.rows)


def write_paper(run: Path, folder: Path, *, published: Sequence[PublishedRow] = ()) -> PaperPaths:
    """Write `tables/` and `figures/` into a folder; the same run gives the same bytes.

    Args:
        run: run directory.
        folder: is made; files of these names in it are replaced, others stay.
        published: as for `report_tables`.

    Raises:
        InputError: if it is no run directory, or a file of it is damaged.
    """
    source = load_source(run)
    figures: list[Path] = []
    rows = []
    for number, name in enumerate(curve_order(source), start=1):
        drawn = draw_paper_curves(source.curves[name])
        # the number keeps names apart that are equal once they are safe
        stem = f"{number:02d}-{_UNSAFE.sub('-', name).strip('-')[:40]}".rstrip("-")
        svg, pdf = (folder / "figures" / f"{stem}.{kind}" for kind in ("svg", "pdf"))
        write_text(svg, drawn.svg)
        write_bytes(pdf, drawn.pdf)
        figures += [svg, pdf]
        summary = source.scores.sequences.get(name) if source.scores else None
        told = (defined(summary.j_mean), defined(summary.f_mean)) if summary else (None, None)
        rows.append((stem, name, *told))
    fields = (Field("figure", "figure"), Field("sequence", "sequence"), _FIGURES[1], _FIGURES[4])
    index = Table("figures", "Curves of J and F over the evaluated frames", fields, tuple(rows))
    tables = [*report_tables(run, published=published), *([index] if rows else [])]
    return PaperPaths(folder, write_tables(tables, folder / "tables"), tuple(figures))


def _tables(content: Content) -> Iterator[Table]:
    what = content.title
    # an oracle is told apart in every table that leaves the report without it
    mark = " (ORACLE: was shown the ground truth)" if content.oracle else ""
    yield Table(
        "scores",
        f"Scores of {what}{mark}",
        (_text("method"), *_FIGURES),
        ((content.method, *content.overall),) if content.objects else (),
    )
    yield Table(
        "published",
        f"Published, not measured here: the data set and split of {what}",
        (
            _text("method"),
            _text("checked"),
            *(Field(m.field, f"{m.label} (points)", "printed") for m in METRICS),
            Field("ms_per_frame", "ms/frame", "printed"),
            _text("source"),
            _text("conditions"),
        ),
        tuple(
            (
                row.method,
                "verified" if row.verified else "unverified",
                *(row.values.get(metric.card_key) for metric in METRICS),
                row.values.get("ms_per_frame"),
                row.source,
                row.conditions,
            )
            for row in content.published
        ),
    )
    yield Table(
        "sequences",
        f"Sequences of {what}{mark}",
        (
            _text("sequence"),
            _text("state"),
            *_FIGURES,
            _count("objects"),
            _count("frames"),
            Field("seconds", "seconds", "measured"),
        ),
        tuple(
            (row.name, row.state, *row.figures, row.objects, row.frames, row.seconds)
            for row in content.sequences
        ),
    )
    yield Table(
        "objects",
        f"Objects of {what}{mark}",
        (_text("sequence"), _count("object"), *_FIGURES, _count("evaluated_frames")),
        tuple(
            (row.sequence, row.object_id, *row.figures, row.evaluated_frames)
            for row in content.objects
        ),
    )
    yield Table(
        "failures",
        f"Failures of {what}",
        tuple(map(_text, ("sequence", "kind", "frame", "message"))),
        tuple((one.sequence, one.kind, one.frame, one.message) for one in content.failures),
    )
    timing = content.timing
    yield Table(
        "timing",
        f"Time of {what} on {timing.kind}, {timing.machine}" if timing else "",
        (
            _text("stage"),
            *(Field(f"{key}_ms", f"{key} ms", "measured") for key in ("mean", "median", "p90")),
            Field("share", "share of the loop (%)", "points"),
            _count("measured"),
            _text("covers"),
        ),
        tuple(
            (row.stage, row.mean, row.median, row.p90, row.share, row.measured, row.meaning)
            for row in (timing.rows if timing else ())
        ),
    )
    yield from _diagnosis_tables(content, mark)
    yield from _speed_tables(content)
    yield Table(
        "parameters",
        f"Parameters of {what}",
        tuple(map(_text, ("parameter", "in_effect", "asked"))),
        tuple((row.name, row.in_effect, row.asked) for row in content.parameters),
    )
    yield Table(
        "facts",
        f"What {what} was run with",
        tuple(map(_text, ("group", "name", "value"))),
        tuple((group.title, key, value) for group in content.facts for key, value in group.rows),
    )


def _diagnosis_tables(content: Content, mark: str) -> Iterator[Table]:
    losses = content.losses
    if losses is None:
        return
    what = content.title
    groups = tuple(Field(group.replace(" ", "_"), group, "points") for group in losses.groups)
    j = Field("j_mean", "J mean", "points")
    yield Table(
        "losses",
        f"Where J is lost, by sequence, {what}{mark}",
        (_text("sequence"), j, _text("mostly"), *groups),
        tuple((row.name, row.j, row.dominant, *row.losses) for row in losses.sequences),
    )
    yield Table(
        "causes",
        f"Where J is lost, by object, {what}{mark}",
        (
            _text("sequence"),
            _count("object"),
            j,
            _text("cause"),
            _count("failures"),
            _count("followed"),
            _count("lag"),
            Field("clipped", "clipped", "points"),
            Field("centre_error", "centre error", "measured"),
            *groups,
        ),
        tuple(
            (
                *(row.sequence, row.object_id, row.j, row.cause, row.failures, row.followed),
                *(row.lag, row.clipped, row.centre_error),
                *row.losses,
            )
            for row in losses.objects
        ),
    )
    yield Table(
        "events",
        f"Failures and events, {what}{mark}",
        (
            *map(_text, ("sequence", "kind")),
            *map(_count, ("object", "other")),
            *map(_text, ("from", "to")),
            Field("strength", "strength", "measured"),
        ),
        tuple(
            (
                *(one.sequence, one.kind, one.object_id, one.other),
                *(one.first_frame, one.last_frame, one.strength),
            )
            for one in losses.spans
        ),
    )
    kappas = ("train", "left_out", "val", "here")
    yield Table(
        "attributes",
        f"J of sequences with and without an attribute, 95 % interval by sequence, {what}{mark}",
        (
            *map(_text, ("attribute", "when")),
            *map(_count, ("with", "without")),
            Field("j_with", "J with", "points"),
            Field("j_without", "J without", "points"),
            *(Field(key, key, "change") for key in ("difference", "low", "high")),
            *(
                Field(f"kappa_{key}", f"kappa {key.replace('_', ' ')}", "measured")
                for key in kappas
            ),
        ),
        tuple(
            (
                *(row.name, row.rule, row.with_it, row.without, row.j_with, row.j_without),
                *(row.difference, row.low, row.high),
                *row.kappas,
            )
            for row in losses.attributes
        ),
    )


def _speed_tables(content: Content) -> Iterator[Table]:
    speed, timing = content.speed, content.timing
    if speed is None or timing is None:
        return
    where = f"{content.title} on {timing.kind}, {timing.machine}"
    fps = Field("fps", "FPS", "measured")
    yield Table(
        "conventions",
        f"Frames per second under several conventions, {where}",
        (_text("convention"), fps, _text("clock"), _text("counts")),
        tuple((row.name, row.fps, row.clock, row.counts) for row in speed.conventions),
    )
    yield Table(
        "clips",
        f"Frames per second over whole clips, start included, {where}",
        (_count("frames"), fps),
        tuple((row.frames, row.fps) for row in speed.clips),
    )
    yield Table(
        "streaming",
        f"Frames that arrive at a fixed rate, {where}",
        (
            _count("rate"),
            Field("segmented", "segmented (%)", "points"),
            Field("on_time", "in time (%)", "points"),
            Field("age", "mean age (frames)", "measured"),
        ),
        tuple((int(row.rate), row.processed, row.on_time, row.age) for row in speed.streaming),
    )


def _text(key: str) -> Field:
    return Field(key, key.replace("_", " "))


def _count(key: str) -> Field:
    return Field(key, key.replace("_", " "), "count")
