"""Makes the odd samples for Categories and Layers: everything that is odd in such files, in three.

As in `odd_dump`, features are plain rules about the text, so that a reader can check each value by
eye. Leaves running a model to others: nothing here is learned.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

OUTPUT = Path(__file__).parent.parent / "sample_data"

#: Chat templates: what stands before the text, after it, and as padding in a batch.
TEMPLATES = {
    "qwen": (
        ["<|im_start|>", "user", "\n"],
        ["<|im_end|>", "\n", "<|im_start|>", "assistant", "\n"],
        "<|endoftext|>",
    ),
    "llama": (
        # Two BOS tokens: the template writes one, the tokenizer another.
        ["<|begin_of_text|>"] * 2 + ["<|start_header_id|>", "user", "<|end_header_id|>", "\n\n"],
        ["<|eot_id|>", "<|start_header_id|>", "assistant", "<|end_header_id|>", "\n\n"],
        "<|eot_id|>",
    ),
    "none": ([], [], "<pad>"),
}

#: Prompts by id: label, and tokens divided by "¦".
PROMPTS: dict[int, tuple[str | None, str]] = {
    1: ("math", "7¦ *¦ 6¦ =¦ 42"),
    2: ("math", "Count¦ to¦ 1¦,¦000¦,¦000"),
    3: ("text", "the¦ cat¦ and¦ the¦ cat"),
    4: ("text", "שלום¦ עולם¦ 🙂¦\n¦\t¦end"),
    5: ('<img src=x onerror="alert(1)">', "<b>¦bold¦</b>¦ &amp;¦</script>¦ '<i>'"),
    6: ("=1+1", "alone"),
    7: (None, "no¦ label"),
}

Rule = Callable[[Sequence[str], int], float]


def _digits(tokens: Sequence[str], at: int) -> float:
    return round(8 * sum(map(str.isdigit, tokens[at])) / max(1, len(tokens[at].strip())), 2)


def _repeats(tokens: Sequence[str], at: int) -> float:
    return 2.5 * tokens[:at].count(tokens[at])


def _start(_tokens: Sequence[str], at: int) -> float:
    """What many real features do: strongest by far near the start, weak at the end."""
    return 446.14 if at == 2 else round(3.0 / (at + 1), 4)


def _markup(tokens: Sequence[str], at: int) -> float:
    return -1.5 * sum(sign in "<>&" for sign in tokens[at])


def _huge(tokens: Sequence[str], at: int) -> float:
    return 3e38 if at == len(tokens) - 1 else 0.0


class Feature(NamedTuple):
    """One line of the prompts, and what the template and the rule make of them."""

    feature_id: int
    source: str
    token: str | None
    template: str
    #: The prompt's own value is that of the last token with this text; None: of the last of all.
    read_at: str | None
    rule: Rule
    #: Prompt ids, and how much padding stands behind each.
    active: dict[int, int]


#: One id in two sources and at two tokens; a source without a layer and a line without a token; a
#: feature that no prompt makes active. A prompt stands under many, with more or less padding.
FEATURES = (
    Feature(7, "toy_qwen_layer3", "asst", "qwen", "assistant", _start, {1: 2, 3: 0, 5: 3, 7: 4}),
    Feature(7, "toy_qwen_layer3", "newline", "qwen", "\n", _repeats, {1: 2, 2: 0, 4: 1}),
    Feature(7, "toy_llama_layer3", "endheader", "llama", "<|end_header_id|>", _start, {1: 5, 3: 4}),
    Feature(8, "toy_llama_layer3", "endheader", "llama", "<|end_header_id|>", _repeats, {1: 0}),
    Feature(12, "11-toy", "last", "none", None, _digits, {1: 0, 2: 0}),
    Feature(13, "11-toy", "last", "none", None, _markup, {5: 0}),
    Feature(14, "11-toy", "last", "none", None, _huge, {3: 0, 6: 0}),
    Feature(99, "rules:of/text", None, "none", None, _repeats, {3: 2, 4: 0}),
    Feature(100, "11-toy", "last", "none", None, _digits, {}),
)

_SAID = """<reasoning>
The first line, with "quotes", commas, and

</reasoning>
"""
#: Descriptions by key; a feature has none, and one key names a source that is not there.
DESCRIPTIONS: tuple[dict[str, object], ...] = (
    {
        "feature_id": 7, "source": "toy_qwen_layer3", "token": "asst", "num_prompts": 4,
        "general_activation_mean": 0.25, "personal_cohens_d": -1.5, "type": "position",
        "chat_desc": "strong near the start", "claude_desc": "strong near the start, " * 10,
        "link": "https://example.org/?layer=3&fids=7", "claude_completion": _SAID,
        "claude_type": "position",
    },
    {
        "feature_id": 7, "source": "toy_qwen_layer3", "token": "newline", "num_prompts": 3,
        "pt_desc": "tokens that stood before", "link": "javascript:alert(1)",
        "claude_type": "<i>copy</i>",
    },
    {
        "feature_id": 7, "source": "toy_llama_layer3", "token": "endheader", "num_prompts": 2,
        "chat_desc": "שלום, </script><img src=x onerror=\"alert('no')\">", "type": "position",
        "link": 'https://example.org/"onmouseover="alert(1)',
    },
    {
        "feature_id": 13, "source": "11-toy", "token": "last", "chat_desc": "=HYPERLINK(1)",
        "type": "markup, negative", "general_activation_mean": -1.5,
    },
    {"feature_id": 14, "source": "11-toy", "token": "last", "general_activation_max": 3e38},
    {"feature_id": 99, "source": "rules:of/text", "claude_desc": "two\nlines"},
    {"feature_id": 100, "source": "11-toy", "token": "last", "num_prompts": 0},
    {"feature_id": 12, "source": "elsewhere", "token": "last", "chat_desc": "another's 12"},
)  # fmt: skip
_HEADER = (
    *("feature_id", "general_activation_mean", "general_activation_max", "general_activation_min"),
    *("personal_mean", "personal_cohens_d", "chat_desc", "pt_desc", "type", "source", "token"),
    *("num_prompts", "link", "claude_completion", "claude_desc", "claude_type"),
)

#: Tokens of a run by position: position 6 was not recorded.
RUN = {
    0: "<s>", 1: "▁the", 2: ",", 3: "▁the", 4: "\n", 5: '▁"quoted"',
    7: "<script>alert(1)</script>", 8: "", 9: "▁שלום", 10: "=1+1", 11: "</s>",
}  # fmt: skip
LAYERS = (0, 1, 2, 5)
#: Layer 5 has nothing here.
MISSING = (2, 7)


def _prompt(feature: Feature, id: int) -> dict[str, Any]:
    label, text = PROMPTS[id]
    before, after, pad = TEMPLATES[feature.template]
    real = before + text.split("¦") + after
    tokens = real + [pad] * feature.active[id]
    values = [feature.rule(tokens, at) for at in range(len(tokens))]
    last = max(at for at, text in enumerate(real) if feature.read_at in (None, text))
    active = sorted((at for at, value in enumerate(values) if value), key=lambda at: -values[at])
    return {
        "prompt_id": id,
        "prompt_text": text.replace("¦", ""),
        "prompt_label": label,
        "prompt_feature_activation": round(values[last] + 1e-6, 6),  # the noise of another batch
        "tokenized_prompt": tokens,
        "tokens": [
            {"position": at, "token_id": len(tokens[at]), "text": tokens[at],
             "activation": values[at]}
            for at in active
        ],
    }  # fmt: skip


def _line(feature: Feature) -> str:
    named = {"feature_id": feature.feature_id, "token": feature.token, "source": feature.source}
    if feature.token is None:
        del named["token"]
    prompts = [_prompt(feature, id) for id in feature.active]
    return json.dumps(named | {"active_prompts": prompts}, ensure_ascii=False)


def _norms() -> Iterator[tuple[int, str, int, int, object]]:
    """Rows of a run: two or three neurons of a layer at a token."""
    for layer in LAYERS:
        for position, text in RUN.items():
            if layer == LAYERS[-1] and position in MISSING:
                continue
            for neuron in range(2 + position % 2):
                yield position, text, layer, 40 * neuron + layer, _norm(position, layer, neuron)


def _norm(position: int, layer: int, neuron: int) -> object:
    """The first token and the last layer are strong; single cells are negative, huge or empty."""
    odd = {(3, 1, 0): -0.75, (4, 2, 0): 3e38, (5, 1, 1): "", (10, 0, 1): 0}
    strong = (90 if position == 0 else 1) * (12 if layer == LAYERS[-1] else 1)
    return odd.get((position, layer, neuron), round(strong * (0.1 + layer / 10) / (1 + neuron), 4))


def main() -> None:
    """Writes `odd_prompts.jsonl`, `odd_descriptions.csv` and `odd_neurons.csv`."""
    lines = "".join(f"{_line(feature)}\n" for feature in FEATURES)
    (OUTPUT / "odd_prompts.jsonl").write_text(lines, encoding="utf-8", newline="\n")
    with (OUTPUT / "odd_descriptions.csv").open("w", encoding="utf-8", newline="") as file:
        descriptions = csv.DictWriter(file, _HEADER, lineterminator="\n")
        descriptions.writeheader()
        descriptions.writerows(DESCRIPTIONS)
    with (OUTPUT / "odd_neurons.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["Token", "Token_Pos", "Neuron_ID", "Layer", "Activation_Norm", "Note"])
        rows.writerows([b, a, d, c, value, "a, b"] for a, b, c, d, value in _norms())


if __name__ == "__main__":
    main()
