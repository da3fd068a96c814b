"""Tiny models with random weights, one of each family, saved as folders that `load_model` reads.

Leaves SAEs to `tests/live/saes.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoConfig, PreTrainedTokenizerFast

from actcore.live.models import Model

WORDS = [
    *("<s>", "<unk>", "the", "a", "cat", "dog", "sat", "ran", "on", "under", "mat", "tree"),
    *("and", "then", "it", "was", "big", "small"),
]
N_LAYERS, D_MODEL, WINDOW, CONTEXT = 3, 32, 6, 64

_WIDTHS = {
    "vocab_size": len(WORDS),
    "hidden_size": D_MODEL,
    "num_hidden_layers": N_LAYERS,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": CONTEXT,
    "initializer_range": 0.2,
    **dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), 0),
}
_HEADS = {"num_key_value_heads": 2, "head_dim": 8}
#: What a family's config says beyond the widths.
FAMILIES: dict[str, dict[str, Any]] = {
    "gpt2": {},
    "llama": _HEADS,
    "gemma": _HEADS,
    "mistral": {**_HEADS, "sliding_window": WINDOW},
    "gemma2": {**_HEADS, "sliding_window": WINDOW},
    "gemma3_text": {**_HEADS, "sliding_window": WINDOW},
    "qwen2": _HEADS,
    "qwen3": _HEADS,
    "gpt_neox": {},
    "phi": {},
    "opt": {"ffn_dim": 48},
    "bloom": {},
    "gptj": {"rotary_dim": 4},
    "falcon": {},
    "olmo": {},
    "bert": {},
}
ENCODERS = {"bert", "roberta", "modernbert", "distilbert"}
#: The norm between the last block and the last hidden state.
FINAL_NORM = {
    **dict.fromkeys(("gpt2", "bloom", "gptj", "falcon"), "ln_f"),
    **dict.fromkeys(("gpt_neox", "opt"), "final_layer_norm"),
    "phi": "final_layernorm",
    "bert": None,
}


def tiny_lm(family: str, **settings: Any) -> Any:
    """A model in evaluation mode; the same weights each time."""
    torch.manual_seed(0)
    config = AutoConfig.for_model(family, **_WIDTHS, **FAMILIES.get(family, {}), **settings)
    auto: Any = transformers.AutoModel if family in ENCODERS else transformers.AutoModelForCausalLM
    return auto.from_config(config).eval()


def tiny_model(family: str, **settings: Any) -> Model:
    """A model as `load_model` makes it; no gain of a norm is 1, no bias 0."""
    lm = tiny_lm(family, **settings).requires_grad_(False)
    draw = torch.Generator().manual_seed(1)
    for weight in lm.parameters():
        if weight.dim() == 1:
            weight += 0.2 * torch.randn(weight.shape, generator=draw)
    device, dtype = torch.device("cpu"), torch.float32
    words = tiny_tokenizer(bos=False)
    return Model(family, lm, words, device, dtype, N_LAYERS, D_MODEL, CONTEXT)


def tiny_tokenizer(*, bos: bool) -> Any:
    """A token for each of `WORDS`."""
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, "<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if bos:
        words.post_processor = processors.TemplateProcessing("<s> $A", None, [("<s>", 0)])
    made: Any = PreTrainedTokenizerFast
    return made(tokenizer_object=words, bos_token="<s>", unk_token="<unk>")


def save_tiny(folder: Path, family: str = "gpt2", *, bos: bool = False, **settings: Any) -> Any:
    """Writes a model's folder; returns the model itself, as transformers made it."""
    lm = tiny_lm(family, **settings)
    lm.save_pretrained(folder)
    tiny_tokenizer(bos=bos).save_pretrained(folder)
    return lm


def hidden_states(lm: Any, tokens: Sequence[int]) -> list[torch.Tensor]:
    """One prompt at a time, all layers: what transformers itself says."""
    with torch.inference_mode():
        output = lm(input_ids=torch.tensor([tokens]), output_hidden_states=True)
    return [state[0] for state in output.hidden_states]


def prompts(n: int, longest: int, *, seed: int = 0) -> Iterator[list[int]]:
    """Token ids that often begin alike, some equal, of 1 to `longest` tokens."""
    draw = torch.Generator().manual_seed(seed)

    def one(low: int, high: int, size: int) -> list[int]:
        numbers: list[int] = torch.randint(low, high, (size,), generator=draw).tolist()
        return numbers

    starts = [one(2, len(WORDS), longest) for _ in range(3)]
    for _ in range(n):
        [start], [kept], [length] = one(0, 3, 1), one(0, longest, 1), one(1, longest + 1, 1)
        yield [*starts[start][:kept], *one(2, 5, longest)][:length]
