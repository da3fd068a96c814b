"""Which tokens are special, and which of them are padding."""

from __future__ import annotations

import pytest

from actcore.special import PADDING, SPECIAL_TOKENS, is_special, padding_start


@pytest.mark.parametrize(
    "text",
    [
        *("<bos>", "<s>", "</s>", "<pad>", "<|endoftext|>", "<|begin_of_text|>", "<|im_start|>"),
        *("<|im_end|>", "[CLS]", "[SEP]", "[PAD]", "<|eot_id|>", "<|end_header_id|>"),
        *(
            "<start_of_turn>",
            "<unused17>",
            "<|reserved_special_token_5|>",
            "<｜begin▁of▁sentence｜>",
        ),
    ],
)
def test_marks_of_usual_tokenizers_are_special(text: str) -> None:
    assert is_special(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "bos",
        " <bos>",
        "<BOS",
        "<0x0A>",
        "\n",
        "</script>",
        "<b>",
        "<unk>",
        "[MASK]",
        "[1]",
    ],
)
def test_what_stands_for_text_is_not(text: str) -> None:
    assert not is_special(text)


def test_every_mark_looks_like_one() -> None:
    assert [text for text in SPECIAL_TOKENS if text[0] + text[-1] not in ("<>", "[]")] == []


@pytest.mark.parametrize(
    ("texts", "start"),
    [
        ([], 0),
        (["a"], 1),
        (["a", "<|eot_id|>", "b"], 3),
        (["<s>", "a", "<|eot_id|>", "<|eot_id|>"], 2),
        (["a", "</s>", "<pad>"], 2),
        (["a", "<|reserved_special_token_0|>"], 1),
        (["<|endoftext|>"] * 3, 1),
        (["<|endoftext|>"], 1),
        (["a", "<s>", "<s>"], 3),
    ],
)
def test_padding_is_the_run_at_the_end(texts: list[str], start: int) -> None:
    assert padding_start(texts) == start


def test_padding_is_special() -> None:
    assert [text for text in PADDING if not is_special(text)] == []
