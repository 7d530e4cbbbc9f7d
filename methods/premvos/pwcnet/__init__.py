"""PWC-Net in plain PyTorch, for the official checkpoint."""

from .matching import cost_volume, warp_features
from .network import COARSEST, FINEST, PWCNet
from .pipeline import FlowEstimator, load_pwcnet
from .resize import resize_image

__all__ = [
    "COARSEST",
    "FINEST",
    "FlowEstimator",
    "PWCNet",
    "cost_volume",
    "load_pwcnet",
    "resize_image",
    "warp_features",
]
