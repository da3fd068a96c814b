"""What the analyses of relations return: groups of prompts compared layer by layer."""

from __future__ import annotations

import pyarrow as pa

from actcore.schema.columns import FEATURE, schema_of

_PLACE = (("layer?", pa.int16()), ("site", pa.string()))
#: `value` is a mean activation, or a share of samples.
RELATION_VALUES = schema_of(
    *FEATURE,
    ("group", pa.string()),
    ("value", pa.float64()),
    ("n?", pa.int64()),
    ("kind?", pa.string()),
    ("label?", pa.string()),
)
SEPARATION = schema_of(
    ("layer?", pa.int16()),
    ("diagonal", pa.float64()),
    ("off_diagonal", pa.float64()),
    ("verdict", pa.string()),
    ("margin", pa.float64()),
    ("smallest_diagonal", pa.float64()),
    ("largest_off_diagonal", pa.float64()),
    ("accuracy?", pa.float64()),
    ("n?", pa.int64()),
    ("null_diagonal?", pa.float64()),
    ("null_low?", pa.float64()),
    ("null_high?", pa.float64()),
    ("p?", pa.float64()),
    ("site", pa.string()),
)
RELATION_STATISTICS = schema_of(
    *_PLACE,
    ("group", pa.string()),
    ("n?", pa.int64()),
    ("target_slot_activation?", pa.float64()),
    ("other_slots_mean?", pa.float64()),
    ("free_features_mean", pa.float64()),
    ("free_features_std", pa.float64()),
    ("free_features_max", pa.float64()),
    ("effective_features?", pa.float64()),
    ("top_1_share?", pa.float64()),
    ("n_free_in_top", pa.int64()),
    ("n_slots_in_top", pa.int64()),
)
COMMON = schema_of(
    *_PLACE,
    ("group", pa.string()),
    ("n?", pa.int64()),
    ("n_consistent", pa.int64()),
    ("n_consistent_free", pa.int64()),
    ("n_consistent_slots?", pa.int64()),
    ("free_features_max?", pa.float64()),
    ("target_slot?", pa.float64()),
    ("other_slots_max?", pa.float64()),
)
TOP_OVERLAP = schema_of(
    *_PLACE,
    ("group_a", pa.string()),
    ("group_b", pa.string()),
    ("value", pa.float64()),
    ("n_shared", pa.int64()),
    ("k", pa.int64()),
)
#: Two features, each with its columns: active on n_a and n_b of n tokens, on n_both of them both.
COACTIVATION = schema_of(
    *(
        (f"{name[:-1]}_{side}?" if name.endswith("?") else f"{name}_{side}", kind)
        for side in "ab"
        for name, kind in FEATURE
    ),
    ("value?", pa.float64()),
    ("n_both", pa.int64()),
    ("n_a", pa.int64()),
    ("n_b", pa.int64()),
    ("n", pa.int64()),
    ("label_a?", pa.string()),
    ("label_b?", pa.string()),
)
#: One feature's closest match in each layer; similarity is the cosine of their profiles.
MATCHES = schema_of(
    *FEATURE,
    ("similarity", pa.float64()),
    ("group", pa.string()),
    ("value", pa.float64()),
    ("label?", pa.string()),
)
