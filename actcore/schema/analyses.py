"""What the analyses of prompts, groups and layers return."""

from __future__ import annotations

import pyarrow as pa

from actcore.schema.columns import FEATURE, TOKEN, schema_of

PEAKS = schema_of(
    ("prompt", pa.string()),
    ("rank", pa.int32()),
    *FEATURE,
    ("peak", pa.float32()),
    *TOKEN,
    ("mean?", pa.float64()),
    ("density?", pa.float64()),
    ("last?", pa.float32()),
    ("label?", pa.string()),
)
TOKEN_FEATURES = schema_of(
    ("prompt", pa.string()),
    *TOKEN,
    ("rank", pa.int32()),
    *FEATURE,
    ("value", pa.float32()),
    ("label?", pa.string()),
)
STRIP_CELLS = schema_of(
    ("prompt", pa.string()),
    *FEATURE,
    *TOKEN,
    ("special", pa.bool_()),
    ("value?", pa.float32()),
    ("scale", pa.float32()),
)
FEATURE_BY_TOKEN = schema_of(
    ("prompt", pa.string()), *FEATURE, *TOKEN, ("value?", pa.float32()), ("special", pa.bool_())
)
HISTOGRAM = schema_of(
    *FEATURE, ("left", pa.float32()), ("right", pa.float32()), ("count", pa.int64())
)
_ABOUT = (("kind?", pa.string()), ("label?", pa.string()), ("link?", pa.string()))
GROUPS = schema_of(
    *FEATURE, ("group", pa.string()), ("value", pa.float64()), ("n", pa.int64()), *_ABOUT
)
GROUP_EFFECTS = schema_of(
    *FEATURE,
    ("group", pa.string()),
    ("effect", pa.float64()),
    ("low?", pa.float64()),
    ("high?", pa.float64()),
    ("p?", pa.float64()),
    ("q?", pa.float64()),
    ("n", pa.int64()),
    ("n_rest", pa.int64()),
    ("mean", pa.float64()),
    ("mean_rest", pa.float64()),
    *_ABOUT,
)
PROMPT_COUNTS = schema_of(*FEATURE, ("n", pa.int64()), *_ABOUT)
GROUP_PROMPTS = schema_of(
    ("prompt", pa.string()),
    ("group?", pa.string()),
    ("rank", pa.int32()),
    *FEATURE,
    ("value", pa.float32()),
    ("text?", pa.string()),
)
LAYER_BY_TOKEN = schema_of(
    ("prompt", pa.string()),
    ("layer", pa.int16()),
    *TOKEN,
    ("value", pa.float64()),
    ("n", pa.int64()),
    ("special", pa.bool_()),
    ("site", pa.string()),
    ("index", pa.int64()),
    ("peak", pa.float32()),
)
LAYER_DIFFERENCE = schema_of(
    ("layer", pa.int16()),
    ("position_a?", pa.int32()),
    ("position_b?", pa.int32()),
    ("text_a?", pa.string()),
    ("text_b?", pa.string()),
    ("value?", pa.float64()),
    ("value_a?", pa.float64()),
    ("value_b?", pa.float64()),
    ("n_a", pa.int64()),
    ("n_b", pa.int64()),
    ("special", pa.bool_()),
)
SPACE = schema_of(("prompt", pa.string()), *TOKEN, *FEATURE, ("value", pa.float32()))
#: What is known of two prompts' tokens that stand together, after what is known of the feature.
FEATURE_DIFFERENCE = schema_of(
    *FEATURE,
    ("position_a?", pa.int32()),
    ("position_b?", pa.int32()),
    ("text_a?", pa.string()),
    ("text_b?", pa.string()),
    ("value?", pa.float32()),
    ("value_a?", pa.float32()),
    ("value_b?", pa.float32()),
    ("special", pa.bool_()),
    ("label?", pa.string()),
)
PEAK_DIFFERENCE = schema_of(
    ("rank", pa.int32()),
    *FEATURE,
    ("difference", pa.float32()),
    *((f"{name}_{side}", kind) for side in "ab" for name, kind in (("peak", pa.float32()), *TOKEN)),
    ("label?", pa.string()),
)
NEXT = schema_of(
    ("prompt", pa.string()),
    ("rank", pa.int32()),
    ("token", pa.int64()),
    ("text", pa.string()),
    ("p", pa.float64()),
    ("p_steered?", pa.float64()),
    ("difference?", pa.float64()),
)
LOGITS = schema_of(
    *FEATURE,
    ("rank", pa.int32()),
    ("promoted", pa.string()),
    ("logit", pa.float32()),
    ("suppressed", pa.string()),
    ("suppressed_logit", pa.float32()),
)
CONTINUATIONS = schema_of(
    ("prompt", pa.string()), ("edits", pa.string()), ("continuation", pa.string())
)
