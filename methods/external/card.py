"""The table `[program]` of a card: how a program is called, and where its masks are.

Texts may hold placeholders in braces: those of `PLACEHOLDERS`, and every parameter of the card by
its name. `{{` and `}}` stand for braces. Nothing is ever given to a shell, so no text needs quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from vosbench.data.masks import MaskLayoutKind
from vosbench.errors import InputError
from vosbench.key_problems import key_problems
from vosbench.method_card import MethodCard

__all__ = ["PLACEHOLDERS", "Program", "filled", "load_program"]

PLACEHOLDERS: Final[Mapping[str, str]] = {
    "scratch": "an empty folder for this process, removed after the run",
    "davis": "in it, a tree laid out as DAVIS-2017 with the sequences of this process",
    "images": "in that tree, the folder of image folders",
    "annotations": "in that tree, the folder of mask folders: first frames, and those on which an "
    "object starts if the program takes late objects",
    "image_set": "text file with the names of the sequences, one a line",
    "sequence": "name of the sequence, where the program is started for each",
    "output": "in the scratch folder, an empty folder for masks",
    "weights": "what --weights named",
    "device": "cpu or cuda:N",
    "device_index": "N, or -1 for the CPU",
    "visible_device": "what CUDA_VISIBLE_DEVICES must be for a program to see that device alone",
    "seed": "what --seed said",
    "card": "folder of the card",
}

_FIELD: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class Program(BaseModel):
    """How to run a program; see `docs/external-programs.md`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: tuple[str, ...] = Field(min_length=1, description="the words, program first")
    granularity: Literal["set", "sequence"] = Field(
        default="set", description="one process for all sequences, or one for each"
    )
    working_directory: str = "{scratch}"
    output: str = Field(
        default="{output}",
        description="where the masks are in the end; * stands for one folder of any name",
    )
    layout: MaskLayoutKind = "auto"
    timeout_s: float = Field(default=3600.0, gt=0, description="of one process")
    environment: dict[str, str] = Field(default_factory=dict)
    pass_environment: tuple[str, ...] = Field(
        default=(), description="variables of the caller that the program gets beside the usual"
    )
    folders: tuple[str, ...] = Field(default=(), description="empty folders to make in scratch")
    copies: dict[str, str] = Field(default_factory=dict, description="scratch path: what to copy")
    links: dict[str, str] = Field(
        default_factory=dict,
        description="scratch path: what to link there; a path `x/*` links every entry into x",
    )
    lists: dict[str, str] = Field(
        default_factory=dict,
        description="scratch path: a line for each sequence, in which {sequence} is its name",
    )
    palette_sequences: tuple[str, ...] = Field(
        default=(), description="sequences whose first mask the program reads for its palette"
    )
    frame_names: Literal["own", "numbered"] = Field(
        default="own", description="numbered: 00000, 00001, ... whatever the data call them"
    )
    image_suffix: str = Field(default="", pattern=r"^(\.[a-z]+)?$")
    mask_values: Literal["ids", "0-255"] = "ids"
    sources: tuple[str, ...] = Field(
        default=("**/*.py",),
        description="files below {repository} whose change means another program",
    )
    keep_finished: bool = Field(
        default=False,
        description="keep whole sequences of a process that failed; only for programs that write "
        "each mask once",
    )
    fps_pattern: str = Field(default="", description="with one group: the program's own FPS")
    commit: str = Field(default="", description="revision that the card was written for")
    tried: bool = Field(default=False, description="whether this program was run with this card")

    @field_validator("folders", "copies", "links", "lists")
    @classmethod
    def _inside(cls, paths: tuple[str, ...] | dict[str, str]) -> tuple[str, ...] | dict[str, str]:
        for text in paths:
            path = PurePosixPath(text)
            if path.is_absolute() or ".." in path.parts or not path.parts:
                raise ValueError(f"{text!r} is no path inside the scratch folder")
        return paths

    @field_validator("fps_pattern")
    @classmethod
    def _one_group(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
        if pattern and groups != 1:
            raise ValueError(f"{pattern!r} has {groups} groups; one is needed, around the number")
        return pattern

    def texts(self) -> tuple[str, ...]:
        """Every text that may hold placeholders."""
        return (
            *self.command,
            self.working_directory,
            self.output,
            *self.environment.values(),
            *self.copies.values(),
            *self.links.values(),
        )

    def uses(self, name: str) -> bool:
        """Whether a placeholder occurs."""
        return name in {found for text in self.texts() for found in _names(text)}


def _names(text: str) -> Iterable[str]:
    return (match[1] for match in _FIELD.finditer(text) if match[1] is not None)


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with placeholders replaced; what they stand for is not looked at again.

    Raises:
        ValueError: for an unknown placeholder or a single brace.
    """

    def one(match: re.Match[str]) -> str:
        if match[0] in ("{{", "}}"):
            return match[0][0]
        if match[1] is None:
            raise ValueError(f"{text!r} has a single {match[0]!r}; write it twice")
        if match[1] not in values:
            raise ValueError(f"{text!r} has the unknown placeholder {match[0]}")
        return values[match[1]]

    return _FIELD.sub(one, text)


def load_program(path: Path, card: MethodCard) -> Program:
    """The table `[program]` of a card, checked.

    Raises:
        InputError: naming the card and what is wrong.
    """
    try:
        program = Program.model_validate(card.program)
    except ValidationError as error:
        problems = "; ".join(key_problems(error, Program, below=("program",)))
        raise InputError(
            f"card {path} is wrong: {problems}",
            hint="docs/external-programs.md describes the table [program]",
        ) from error
    taken = sorted(PLACEHOLDERS.keys() & card.parameters.keys())
    if taken:
        raise InputError(
            f"card {path} is wrong: parameter {taken[0]!r} is called like a placeholder",
            hint=f"placeholders are {', '.join(PLACEHOLDERS)}",
        )
    known = dict.fromkeys((*PLACEHOLDERS, *card.parameters), "")
    if program.granularity == "set":
        del known["sequence"]
    try:
        for text in program.texts():
            filled(text, known)
        for text in program.lists.values():
            filled(text, known | {"sequence": ""})
    except ValueError as error:
        raise InputError(
            f"card {path} is wrong: {error}", hint=f"placeholders are {', '.join(known)}"
        ) from error
    return program
