"""Weight files: what methods have, converting them to safetensors, and telling the right ones."""

from __future__ import annotations

from vosbench.weights.convert import Converted, convert_weights
from vosbench.weights.listing import ListedWeights, list_weights
from vosbench.weights.verify import verify_weights

__all__ = ["Converted", "ListedWeights", "convert_weights", "list_weights", "verify_weights"]
