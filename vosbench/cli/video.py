"""`vosbench video`: runs side by side, or the failures of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vosbench.cli.common import DataOption, JsonOption, SequencesOption, note, print_json, verb
from vosbench.errors import UsageError

__all__ = ["video"]

_FASTEST = 120.0


@verb
def video(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run directories.")],
    data: DataOption = None,
    *,
    sequences: SequencesOption = None,
    reel: Annotated[
        bool, typer.Option("--reel", help="The failures of the first run instead of all frames.")
    ] = False,
    most: Annotated[
        int | None, typer.Option("--most", min=1, help="With --reel: how many failures; 6.")
    ] = None,
    context: Annotated[
        int | None,
        typer.Option("--context", min=0, help="With --reel: frames before and after; 12."),
    ] = None,
    h264: Annotated[
        bool, typer.Option("--h264", help="H.264 in MP4 instead of VP9 in WebM.")
    ] = False,
    fps: Annotated[float, typer.Option("--fps", help="Frames per second.")] = 12.0,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder; default: videos/ of the first run.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Draw runs beside input and ground truth, or the failures that cost a run most."""
    from dataclasses import asdict

    from vosbench.store import read_run
    from vosbench.video import (
        CONTEXT_FRAMES,
        Codec,
        load_runs,
        write_comparison_videos,
        write_failure_reel,
    )
    from vosbench.video.encode import load_av
    from vosbench.workflow import open_run_data

    if not 0 < fps <= _FASTEST:
        raise UsageError(f"--fps {fps:g}: give a number above 0 and up to {_FASTEST:g}")
    if not reel and (most is not None or context is not None):
        raise UsageError("--most and --context go with --reel")
    if len({run.resolve() for run in runs}) < len(runs):
        raise UsageError("a run is named twice")
    load_av()
    load_runs(runs)
    opened = open_run_data(read_run(runs[0]), data, need_images=True)
    clips = {clip.name: clip for clip in opened.sequences}
    codec: Codec = "h264" if h264 else "vp9"

    def told(name: str, done: int, total: int) -> None:
        note(f"  [{done}/{total}] {name}")

    if reel:
        made = write_failure_reel(
            runs,
            clips,
            folder=out,
            sequences=sequences,
            codec=codec,
            fps=fps,
            most=most or 6,
            context=CONTEXT_FRAMES if context is None else context,
            progress=told,
        )
    else:
        made = write_comparison_videos(
            runs, clips, folder=out, sequences=sequences, codec=codec, fps=fps, progress=told
        )
    for name, why in made.left_out.items():
        note(f"left out: {name}: {why}")
    if json:
        videos = [asdict(one) for one in made.videos]
        print_json({"folder": str(made.folder), "videos": videos, "left_out": dict(made.left_out)})
    else:
        typer.echo(str(made.manifest))
