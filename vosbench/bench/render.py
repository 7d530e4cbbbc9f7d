"""A measurement as text."""

from __future__ import annotations

from typing import Any, Final

from vosbench.bench.record import BenchRecord, MethodSpeed

__all__ = ["render_bench_markdown", "render_bench_terminal"]

_LARGE: Final = 10_000


def render_bench_terminal(record: BenchRecord) -> str:
    """The same as in Markdown: tables read well as they are."""
    return render_bench_markdown(record)


def render_bench_markdown(record: BenchRecord) -> str:
    """Headline, clips, stages, conventions, pairs, conditions."""
    label = record.methods[0].label
    parts = [
        f"# Speed on a {label}",
        _machine(record),
        "## Online latency, batch 1: RGB in host memory to label map in host memory",
        _headline(record),
        _clips(record),
        *(_stages(one) for one in record.methods),
        *(_objects(one) for one in record.methods if one.objects),
        *(_growth(one) for one in record.methods if one.growth),
        "## The same trace under others' stopwatches, frames per second",
        _conventions(record),
    ]
    if record.pairs:
        parts += ["## In turns", _pairs(record)]
    parts += ["## What makes these figures doubtful", _findings(record)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _number(value: Any, digits: int = 1) -> str:
    """With so many decimals, but two digits of what is smaller, and three of the very large."""
    if value is None:
        return "–"
    number = float(value)
    if 0 < abs(number) < 10 ** (1 - max(digits, 1)):
        return f"{number:.2g}"
    return f"{float(f'{number:.3g}'):.0f}" if abs(number) >= _LARGE else f"{number:.{digits}f}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _machine(record: BenchRecord) -> str:
    settings = record.conditions.get("settings", {})
    machine = record.hardware.get("gpu") or record.hardware.get("processor")
    sizes = ", ".join(sorted(set(record.resolution)))
    return (
        f"{record.methods[0].label}: {machine}, {settings.get('threads', '?')} threads; torch "
        f"{record.packages.get('torch', '?')}; {sizes} px; {len(record.sequences)} sequences of "
        f"{record.dataset} {record.split}, up to {record.frames} frames, {record.rounds} rounds in "
        f"blocks of {record.block}; load {_number(record.conditions.get('load'))}, others kept "
        f"{_number(record.conditions.get('others'))} processors busy."
    )


def _headline(record: BenchRecord) -> str:
    rows = []
    for one in record.methods:
        figures = one.summary
        bound = figures.get("step_ms_p90_bound")
        rows.append(
            [
                one.method,
                one.precision + (", compiled" if one.compile else ""),
                _number(figures.get("step_ms_p50")),
                _number(figures.get("step_ms_p90")),
                _number(figures.get("step_ms_p99")),
                _number(bound)
                + (f" ({figures['step_ms_p90_bound_discarded']})" if bound is not None else ""),
                _number(figures.get("step_fps"), 2),
                _number(one.start_ms_p50),
                _number(one.cold.get("extra_ms"), 0),
                _number(one.peak_mb.get("process"), 0),
                _number(one.peak_mb.get("allocated"), 0),
                _number(one.peak_mb.get("reserved"), 0),
            ]
        )
    head = ["method", "arithmetic", "p50 ms", "p90", "p99", "p90 bound (set aside)", "FPS"]
    head += ["first frame ms", "cold ms", "process MB", "allocated MB", "reserved MB"]
    return _table(head, rows) + (
        "\n\nFPS is 1000 / mean ms without the first frame of a clip, which is told apart. The "
        "bound is MLPerf's early-stopping estimate of the 90th percentile. Cold is what the "
        "warm-up cost more than the same frames warm."
    )


def _clips(record: BenchRecord) -> str:
    lengths = list(record.methods[0].summary.get("fps_of_clip", {}))
    rows = [
        [one.method, *(_number(one.summary["fps_of_clip"].get(n), 2) for n in lengths)]
        for one in record.methods
    ]
    return _table(["FPS with the first frame, N frames", *(f"N = {n}" for n in lengths)], rows)


def _stages(one: MethodSpeed) -> str:
    stages = one.summary.get("method_stages", {})
    if not stages:
        return f"{one.method} marks no stages of its own."
    rows = [
        [name, _number(ms["host_ms"], 2), _number(ms["device_ms"], 2)]
        for name, ms in stages.items()
    ]
    return _table([f"{one.method}: stage", "host ms a frame", "device ms a frame"], rows)


def _objects(one: MethodSpeed) -> str:
    cost = one.objects or {}
    medians = ", ".join(f"{n}: {_number(ms)} ms" for n, ms, _ in cost["medians"])
    return (
        f"{one.method} by number of made-up objects: {_number(cost['fixed_ms'])} ms + "
        f"{_number(cost['per_object_ms'])} ms × n (medians {medians}; the line misses one by up to "
        f"{100 * cost['worst_residual']:.0f} %)."
    )


def _growth(one: MethodSpeed) -> str:
    told = [
        f"{name.removesuffix('_mb').removesuffix('_ms')} {value:+.2f} "
        f"{'ms' if name.endswith('ms') else 'MB'}"
        for name, value in one.growth.items()
        if value is not None
    ]
    return f"{one.method} over {one.long_frames} frames, per 100 frames: {', '.join(told) or '–'}."


def _conventions(record: BenchRecord) -> str:
    first = record.methods[0].conventions
    rows = []
    for at, convention in enumerate(first):
        missing = convention["not_left_out"]
        counts = convention["counts"]
        if missing:
            counts += f" (not marked, so counted: {', '.join(missing)})"
        figures = [_number(one.conventions[at]["fps"], 2) for one in record.methods]
        rows.append([convention["name"], *figures, convention["clock"], counts])
    return _table(
        ["convention", *(one.method for one in record.methods), "clock", "what it counts"], rows
    )


def _pairs(record: BenchRecord) -> str:
    rows = []
    for pair in record.pairs:
        ends = f"[{_number(pair.low, 3)}, {_number(pair.high, 3)}]"
        rows.append(
            [
                f"{pair.candidate} / {pair.baseline}",
                _number(pair.ratio, 3),
                ends,
                str(pair.pairs),
                pair.verdict,
                pair.reason,
            ]
        )
    text = _table(["times", "ratio of medians", "95 %", "pairs", "verdict", "why"], rows)
    noise = [
        f"{one.method} {_number(one.noise.get('ratio'), 3)} "
        f"[{_number(one.noise.get('low'), 3)}, {_number(one.noise.get('high'), 3)}]"
        for one in record.methods
    ]
    return (
        text + "\n\nEvery second block of a method against the others (noise): " + "; ".join(noise)
    )


def _findings(record: BenchRecord) -> str:
    return "\n".join(f"- {line}" for line in record.findings) or "Nothing was found."
