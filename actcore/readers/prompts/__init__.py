r"""Prompts per feature: for each feature the prompts on which it is active, as JSON lines.

    {"feature_id": 6704, "token": "newline", "source": "qwen_trainer1_layer11", "active_prompts": [
      {"prompt_id": 123, "prompt_text": "When?", "prompt_label": "trivia",
       "prompt_feature_activation": 1.3, "tokenized_prompt": ["user", "\n", "When", "?", "<pad>"],
       "tokens": [{"position": 1, "token_id": 198, "text": "\n", "activation": 446.1}]}]}

One feature is one line. `tokens` are the positions at which it is not 0, in any order; null as an
activation is "not measured". On a prompt that is not listed a feature was not measured. Ids may be
numbers or strings; `token`, `prompt_text` and `prompt_label` may be left out; further keys are not
looked at. Leaves the canonical form to `actcore.dataset`.
"""

from __future__ import annotations

import msgspec

from actcore.dataset import Dataset
from actcore.readers.content import Content
from actcore.readers.dump import uncollected
from actcore.readers.prompts.lines import Lines
from actcore.readers.prompts.tables import dataset


class _First(msgspec.Struct):
    active_prompts: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def claims(content: Content) -> bool:
    """Whether the first, or only, JSON value has `active_prompts`."""
    is_json = content.kind in ("JSON", "JSON lines")
    return is_json and content.top(_First).active_prompts is not msgspec.UNSET


def read(content: Content) -> Dataset:
    """The Dataset of prompts per feature. Raises: ReadError."""
    lines = Lines(content)
    with uncollected():
        for line, raw in content.values():
            lines.add(line, raw)
    lines.refuse_beyond()
    return dataset(lines)
