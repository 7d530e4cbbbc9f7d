"""How fast a large report opens: 30 sequences, 2,000 frames, all with frames to step through.

    python tests/bench/report_page.py [--frames N] [--sequences N] [--objects N]

The run is made up; pictures are small, since a page that opens loads none of them. Times are those
that the browser tells of itself, from the start of the navigation, median of 5 visits.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from playwright.sync_api import sync_playwright

from vosbench.report import write_report
from vosbench.store import RunPaths, write_record, write_table
from vosbench.store.schema import (
    FRAME_COLUMNS,
    DataRecord,
    MethodRecord,
    ObjectScore,
    RunRecord,
    ScoreRecord,
    SequenceRecord,
    SettingsRecord,
    Summary,
)
from vosbench.types import FrameRef, Sequence

SIZE = (36, 64)
VISITS = 5
LONGEST_MS = 2000


def main() -> int:
    """Print the times; 1 if the page opens too slowly."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sequences", type=int, default=30)
    parser.add_argument("--frames", type=int, default=2000, help="of all sequences together")
    parser.add_argument("--objects", type=int, default=2, help="of each sequence")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        names = [f"clip-{number:02d}" for number in range(asked.sequences)]
        length = -(-asked.frames // asked.sequences)
        report = _drawn(root, names, length, asked.objects)
        page = report.stat().st_size
        files = sum(1 for path in report.parent.rglob("*") if path.is_file())
        interactive, loaded = _visited(report)
    sys.stdout.write(
        f"{len(names)} sequences, {length * len(names)} frames, {asked.objects} objects each: page "
        f"{page / 1e6:.2f} MB, {files} files; interactive after {interactive:.0f} ms, loaded after "
        f"{loaded:.0f} ms\n"
    )
    return int(loaded > LONGEST_MS)


def _visited(report: Path) -> tuple[float, float]:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(path for name in names if (path := shutil.which(name)))
    times = []
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu"]
        )
        for _ in range(VISITS):
            page = browser.new_page()
            page.goto(report.as_uri())
            entry = "performance.getEntriesByType('navigation')[0]"
            times.append(page.evaluate(f"[{entry}.domInteractive, {entry}.loadEventEnd]"))
            page.close()
        browser.close()
    interactive, loaded = (statistics.median(column) for column in zip(*times, strict=True))
    return interactive, loaded


def _drawn(root: Path, names: list[str], length: int, objects: int) -> Path:
    run = root / "run"
    paths = RunPaths(run)
    random = np.random.default_rng(0)
    ids = list(range(1, objects + 1))
    figures = dict.fromkeys(
        ("J&F-Mean", "J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay"), 0.5
    )
    write_record(
        paths.run,
        RunRecord(
            run_id="made-up",
            status="complete",
            created="2020-10-12T08:00:00Z",
            vosbench_version="0",
            method=MethodRecord(name="made-up"),
            data=DataRecord(
                dataset="made-up",
                split="val",
                protocol="davis2017",
                root=str(root),
                sequences=names,
                frames=length * len(names),
                manifest_sha256="0" * 64,
            ),
            settings=SettingsRecord(device="cpu", precision="fp32", threads=1),
        ),
    )
    for name in names:
        record = SequenceRecord(
            sequence=name,
            status="complete",
            frames=length,
            object_ids=ids,
            height=SIZE[0],
            width=SIZE[1],
            run_key="k",
        )
        write_record(paths.sequence(name), record)
    write_record(
        paths.scores,
        ScoreRecord(
            protocol="davis2017",
            dataset="made-up",
            split="val",
            **{"global": Summary(**figures)},
            objects={
                f"{name}_{i}": ObjectScore(
                    sequence=name, object_id=i, evaluated_frames=length, **figures
                )
                for name in names
                for i in ids
            },
            sequences={name: Summary(**figures) for name in names},
            frames_evaluated=length * len(names) * objects,
        ),
    )
    write_table(paths.frames, _table(names, length, ids, random))
    videos = {one.name: one for one in _videos(root, paths, names, length, ids)}
    return write_report(run, sequences=videos, frames="all").html


def _table(
    names: list[str], length: int, ids: list[int], random: np.random.Generator
) -> pd.DataFrame:
    rows = [
        (name, i, at, f"{at:05d}", 0 < at < length - 1, *random.random(2), *[0] * 6)
        for name in names
        for i in ids
        for at in range(length)
    ]
    return pd.DataFrame(rows, columns=list(FRAME_COLUMNS))


def _videos(
    root: Path, paths: RunPaths, names: list[str], length: int, ids: list[int]
) -> Iterator[Sequence]:
    labels = np.zeros(SIZE, np.uint8)
    labels[8:20, 8:30] = 1
    picture, image = root / "mask.png", root / "image.jpg"
    Image.fromarray(labels).save(picture)
    Image.fromarray(np.full((*SIZE, 3), 90, np.uint8)).save(image)
    for name in names:
        masks = paths.sequence_masks(name)
        masks.mkdir(parents=True)
        frames = []
        for at in range(length):
            (masks / f"{at:05d}.png").symlink_to(picture)
            frames.append(FrameRef(f"{at:05d}", image, picture))
        yield Sequence(
            dataset="made-up",
            split="val",
            name=name,
            frames=tuple(frames),
            height=SIZE[0],
            width=SIZE[1],
            object_ids=tuple(ids),
            label_kind="ids",
        )


if __name__ == "__main__":
    sys.exit(main())
