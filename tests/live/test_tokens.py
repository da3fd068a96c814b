"""What tokens stand for, in tokenizers of every kind made here."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken

from actcore.errors import LiveError
from actcore.live.models import Model, load_model
from actcore.live.tokens import MOST_CHARACTERS, special_ids, token_texts, tokens
from tests.live.models import CONTEXT, tiny_model
from tests.live.vocabularies import END, byte_fallback, byte_level, metaspace, word_piece

BYTES = re.compile("(<0x[0-9A-F]{2}>)")
FAMILY = "👩\u200d👧"
ODD = f"Paris, مدينة 東京 {FAMILY} naïve  \n\tx"
MODEL = tiny_model("gpt2")


def reading(tokenizer: Any) -> Model:
    """A model without a limit that reads with this tokenizer."""
    return replace(MODEL, tokenizer=tokenizer, context=None)


BYTE_LEVEL = reading(byte_level())


def texts(model: Model, prompt: str, **settings: Any) -> tuple[str, ...]:
    return tokens(model, prompt, **settings).texts


def message(model: Model, prompt: str, **settings: Any) -> str:
    with pytest.raises(LiveError) as error:
        tokens(model, prompt, **settings)
    return str(error.value)


def test_a_word_keeps_the_space_before_it() -> None:
    found = tokens(BYTE_LEVEL, "the city  of\n")
    assert found.texts == ("the", " city", " ", " of", "\n")
    assert found.ids == tuple(BYTE_LEVEL.tokenizer("the city  of\n")["input_ids"])
    assert (found.special, found.cut) == ((False,) * 5, 0)


def test_a_piece_of_a_character_is_its_bytes() -> None:
    assert texts(BYTE_LEVEL, "é") == ("<0xC3>", "<0xA9>")
    assert texts(BYTE_LEVEL, "x 😅") == ("x", " <0xF0><0x9F><0x98>", "<0x85>")
    assert texts(BYTE_LEVEL, "東京") == ("<0xE6><0x9D>", "<0xB1>京")


@given(st.text(min_size=1))
def test_texts_of_whole_characters_join_to_the_prompt(prompt: str) -> None:
    pieces = [piece for text in texts(BYTE_LEVEL, prompt) for piece in BYTES.split(text)]
    joined = b"".join(
        bytes.fromhex(piece[3:5]) if BYTES.fullmatch(piece) else piece.encode() for piece in pieces
    )
    assert joined.decode() == prompt


def test_scripts_emoji_and_joiners_are_kept() -> None:
    found = tokens(BYTE_LEVEL, ODD)
    whole = "".join(text for text in found.texts if "<0x" not in text)
    assert set(whole) <= set(ODD)
    assert whole.startswith("Paris, ")
    assert whole.endswith("  \n\tx")
    assert BYTE_LEVEL.tokenizer.decode(list(found.ids)) == ODD


def test_a_special_token_typed_in_a_prompt_is_special() -> None:
    found = tokens(BYTE_LEVEL, f"the {END} city")
    assert found.texts == ("the", " ", END, " city")
    assert found.special == (False, False, True, False)


def test_llama_tokens_have_spaces_and_whole_bytes_are_characters() -> None:
    model = reading(byte_fallback())
    found = tokens(model, "Paris Paris\nç<")
    assert found.texts == ("<s>", " Paris", " Paris", "\n", "<0xC3>", "<0xA7>", "<")
    assert found.special == (True, *(False,) * 6)


def test_metaspace_tokens_have_spaces() -> None:
    assert texts(reading(metaspace()), "the city q") == (" the", " city", " ", "<unk>")


def test_a_piece_of_a_word_keeps_its_marks() -> None:
    model = reading(word_piece())
    found = tokens(model, "playing played zzz [MASK]")
    pieces = ("play", "##ing", "play", "##ed", "[UNK]", "[MASK]")
    assert found.texts == ("[CLS]", *pieces, "[SEP]")
    assert found.special == (True, *(False,) * 6, True)


def test_words_are_themselves() -> None:
    assert texts(MODEL, "the cat zzz") == ("the", "cat", "<unk>")


def test_marks_of_turns_are_special_and_added_words_are_not() -> None:
    tokenizer = byte_level()
    tokenizer.add_tokens([AddedToken("<né>", special=True), AddedToken("   ", special=False)])
    found = tokens(reading(tokenizer), "the<né>   ")
    assert found.texts == ("the", "<né>", "   ")
    assert found.special == (False, True, False)


def test_unknown_words_and_masks_are_text() -> None:
    assert special_ids(word_piece()) == {0, 2, 3}
    assert special_ids(byte_level()) == {0}  # unknown, but also first and last


def test_an_id_without_a_token_is_its_number() -> None:
    assert token_texts(MODEL.tokenizer, [2, 17, 99]) == ["the", "small", "<99>"]


@pytest.mark.parametrize(
    ("adds", "bos", "prompt", "expected"),
    [
        (False, None, "Paris", (" Paris",)),
        (False, False, "Paris", (" Paris",)),
        (False, True, "Paris", ("<s>", " Paris")),
        (True, None, "Paris", ("<s>", " Paris")),
        (True, True, "Paris", ("<s>", " Paris")),
        (True, False, "Paris", (" Paris",)),
        (False, True, "<s>Paris", ("<s>", " Paris")),
        (False, False, "<s>Paris", ("<s>", " Paris")),
        (True, False, "<s>Paris", ("<s>", " Paris")),
    ],
)
def test_a_bos_is_in_front_as_asked(
    adds: bool, bos: bool | None, prompt: str, expected: tuple[str, ...]
) -> None:
    assert texts(reading(byte_fallback(bos=adds)), prompt, bos=bos) == expected


def test_a_bos_without_a_name_is_left_away_too() -> None:
    tokenizer = byte_fallback()
    tokenizer.bos_token = None
    assert texts(reading(tokenizer), "Paris") == ("<s>", " Paris")
    assert texts(reading(tokenizer), "Paris", bos=False) == (" Paris",)


def test_an_encoder_begins_with_cls() -> None:
    model = reading(word_piece())
    assert texts(model, "play", bos=True) == ("[CLS]", "play", "[SEP]")
    assert texts(model, "play", bos=False) == ("play", "[SEP]")


def test_a_bos_that_there_is_not_is_refused() -> None:
    assert message(reading(metaspace()), "the", bos=True) == (
        "gpt2: its tokenizer has no BOS token. Read the prompt without."
    )


@pytest.mark.parametrize(
    ("n_words", "bos", "n", "cut"),
    [(CONTEXT, None, CONTEXT, 0), (CONTEXT + 5, None, CONTEXT, 5), (CONTEXT, True, CONTEXT, 1)],
)
def test_a_long_prompt_is_cut_at_the_context(
    n_words: int, bos: bool | None, n: int, cut: int
) -> None:
    found = tokens(MODEL, "cat " * n_words, bos=bos)
    assert (len(found.ids), len(found.texts), len(found.special), found.cut) == (n, n, n, cut)
    assert found.special[0] is bool(bos)


def test_what_the_tokenizer_adds_behind_is_cut_first() -> None:
    model = replace(reading(word_piece()), context=4)
    found = tokens(model, "play play play play")
    assert found.texts == ("[CLS]", "play", "play", "play")
    assert found.cut == 2


@pytest.mark.parametrize("prompt", [" ", "   ", "\n", "\u200d"])
def test_a_prompt_of_nothing_visible_is_a_prompt(prompt: str) -> None:
    assert BYTE_LEVEL.tokenizer.decode(list(tokens(BYTE_LEVEL, prompt).ids)) == prompt


def test_an_empty_prompt_is_refused() -> None:
    assert message(MODEL, "") == "gpt2: the prompt is empty. Write something into it."
    assert message(MODEL, "", bos=True) == "gpt2: the prompt is empty. Write something into it."


def test_a_prompt_without_a_token_is_refused() -> None:
    assert message(MODEL, "  ") == (
        "gpt2: its tokenizer makes no token of this prompt. Write something else into it."
    )


def test_half_a_character_is_refused() -> None:
    assert message(MODEL, "the \ud83d cat") == (
        "gpt2: the prompt holds U+D83D, half a character. "
        "Write the whole character, or leave it out."
    )


def test_a_text_too_long_for_any_prompt_is_refused_before_it_is_read() -> None:
    assert len(tokens(MODEL, "x" * MOST_CHARACTERS).ids) == 1
    assert message(MODEL, "x" * (MOST_CHARACTERS + 1)) == (
        "gpt2: the prompt has 400,001 characters, more than 400,000. Shorten it."
    )


@pytest.mark.parametrize("sign", ["a", " ", "\n", "😀"])
def test_a_hundred_thousand_characters_are_cut(sign: str) -> None:
    found = tokens(replace(BYTE_LEVEL, context=CONTEXT), sign * 100_000)
    assert len(found.ids) == CONTEXT
    assert len(found.ids) + found.cut == len(BYTE_LEVEL.tokenizer(sign * 100_000)["input_ids"])


def test_the_demo_model_reads_a_question() -> None:
    model = load_model("sample_data/demo_model")
    found = tokens(model, "Q: Where was she born?\nA:")
    assert "".join(found.texts) == "Q: Where was she born?\nA:"
    assert not any(found.special)
