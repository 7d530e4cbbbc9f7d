"""The page and the Markdown text of a report: what templates are given."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from vosbench import __version__
from vosbench.report.card import analysis_card
from vosbench.report.content import Content
from vosbench.report.curves import PLOT
from vosbench.report.events import GROUP_TITLES, Span
from vosbench.report.palette import object_colour, palette_css
from vosbench.report.source import RunSource
from vosbench.report.templates import (
    asset_text,
    csp_hash,
    html_environment,
    markdown_environment,
)
from vosbench.report.text import json_for_html
from vosbench.report.worst import APART, PER_SEQUENCE

__all__ = ["render_markdown", "render_page"]

_LAYER_TITLES: Final = {
    "prediction": "Prediction",
    "truth": "True outline",
    "errors": "Errors",
    "soft": "Soft masks",
    "told": "Window and centre",
}


_MOST_FAILURES: Final = 20
"""Listed in Markdown; the page has all."""


def render_page(source: RunSource, content: Content, spans: Mapping[str, tuple[Span, ...]]) -> str:
    """`index.html`."""
    css = asset_text("shared/style.css") + palette_css()
    script = asset_text("shared/page.js") + asset_text("run/viewer.js")
    policy = (
        "default-src 'none'; img-src 'self' file:; media-src 'self' file:; "
        f"style-src {csp_hash(css)}; script-src {csp_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        html_environment()
        .get_template("run/page.html.j2")
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
            frames_of={one.name: one for one in content.frames.sequences},
            viewer_json=_viewer_json(source, content, spans),
            span_groups=_told_groups(spans),
            curve_anchors={curve.anchor for curve in content.curves},
            layer_titles=_LAYER_TITLES,
            made_elsewhere=source.run.method.name.startswith("precomputed"),
            plot=PLOT,
            card=analysis_card(),
            per_sequence=PER_SEQUENCE,
            apart=APART,
        )
    )


def _viewer_json(
    source: RunSource, content: Content, spans: Mapping[str, tuple[Span, ...]]
) -> dict[str, str]:
    if not content.frames.sequences:
        return {}
    from vosbench.report.viewer import viewer_data

    return {
        one.anchor: json_for_html(
            viewer_data(one, source.curves.get(one.name, ()), spans.get(one.name, ()))
        )
        for one in content.frames.sequences
    }


def _told_groups(spans: Mapping[str, tuple[Span, ...]]) -> dict[str, str]:
    """Groups of events that occur in the run, with their titles, in the order of the lanes."""
    told = {span.group for found in spans.values() for span in found}
    return {group: title for group, title in GROUP_TITLES.items() if group in told}


def render_markdown(source: RunSource, content: Content) -> str:
    """`report.md`."""
    card = analysis_card()
    return (
        markdown_environment()
        .get_template("run/report.md.j2")
        .render(
            **_shared(source, content),
            card=card,
            most_failures=_MOST_FAILURES,
            named_right=sum(one.named.get(one.intended, 0) for one in card.faults),
        )
    )


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
