"""`vosbench train`: train a method that ships a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli.common import (
    CompileOption,
    DeviceOption,
    JsonOption,
    PrecisionOption,
    note,
    print_json,
    verb,
)
from vosbench.errors import InterruptedRun, UsageError

if TYPE_CHECKING:
    from vosbench.types import TrainEvent

__all__ = ["train"]


@verb
def train(
    method: Annotated[str, typer.Argument(help="Name of a method with a training recipe.")],
    *,
    data: Annotated[
        list[str],
        typer.Option("--data", help="NAME=ROOT: davis2016, davis2017 or youtube-vos; repeatable."),
    ],
    stills: Annotated[
        list[Path] | None,
        typer.Option("--stills", help="Folder of images with polygon labels; repeatable."),
    ] = None,
    hold_out: Annotated[
        list[str] | None,
        typer.Option("--hold-out", help="Training sequence to validate on; repeatable."),
    ] = None,
    encoder: Annotated[
        Path | None, typer.Option("--encoder", help="ImageNet encoder to start from.")
    ] = None,
    initial: Annotated[
        Path | None, typer.Option("--initial", help="The method's own weights to go on from.")
    ] = None,
    steps: Annotated[int | None, typer.Option("--steps", min=1, help="Optimiser steps.")] = None,
    budget_minutes: Annotated[
        float | None, typer.Option("--budget-minutes", help="Active minutes, in place of --steps.")
    ] = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    compile_: CompileOption = False,
    seed: Annotated[int, typer.Option("--seed", help="Seed of sampling and new layers.")] = 0,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Also write TensorBoard events.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Ignore a checkpoint in the output folder.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of checkpoints; default checkpoints/METHOD."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Train a method; the same command goes on from its last checkpoint.

    Ends with the path of weights that `vosbench run --weights` takes.
    """
    from vosbench.data import cache_folder
    from vosbench.engine.device import resolve_device, resolve_precision
    from vosbench.plugins import find_method
    from vosbench.timing import working_on
    from vosbench.types import TrainOptions

    found = find_method(method)
    if found.plugin.train is None:
        raise UsageError(f"method {method!r} has no training recipe")
    capabilities = found.card.capabilities
    resolved = resolve_device(device, capabilities)
    options = TrainOptions(
        out=out or Path("checkpoints") / method,
        videos=dict(_named_root(text) for text in data),
        stills=tuple(stills or ()),
        held_out=tuple(hold_out or ()),
        encoder=encoder,
        initial=initial,
        steps=steps,
        budget_minutes=budget_minutes,
        device=resolved,
        precision=resolve_precision(precision, resolved, capabilities),
        compile=compile_,
        seed=seed,
        tensorboard=tensorboard,
        resume=not fresh,
    )
    try:
        with working_on(resolved, cache_folder() / "locks"):
            outcome = found.plugin.train(options, _tell)
    except KeyboardInterrupt as error:
        raise InterruptedRun(
            "stopped; the last checkpoint is kept", hint="the same command goes on from it"
        ) from error
    if json:
        print_json(
            {
                "weights": str(outcome.weights),
                "checkpoint": str(outcome.checkpoint),
                "log": str(outcome.log),
                "steps": outcome.steps,
                "validation": dict(outcome.validation),
            }
        )
    else:
        typer.echo(str(outcome.weights))


def _named_root(text: str) -> tuple[str, Path]:
    name, separator, root = text.partition("=")
    if not separator or not root:
        raise UsageError(f"--data {text!r} is not of the form NAME=ROOT")
    return name, Path(root)


def _tell(event: TrainEvent) -> None:
    values = ", ".join(f"{name} {value:.4g}" for name, value in event.values.items())
    where = f" {event.path}" if event.path else ""
    note(f"  {100 * event.progress:5.1f} %  step {event.step}  {event.kind}{where}  {values}")
