"""The training recipe that the trainable methods share.

Static images and video become pairs of template and search crops with the state that inference
would have; a method joins by implementing `Trainable`. `train_dmvos` is DMVOS trained so.
"""

from .clips import ArrayClip, Clip, FolderClip, FrameCache
from .config import (
    LossWeights,
    OptimiserConfig,
    Phase,
    SamplingConfig,
    TrainConfig,
    default_phases,
    full_size_phases,
)
from .recipes import run_recipe, train_dmvos
from .sampling import PairBatch, Sampler
from .sources import TrainData, VideoSource, davis_source, open_data, youtube_vos_source
from .trainable import ParameterGroup, Tracker, Trainable
from .trainer import ProgressEvent, TrainResult, train
from .validate import ClipScore, Validation, validate

__all__ = [
    "ArrayClip",
    "Clip",
    "ClipScore",
    "FolderClip",
    "FrameCache",
    "LossWeights",
    "OptimiserConfig",
    "PairBatch",
    "ParameterGroup",
    "Phase",
    "ProgressEvent",
    "Sampler",
    "SamplingConfig",
    "Tracker",
    "TrainConfig",
    "TrainData",
    "TrainResult",
    "Trainable",
    "Validation",
    "VideoSource",
    "davis_source",
    "default_phases",
    "full_size_phases",
    "open_data",
    "run_recipe",
    "train",
    "train_dmvos",
    "validate",
    "youtube_vos_source",
]
