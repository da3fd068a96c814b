"""Numbers from Datasets: every function here takes a Dataset and returns one flat table.

Leaves drawing to `actcore.views`.
"""

from actcore.analysis.peaks import Order, peaks, token_features
from actcore.analysis.prompts import Specials
from actcore.analysis.strips import (
    Scale,
    feature_by_token,
    feature_strips,
    histogram,
    prompt_strips,
)

__all__ = [
    "Order",
    "Scale",
    "Specials",
    "feature_by_token",
    "feature_strips",
    "histogram",
    "peaks",
    "prompt_strips",
    "token_features",
]
