"""What a method tells of itself is kept as far as it is as documented."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vosbench.store import SelfReport, read_self_report
from vosbench.store.selfreport import SELF_COLUMNS


def test_known_keys_become_columns(tmp_path: Path) -> None:
    report = SelfReport()
    report.add("00000", {})
    report.add(
        "00001",
        {
            "crop_box": {2: (-3.5, 1, 20, 30), 1: (0, 0, 4, 4)},
            "voted_centre": {1: (2.0, 2.5)},
            "empty_streak": {1: 0, 2: 3},
            "something": {1: "else"},
            "object_ids": (1, 2),
        },
    )
    path = tmp_path / "clip.self.parquet"
    report.write(path)
    table = read_self_report(path)
    assert table is not None
    assert tuple(table.columns) == SELF_COLUMNS
    assert table["object_id"].tolist() == [1, 2]
    assert table["crop_left"].tolist() == [0, -3.5]
    assert table["centre_y"].tolist()[0] == 2.5
    assert np.isnan(table["centre_x"][1])
    assert np.isnan(table["previous_x"]).all()
    assert table["empty_streak"].tolist() == [0, 3]


def test_what_is_not_as_documented_is_unknown(tmp_path: Path) -> None:
    report = SelfReport()
    report.add(
        "00001", {"crop_box": {1: (1, 2)}, "voted_centre": "middle", "empty_streak": {1: []}}
    )
    path = tmp_path / "clip.self.parquet"
    report.write(path)
    table = read_self_report(path)
    assert table is not None
    assert np.isnan(table[list(SELF_COLUMNS[2:])].to_numpy()).all()


def test_a_method_that_tells_nothing_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "clip.self.parquet"
    path.write_bytes(b"from an older run")
    report = SelfReport()
    report.add("00001", {"object_ids": (1,)})
    report.write(path)
    assert not path.exists()
    assert read_self_report(path) is None
