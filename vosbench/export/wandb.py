"""A run for Weights & Biases, offline: a folder that `wandb sync` sends when the user wants it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from vosbench.errors import UsageError
from vosbench.export.content import ExportedRun
from vosbench.report.text import plain

__all__ = ["WeightsAndBiases"]

_PROJECT: Final = "vosbench"


class WeightsAndBiases:
    """Writes an offline run: settings as its config, figures as its summary, scores by frame.

    Nothing is sent and no login is needed. What wandb would gather of the machine, the code and
    the user is turned off: the run's own record says what matters.
    """

    name = "wandb"

    def export(self, run: ExportedRun, out: Path) -> tuple[Path, ...]:
        """Write the folder.

        Raises:
            UsageError: wandb is not installed.
        """
        try:
            import wandb
        except ImportError as error:
            raise UsageError(
                f"this export needs wandb: {error}", hint="pip install 'vosbench[wandb]'"
            ) from error
        out.mkdir(parents=True, exist_ok=True)
        settings = wandb.Settings(
            mode="offline",
            console="off",
            disable_code=True,
            disable_git=True,
            disable_job_creation=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_save_requirements=False,
            host="vosbench",
            silent=True,
        )
        with _kept_apart(out):
            session = wandb.init(
                project=_PROJECT,
                # sent twice, it is one run
                id=plain(run.run.run_id)[:64],
                name=plain(run.name)[:120],
                dir=str(out),
                config=dict(run.settings()),
                settings=settings,
                reinit="create_new",
            )
            _log(wandb, session, run)
            folder = Path(session.dir).parent
            session.finish(exit_code=0)
        return tuple(sorted(folder.glob("*.wandb")))


@contextmanager
def _kept_apart(out: Path) -> Iterator[None]:
    """Keep wandb's own files out of the user's home while it works."""
    names = ("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR", "WANDB_MODE")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names[:-1], str(out)), WANDB_MODE="offline")
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _log(wandb: Any, session: Any, run: ExportedRun) -> None:
    session.define_metric("frame_index")
    session.define_metric("frames/*", step_metric="frame_index")
    steps: dict[int, dict[str, float]] = {}
    for one in run.frames():
        for name, value in (("J", one.j), ("F", one.f)):
            if value is not None:
                tag = f"frames/{plain(one.sequence)}/object-{one.object_id}/{name}"
                steps.setdefault(one.index, {})[tag] = value
    for index, values in sorted(steps.items()):
        session.log({"frame_index": index, **values})
    session.summary.update({name: value for name, value in run.summary().items()})
    for sequence, figures in run.sequences():
        session.summary.update(
            {f"sequence/{plain(sequence)}/{name}": value for name, value in figures.items()}
        )
    if run.pictures:
        from PIL import Image

        shown = {}
        for picture in run.pictures:
            with Image.open(picture.path, formats=("WEBP",)) as found:
                shown[f"worst/{picture.name}"] = wandb.Image(found.convert("RGB"))
        session.log(shown)
