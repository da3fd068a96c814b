"""Every table that flows between the parts, as an Arrow schema; `check` holds a table to one.

The words are those of the README's glossary. What a table is *for* is said where it is made.
"""

from actcore.schema.analyses import (
    FEATURE_BY_TOKEN,
    GROUP_EFFECTS,
    GROUP_PROMPTS,
    GROUPS,
    HISTOGRAM,
    LAYER_BY_TOKEN,
    LAYER_DIFFERENCE,
    PEAKS,
    PROMPT_COUNTS,
    SPACE,
    STRIP_CELLS,
    TOKEN_FEATURES,
)
from actcore.schema.columns import check
from actcore.schema.dataset import (
    ACTIVATIONS,
    COMMON_FEATURES,
    CONSISTENCY,
    FEATURES,
    LAYER_COUNTS,
    LONG,
    OTHERS,
    PROMPT_VALUES,
    PROMPTS,
    SAMPLES,
    SLOT_VALUES,
    TOKENS,
)
from actcore.schema.relations import (
    COACTIVATION,
    COMMON,
    MATCHES,
    RELATION_STATISTICS,
    RELATION_VALUES,
    SEPARATION,
    TOP_OVERLAP,
)

__all__ = [
    "ACTIVATIONS",
    "COACTIVATION",
    "COMMON",
    "COMMON_FEATURES",
    "CONSISTENCY",
    "FEATURES",
    "FEATURE_BY_TOKEN",
    "GROUPS",
    "GROUP_EFFECTS",
    "GROUP_PROMPTS",
    "HISTOGRAM",
    "LAYER_BY_TOKEN",
    "LAYER_COUNTS",
    "LAYER_DIFFERENCE",
    "LONG",
    "MATCHES",
    "OTHERS",
    "PEAKS",
    "PROMPTS",
    "PROMPT_COUNTS",
    "PROMPT_VALUES",
    "RELATION_STATISTICS",
    "RELATION_VALUES",
    "SAMPLES",
    "SEPARATION",
    "SLOT_VALUES",
    "SPACE",
    "STRIP_CELLS",
    "TOKENS",
    "TOKEN_FEATURES",
    "TOP_OVERLAP",
    "check",
]
