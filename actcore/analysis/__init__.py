"""Numbers from Datasets: every function here takes a Dataset and returns one flat table.

Leaves drawing to `actcore.views`.
"""

from actcore.analysis.alignment import Align, aligned, closer, layer_difference
from actcore.analysis.arrange import (
    FeatureOrder,
    GroupOrder,
    arranged_features,
    arranged_groups,
    feature_sources,
    found,
)
from actcore.analysis.effects import group_effects
from actcore.analysis.group_prompts import group_prompts, prompt_counts
from actcore.analysis.groups import Reduce, group_names, groups
from actcore.analysis.layers import LayerReduce, feature_path, layer_by_token, space_points
from actcore.analysis.peaks import Order, peaks, strongest, token_features
from actcore.analysis.prompt_values import (
    PerPrompt,
    PromptValues,
    Unlisted,
    prompt_values,
    resolved,
)
from actcore.analysis.prompts import Specials, n_padding
from actcore.analysis.strips import (
    Padding,
    Scale,
    feature_by_token,
    feature_strips,
    histogram,
    prompt_strips,
)

__all__ = [
    "Align",
    "FeatureOrder",
    "GroupOrder",
    "LayerReduce",
    "Order",
    "Padding",
    "PerPrompt",
    "PromptValues",
    "Reduce",
    "Scale",
    "Specials",
    "Unlisted",
    "aligned",
    "arranged_features",
    "arranged_groups",
    "closer",
    "feature_by_token",
    "feature_path",
    "feature_sources",
    "feature_strips",
    "found",
    "group_effects",
    "group_names",
    "group_prompts",
    "groups",
    "histogram",
    "layer_by_token",
    "layer_difference",
    "n_padding",
    "peaks",
    "prompt_counts",
    "prompt_strips",
    "prompt_values",
    "resolved",
    "space_points",
    "strongest",
    "token_features",
]
