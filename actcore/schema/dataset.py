"""The tables of a Dataset, and the other grains that some files bring along."""

from __future__ import annotations

import pyarrow as pa

from actcore.schema.columns import FEATURE, TOKEN, schema_of

# The Dataset: a labelled sparse matrix. Row numbers are the keys between these four.
PROMPTS = schema_of(("id", pa.string()), ("text?", pa.string()), ("group?", pa.string()))
TOKENS = schema_of(("prompt", pa.int32()), *TOKEN, ("special", pa.bool_()))
FEATURES = schema_of(
    *FEATURE, ("label?", pa.string()), ("kind?", pa.string()), ("link?", pa.string())
)
ACTIVATIONS = schema_of(("token", pa.int32()), ("feature", pa.int32()), ("value", pa.float32()))

# Other grains that some files bring along, by their name in `Dataset.others`.
LAYER_COUNTS = schema_of(("token", pa.int32()), ("layer", pa.int16()), ("n_active", pa.int64()))
#: One number for a whole prompt, where a source gives one; it need not be that of any token.
PROMPT_VALUES = schema_of(("prompt", pa.int32()), ("feature", pa.int32()), ("value", pa.float32()))
#: Of how many samples the values of a prompt, which stands for a relation then, are means.
SAMPLES = schema_of(("prompt", pa.int32()), ("n", pa.int64()))
#: The share of a relation's samples on which a feature is above the threshold; no row is 0, and a
#: layer without any row is one for which it is not known.
CONSISTENCY = schema_of(
    ("prompt", pa.int32()),
    ("feature", pa.int32()),
    ("threshold", pa.float64()),
    ("value", pa.float64()),
)
#: A slot on each sample of a relation, counted from 0; no row is 0, no row of a layer not known.
SLOT_VALUES = schema_of(
    ("prompt", pa.int32()),
    ("sample", pa.int32()),
    ("feature", pa.int32()),
    ("value", pa.float32()),
)
#: How many features are active on most samples of a relation, and how consistent the most are.
COMMON_FEATURES = schema_of(
    ("prompt", pa.int32()),
    ("layer?", pa.int16()),
    ("site", pa.string()),
    ("n_consistent", pa.int64()),
    ("n_consistent_free", pa.int64()),
    ("n_consistent_slots?", pa.int64()),
    ("free_features_max?", pa.float64()),
    ("target_slot?", pa.float64()),
    ("other_slots_max?", pa.float64()),
)
#: The tokens likeliest to follow a prompt: `token` is one of the vocabulary, no row of TOKENS;
#: `rank` is by the larger of p and p_steered, the probability after an edit, if there was one.
NEXT_TOKENS = schema_of(
    ("prompt", pa.int32()),
    ("rank", pa.int32()),
    ("token", pa.int64()),
    ("text", pa.string()),
    ("p", pa.float64()),
    ("p_steered?", pa.float64()),
)
#: What a feature adds to the logits through its decoder: most and least, the strongest first.
FEATURE_LOGITS = schema_of(
    ("feature", pa.int32()),
    ("rank", pa.int32()),
    ("promoted", pa.string()),
    ("logit", pa.float32()),
    ("suppressed", pa.string()),
    ("suppressed_logit", pa.float32()),
)
#: Edits of a run in words, KL(as it is || edited) of the next token in nats, what the model writes
#: on, as it is and edited; "" where it was not asked to.
STEERING = schema_of(
    ("prompt", pa.int32()),
    ("edits", pa.string()),
    ("kl", pa.float64()),
    ("text", pa.string()),
    ("text_steered", pa.string()),
)
OTHERS = {
    "layer_counts": LAYER_COUNTS,
    "prompt_values": PROMPT_VALUES,
    "samples": SAMPLES,
    "consistency": CONSISTENCY,
    "slot_values": SLOT_VALUES,
    "common_features": COMMON_FEATURES,
    "next_tokens": NEXT_TOKENS,
    "feature_logits": FEATURE_LOGITS,
    "steering": STEERING,
}
#: What a model said while it ran, which is no measurement: no file holds it.
SAID = ("next_tokens", "feature_logits", "steering")

# `long(dataset)`: a row with a value is a measurement; one without declares what it names.
LONG = schema_of(
    ("prompt?", pa.string()),
    ("position?", pa.int32()),
    ("text?", pa.string()),
    ("layer?", pa.int16()),
    ("site?", pa.string()),
    ("feature?", pa.int64()),
    ("value?", pa.float32()),
)
