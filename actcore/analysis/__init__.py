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
from actcore.analysis.coactivation import Together, coactivation
from actcore.analysis.common_features import common_features, original_common_features
from actcore.analysis.compare import feature_difference, peak_difference
from actcore.analysis.consistency import consistency
from actcore.analysis.effects import group_effects
from actcore.analysis.group_prompts import group_prompts, prompt_counts
from actcore.analysis.groups import Reduce, group_names, groups
from actcore.analysis.layers import LayerReduce, feature_path, layer_by_token, space_points
from actcore.analysis.matching import matching
from actcore.analysis.peaks import Order, peaks, strongest, token_features
from actcore.analysis.prompt_values import (
    PerPrompt,
    PromptValues,
    Unlisted,
    prompt_values,
    resolved,
)
from actcore.analysis.prompts import Specials, n_padding
from actcore.analysis.relation_statistics import original_statistics, relation_statistics
from actcore.analysis.relation_values import relation_values, slot_values, top_free, top_overlap
from actcore.analysis.relations import Relations, relations
from actcore.analysis.said import continuations, feature_logits, next_tokens, steering
from actcore.analysis.separation import (
    THRESHOLDS,
    Thresholds,
    Verdict,
    best_layer,
    separation,
    verdict,
)
from actcore.analysis.strips import (
    Padding,
    Scale,
    feature_by_token,
    feature_strips,
    histogram,
    prompt_strips,
)

__all__ = [
    "THRESHOLDS",
    "Align",
    "FeatureOrder",
    "GroupOrder",
    "LayerReduce",
    "Order",
    "Padding",
    "PerPrompt",
    "PromptValues",
    "Reduce",
    "Relations",
    "Scale",
    "Specials",
    "Thresholds",
    "Together",
    "Unlisted",
    "Verdict",
    "aligned",
    "arranged_features",
    "arranged_groups",
    "best_layer",
    "closer",
    "coactivation",
    "common_features",
    "consistency",
    "continuations",
    "feature_by_token",
    "feature_difference",
    "feature_logits",
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
    "matching",
    "n_padding",
    "next_tokens",
    "original_common_features",
    "original_statistics",
    "peak_difference",
    "peaks",
    "prompt_counts",
    "prompt_strips",
    "prompt_values",
    "relation_statistics",
    "relation_values",
    "relations",
    "resolved",
    "separation",
    "slot_values",
    "space_points",
    "steering",
    "strongest",
    "token_features",
    "top_free",
    "top_overlap",
    "verdict",
]
