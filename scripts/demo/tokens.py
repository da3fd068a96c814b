"""The demo's tokenizer: byte-level BPE without BOS, learned from the demo's own texts.

Leaves what a model learns of them to `language`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from scripts.demo.people import Biography, Question

END = "<|endoftext|>"
END_ID = 0


class Document(NamedTuple):
    """Token ids, of which the first `n_prompt` ask a question; 0 for any other text."""

    ids: list[int]
    n_prompt: int = 0


class Codec:
    """Texts as documents."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def ids(self, text: str) -> list[int]:
        """The ids of a text's tokens, with nothing put before or behind."""
        ids: list[int] = self._tokenizer.encode(text).ids
        return ids

    def plain(self, text: str) -> Document:
        """A text up to its end."""
        return Document([*self.ids(text), END_ID])

    def asked(self, question: Question) -> Document:
        """The prompt alone."""
        ids = self.ids(question.prompt)
        return Document(ids, len(ids))

    def answered(self, question: Question) -> Document:
        """The prompt, its answer and the end."""
        prompt = self.ids(question.prompt)
        return Document([*prompt, *self.ids(f" {question.answer}"), END_ID], len(prompt))

    def before_values(self, biography: Biography) -> dict[str, int]:
        """For each relation the position of the token before its value."""
        offsets = self._tokenizer.encode(biography.text).offsets
        return {
            relation: next(at for at, (_, stop) in enumerate(offsets) if stop > start) - 1
            for relation, start in biography.starts.items()
        }

    def save(self, folder: Path, n_positions: int) -> None:
        """Writes the files that transformers loads a tokenizer from."""
        PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
            tokenizer_object=self._tokenizer,
            bos_token=END,
            eos_token=END,
            unk_token=END,
            model_max_length=n_positions,
            clean_up_tokenization_spaces=False,
        ).save_pretrained(folder)


def codec(
    biographies: Sequence[Biography],
    questions: Iterable[Question],
    sentences: Iterable[str],
    vocabulary: int,
) -> Codec:
    """A tokenizer in which most names and values are one token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=[END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    # Biographies count as much as the other two together.
    texts = [biography.text for biography in biographies[::8]] * 3
    texts += [f"{question.prompt} {question.answer}" for question in questions]
    tokenizer.train_from_iterator([*texts, *sentences], trainer)
    return Codec(tokenizer)
