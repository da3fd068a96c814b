"""Which tokens are special, by their text, in files that do not say so themselves.

A special token is shown, but is no peak, sets no scale and is in no mean unless asked. Text that
stands mid-prompt and has such a name is special as well: no usual tokenizer makes it of plain text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

#: BOS, EOS, padding and turn marks of the usual tokenizers, by family. Unknown-word and mask tokens
#: are not here: they stand for text.
SPECIAL_TOKENS = frozenset(
    [
        # SentencePiece: Llama 1-2, Mistral, Gemma, T5, Phi-3, InternLM, Baichuan, Yi
        *("<s>", "</s>", "<pad>", "<bos>", "<eos>", "<|startoftext|>", "[PAD]", "<PAD>"),
        *("<start_of_turn>", "<end_of_turn>", "<|turn>", "<turn|>", "[INST]", "[/INST]"),
        *("[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]"),
        *("<|end|>", "<|user|>", "<|assistant|>", "<|system|>"),
        # byte-level BPE: GPT-2, NeoX, OLMo, Falcon, StarCoder, Qwen, tiktoken, gpt-oss
        *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|im_sep|>", "<|padding|>", "<|pad|>"),
        *("<BOS>", "<EOS>", "[BOS]", "[EOS]", "<|im_user|>", "<|im_assistant|>", "<|im_system|>"),
        *("<|im_middle|>", "<|constrain|>"),
        *("<|endofprompt|>", "<|start|>", "<|message|>", "<|channel|>", "<|return|>", "<|call|>"),
        *("<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<fim_prefix>"),
        *("<fim_middle>", "<fim_suffix>", "<fim_pad>", "<|file_sep|>", "<|repo_name|>"),
        # Llama 3-4
        *("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>"),
        *("<|eot_id|>", "<|eom_id|>", "<|finetune_right_pad_id|>", "<|python_tag|>", "<|eot|>"),
        *("<|header_start|>", "<|header_end|>", "<|finetune_right_pad|>"),
        # DeepSeek, Cohere, ChatGLM
        *("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>", "<｜User｜>"),
        *("<｜Assistant｜>", "<BOS_TOKEN>", "<EOS_TOKEN>", "<|START_OF_TURN_TOKEN|>"),
        *("<|END_OF_TURN_TOKEN|>", "<|USER_TOKEN|>", "<|CHATBOT_TOKEN|>", "<|SYSTEM_TOKEN|>"),
        *("[gMASK]", "<sop>", "<eop>", "<|observation|>"),
        # WordPiece and other encoders
        *("[CLS]", "[SEP]", "<cls>", "<sep>"),
    ]
)
#: Those that batches are padded with: padding by name, or the end of text or turn in its place.
PADDING = frozenset(
    [
        *("<pad>", "[PAD]", "<PAD>", "<|padding|>", "<|pad|>", "<|fim_pad|>", "<fim_pad>"),
        *("<｜▁pad▁｜>", "<|finetune_right_pad_id|>", "<|finetune_right_pad|>"),
        *("</s>", "<eos>", "<EOS>", "[EOS]", "<EOS_TOKEN>", "<eop>", "<｜end▁of▁sentence｜>"),
        *("<|endoftext|>", "<|end_of_text|>", "<|eot_id|>", "<|eot|>", "<|im_end|>", "<|end|>"),
    ]
)
#: Reserved tokens that some models use as padding.
_RESERVED = re.compile(r"<unused\d+>|<extra_id_\d+>|<\|reserved_special_token_\d+\|>")


def is_special(text: str) -> bool:
    """Whether a token with this text is special."""
    return text in SPECIAL_TOKENS or _RESERVED.fullmatch(text) is not None


def is_padding(text: str) -> bool:
    """Whether a token with this text, at the end of a prompt, can be padding."""
    return text in PADDING or _RESERVED.fullmatch(text) is not None


def padding_start(texts: Sequence[str]) -> int:
    """The position at which the padding at the end of a prompt starts; its length if it has none.

    Padding is a run of one same token. The first token of a prompt never is, for some models start
    a text with what they pad it with.

    >>> padding_start(["<bos>", " a", "</s>", "<pad>", "<pad>"])
    3
    """
    start = len(texts)
    if texts and is_padding(texts[-1]):
        while start > 1 and texts[start - 1] == texts[-1]:
            start -= 1
    return start
