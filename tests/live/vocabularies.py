"""Tokenizers of every kind, made here; leaves what their tokens stand for to `test_tokens`."""

from __future__ import annotations

from typing import Any

from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

END = "<|endoftext|>"
Made: Any = PreTrainedTokenizerFast


def with_front(words: Tokenizer, *front: str) -> Tokenizer:
    template = [*front, "$A"]
    ids = [(token, words.token_to_id(token)) for token in front]
    words.post_processor = processors.TemplateProcessing(" ".join(template), None, ids)
    return words


def byte_level() -> Any:
    words = Tokenizer(models.BPE())
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer: Any = trainers.BpeTrainer
    words.train_from_iterator(
        ["the city of Paris the city 😀 😁 😂 東京 東京"] * 9,
        trainer(
            vocab_size=330, initial_alphabet=alphabet, special_tokens=[END], show_progress=False
        ),
    )
    return Made(tokenizer_object=words, bos_token=END, eos_token=END, unk_token=END)


def byte_fallback(*, bos: bool = True) -> Any:
    """As Llama 2 and Gemma have it: a space is ▁, what has no token is its bytes."""
    pieces = ["▁", *"Pariscty▁", "▁P", "▁Pa", "▁Par", "▁Pari", "▁Paris"]
    named = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    vocab = {token: number for number, token in enumerate(dict.fromkeys(named))}
    merges = [("▁", "P"), ("▁P", "a"), ("▁Pa", "r"), ("▁Par", "i"), ("▁Pari", "s")]
    model: Any = models.BPE
    words = Tokenizer(model(vocab, merges, unk_token="<unk>", byte_fallback=True))
    words.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    words.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    words = with_front(words, "<s>") if bos else words
    return Made(tokenizer_object=words, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def metaspace() -> Any:
    scored = [("<unk>", 0.0), ("▁the", -1.0), ("▁", -2.0), ("city", -1.5), ("▁city", -1.2)]
    words = Tokenizer(models.Unigram(scored, 0, False))
    words.pre_tokenizer = pre_tokenizers.Metaspace()
    words.decoder = decoders.Metaspace()
    return Made(tokenizer_object=words, unk_token="<unk>")


def word_piece() -> Any:
    named = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "play", "##ing", "##ed", "▁"]
    model: Any = models.WordPiece
    words = Tokenizer(model({token: i for i, token in enumerate(named)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words.decoder = decoders.WordPiece()
    words.post_processor = processors.TemplateProcessing(
        "[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)]
    )
    ends = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    return Made(tokenizer_object=words, **{f"{name}_token": token for name, token in ends.items()})
