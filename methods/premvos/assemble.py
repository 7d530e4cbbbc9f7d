"""Makes the back ends that the parameters name."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from vosbench.errors import InputError, UsageError
from vosbench.types import BuildOptions

from .backends import (
    BackEnds,
    BorrowedEmbeddings,
    FlowFiles,
    IdentityRefiner,
    NoEmbeddings,
    NoProposals,
    ProposalFiles,
    TVL1Flow,
    folder_digest,
    official_folders,
)
from .parameters import Parameters

__all__ = ["Assembled", "assemble"]

_FUNCTIONS: Final = {
    "proposals": ("propose",),
    "refiner": ("refine",),
    "embedder": ("embed", "embed_proposals"),
    "flow": ("flow",),
}


@dataclass(frozen=True)
class Assembled:
    """Back ends, and what they were made of.

    Attributes:
        back_ends: in use.
        by_frame_name: whether something is found by the names of frames.
        contents: each gives the digest of a file or folder that decides the masks. They are taken
            when they are asked for: flows of a data set take many gigabytes.
        weights_path: file of `--weights`, if it is used.
    """

    back_ends: BackEnds
    by_frame_name: bool
    contents: tuple[Callable[[], str], ...]
    weights_path: Path | None


def assemble(options: BuildOptions, parameters: Parameters) -> Assembled:
    """Make all four back ends.

    Raises:
        UsageError: one is unknown, or lacks what it needs.
        InputError: a file or folder cannot be used.
    """
    workshop = _Workshop(options, parameters)
    made = {kind: workshop.make(kind) for kind in _FUNCTIONS}
    if options.weights is not None and not workshop.weights_used:
        raise UsageError(
            "--weights is the checkpoint of PWC-Net, and no back end in use is PWC-Net",
            hint="leave it out, or choose flow.source=pwcnet",
        )
    return Assembled(
        BackEnds(**made),
        any(getattr(one, "by_frame_name", False) for one in made.values()),
        tuple(workshop.contents),
        options.weights,
    )


class _Workshop:
    """Makes back ends and keeps account of the files they are made of."""

    def __init__(self, options: BuildOptions, parameters: Parameters) -> None:
        self._options = options
        self._parameters = parameters
        self.contents: list[Callable[[], str]] = []
        self.weights_used = False

    def make(self, kind: str) -> Any:
        """The back end of a kind."""
        name: str = getattr(self._parameters, kind)
        own = self._own(kind)
        if name in own:
            return own[name]()
        if ":" in name:
            return self._foreign(kind, name)
        raise UsageError(
            f"{kind}.source is {name!r}; expected one of {', '.join(own)}, or module:factory"
        )

    def _own(self, kind: str) -> Mapping[str, Callable[[], object]]:
        every: dict[str, dict[str, Callable[[], object]]] = {
            "proposals": {
                "files": self._proposal_files,
                "none": NoProposals,
                "transformers": self._instances,
            },
            "refiner": {"identity": IdentityRefiner},
            "embedder": {
                "borrowed": lambda: BorrowedEmbeddings(self._parameters.least_borrowed),
                "none": NoEmbeddings,
                "resnet": self._resnet,
            },
            "flow": {"files": self._flow_files, "pwcnet": self._pwcnet, "tvl1": TVL1Flow},
        }
        return every[kind]

    def _foreign(self, kind: str, name: str) -> object:
        module, _, factory = name.partition(":")
        try:
            home = importlib.import_module(module)
            make = getattr(home, factory)
        except (ImportError, AttributeError, ValueError) as error:
            raise UsageError(f"{kind}.source {name!r} cannot be imported: {error}") from error
        made: object = make(self._options)
        lacking = [one for one in _FUNCTIONS[kind] if not callable(getattr(made, one, None))]
        if lacking:
            raise UsageError(
                f"{kind}.source {name!r} made a {type(made).__name__} without {lacking[0]}()",
                hint="vosbench_methods.premvos.backends.protocols states what a back end is",
            )
        self.contents.append(lambda: str(getattr(made, "content_sha256", "")))
        source = getattr(home, "__file__", None)
        if source is not None:
            self.contents.append(partial(_file_digest, Path(source)))
        return made

    def _proposal_files(self) -> object:
        folders = official_folders(self._parameters.files_proposals, "files.proposals")
        self.contents.append(lambda: folder_digest(folders))
        return ProposalFiles(folders, strict=self._parameters.files_strict)

    def _flow_files(self) -> object:
        folders = official_folders(self._parameters.files_flow, "files.flow")
        if len(folders) > 1:
            raise UsageError("files.flow names several folders; flows come from one")
        self.contents.append(lambda: folder_digest(folders))
        return FlowFiles(folders[0], strict=self._parameters.files_strict)

    def _pwcnet(self) -> object:
        import torch

        from .backends.networks import PWCNetFlow

        path = self._options.weights
        self.weights_used = path is not None
        if self._parameters.pwcnet_weights:
            if path is not None:
                raise UsageError("--weights and flow.weights both name PWC-Net's checkpoint")
            path = Path(self._parameters.pwcnet_weights).expanduser()
        if path is None:
            raise InputError(
                "PWC-Net has no weights: none may be shipped with this package",
                hint="name NVIDIA's pwc_net.pth.tar (CC BY-NC-SA 4.0) with --weights",
            )
        made = PWCNetFlow(path, torch.device(self._options.device))
        self.contents.append(partial(_file_digest, path))
        return made

    def _resnet(self) -> object:
        import torch

        from ..dmvos.method import SHIPPED_WEIGHTS
        from ..dmvos.weights import load_weights
        from .backends.networks import ResNetEmbedder, load_encoder

        device = torch.device(self._options.device)
        if self._parameters.resnet_weights:
            path = Path(self._parameters.resnet_weights).expanduser()
            made = ResNetEmbedder(load_encoder(path), device, f"with {path.name}")
        else:
            path = SHIPPED_WEIGHTS
            made = ResNetEmbedder(load_weights(path).encoder, device, "the encoder of DMVOS")
        self.contents.append(partial(_file_digest, path))
        return made

    def _instances(self) -> object:
        import torch

        from .backends.instances import InstanceProposals, Limits

        if not self._parameters.model:
            raise InputError(
                "proposals.model names no folder",
                hint="add --set proposals.model=FOLDER, as save_pretrained() writes it",
            )
        folder = Path(self._parameters.model).expanduser()
        limits = Limits(
            self._parameters.least_score, self._parameters.most_overlap, self._parameters.most
        )
        made = InstanceProposals(folder, torch.device(self._options.device), limits)
        for file in sorted(folder.iterdir()):
            if file.suffix in {".json", ".safetensors"}:
                self.contents.append(partial(_file_digest, file))
        return made


def _file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
