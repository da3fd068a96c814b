"""Which tokens are special."""

from __future__ import annotations

import pytest

from actcore.readers.special import SPECIAL_TOKENS, is_special


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
