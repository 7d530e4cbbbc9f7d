"""A run as TensorBoard events, written without TensorFlow or torch; same run, same bytes."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from vosbench.errors import UsageError
from vosbench.export.content import ExportedPicture, ExportedRun
from vosbench.report.text import plain
from vosbench.store.atomic import write_bytes

__all__ = ["TensorBoard"]

_FILE: Final = "events.out.tfevents.0000000000.vosbench"
_LONGEST_TAG: Final = 200


class TensorBoard:
    """Writes an event file: scalars, settings for the tab HPARAMS, and the worst frames.

    Tags: `summary/<figure>`; `sequence/<name>/<figure>`; `frames/<sequence>/object-<id>/J` and `F`,
    whose step is the position of the frame; `worst/<picture>`. Undefined scores are left out, which
    TensorBoard draws as a gap.
    """

    name = "tensorboard"

    def export(self, run: ExportedRun, out: Path) -> tuple[Path, ...]:
        """Write the file.

        Raises:
            UsageError: TensorBoard is not installed.
        """
        try:
            from tensorboard.summary.writer.record_writer import RecordWriter
        except ImportError as error:
            raise UsageError(
                f"this export needs TensorBoard: {error}",
                hint="pip install 'vosbench[tensorboard]'",
            ) from error
        content = io.BytesIO()
        writer = RecordWriter(content)
        for event in _events(run):
            writer.write(event.SerializeToString(deterministic=True))
        path = out / _FILE
        write_bytes(path, content.getvalue())
        return (path,)


def _events(run: ExportedRun) -> Iterable[Any]:
    from tensorboard.compat.proto.event_pb2 import Event

    time = run.time
    yield Event(wall_time=time, file_version="brain.Event:2")
    for summary in _settings(run):
        yield Event(wall_time=time, step=0, summary=summary)
    for name, value in run.summary().items():
        yield _scalar(time, 0, f"summary/{name}", value)
    for sequence, values in run.sequences():
        for name, value in values.items():
            yield _scalar(time, 0, f"sequence/{sequence}/{name}", value)
    for one in run.frames():
        for name, found in (("J", one.j), ("F", one.f)):
            if found is not None:
                tag = f"frames/{one.sequence}/object-{one.object_id}/{name}"
                yield _scalar(time, one.index, tag, found)
    for picture in run.pictures:
        yield _image(time, picture)


def _tag(text: str) -> str:
    return plain(text)[:_LONGEST_TAG]


def _scalar(time: float, step: int, tag: str, value: float) -> Any:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    value_of = Summary.Value(tag=_tag(tag), simple_value=value)
    return Event(wall_time=time, step=step, summary=Summary(value=[value_of]))


def _image(time: float, picture: ExportedPicture) -> Any:
    from PIL import Image
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    with Image.open(picture.path, formats=("WEBP",)) as found:
        image = found.convert("RGB")
    content = io.BytesIO()
    # TensorBoard shows PNG, JPEG and GIF
    image.save(content, "PNG")
    shown = Summary.Image(height=image.height, width=image.width, colorspace=3)
    shown.encoded_image_string = content.getvalue()
    value_of = Summary.Value(tag=_tag(f"worst/{picture.name}"), image=shown)
    return Event(wall_time=time, step=0, summary=Summary(value=[value_of]))


def _settings(run: ExportedRun) -> Iterable[Any]:
    """Settings and the figure that runs are sorted by, for the tab HPARAMS."""
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2, summary_v2

    settings = run.settings()
    kinds = {bool: api_pb2.DATA_TYPE_BOOL, str: api_pb2.DATA_TYPE_STRING}
    experiment = api_pb2.Experiment(
        hparam_infos=[
            api_pb2.HParamInfo(
                name=_tag(name), type=kinds.get(type(value), api_pb2.DATA_TYPE_FLOAT64)
            )
            for name, value in settings.items()
        ],
        metric_infos=[
            api_pb2.MetricInfo(name=api_pb2.MetricName(tag=f"summary/{name}"))
            for name in run.summary()
        ],
    )
    start = plugin_data_pb2.SessionStartInfo(group_name=run.run.run_id, start_time_secs=run.time)
    for name, value in settings.items():
        given = start.hparams[_tag(name)]
        if isinstance(value, bool):
            given.bool_value = value
        elif isinstance(value, str):
            given.string_value = plain(value)
        else:
            given.number_value = float(value)
    end = plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=run.time)
    for tag, part in (
        (metadata.EXPERIMENT_TAG, {"experiment": experiment}),
        (metadata.SESSION_START_INFO_TAG, {"session_start_info": start}),
        (metadata.SESSION_END_INFO_TAG, {"session_end_info": end}),
    ):
        data = plugin_data_pb2.HParamsPluginData(**part)
        yield summary_v2._summary_pb(tag, data)
