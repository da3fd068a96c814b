"""A prompt as a model reads it: the ids of its tokens, and what each of them stands for.

Leaves the model's pass over them to `capture`, and making them visible to the views.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, cast

from transformers import PreTrainedTokenizerBase
from transformers.convert_slow_tokenizer import bytes_to_unicode

from actcore.errors import LiveError
from actcore.live.models import Model, require_whole, token_ids

#: A tokenizer is not asked about more, for it may need minutes.
MOST_CHARACTERS = 400_000

#: What a tokenizer of that library does, where its file is not one of the tokenizers library.
_SENTENCEPIECE = ({"type": "Metaspace", "replacement": "▁"}, {"type": "ByteFallback"})

Step = Callable[[str], str]

_BYTE_OF = {sign: byte for byte, sign in cast(Any, bytes_to_unicode)().items()}
_LONE_BYTE = re.compile("[\udc80-\udcff]")  # as the error handler surrogateescape writes one
_BYTE_TOKEN = re.compile(r"<0x([0-7][0-9A-F])>")  # beyond 0x7F a byte is a piece of a character


class Tokens(NamedTuple):
    """A prompt's tokens; `cut` is how many more there were than the model can read."""

    ids: tuple[int, ...]
    texts: tuple[str, ...]
    special: tuple[bool, ...]
    cut: int


def tokens(model: Model, text: str, *, bos: bool | None = None) -> Tokens:
    """The tokens of a prompt, the first as many as the model can read.

    With `bos` None, what is put in front is as the tokenizer does it; True adds its BOS where none
    is, False leaves away the one that it adds. What it adds behind goes first where text is cut.

    Raises: LiveError, for an empty prompt, half a character, more than `MOST_CHARACTERS`, and `bos`
            where the tokenizer has none.
    """
    if not text:
        raise LiveError(model.name, "the prompt is empty", "Write something into it.")
    if len(text) > MOST_CHARACTERS:
        wrong = f"the prompt has {len(text):,} characters, more than {MOST_CHARACTERS:,}"
        raise LiveError(model.name, wrong, "Shorten it.")
    require_whole(model, text, "the prompt")
    every = _begun(model, text, bos)
    if not every:
        wrong = "its tokenizer makes no token of this prompt"
        raise LiveError(model.name, wrong, "Write something else into it.")
    ids = every[: model.context]
    special = special_ids(model.tokenizer)
    return Tokens(
        tuple(ids),
        tuple(token_texts(model.tokenizer, ids)),
        tuple(i in special for i in ids),
        len(every) - len(ids),
    )


def special_ids(tokenizer: PreTrainedTokenizerBase) -> set[int]:
    """The ids of tokens that stand for no text: BOS, EOS, PAD, CLS, SEP, marks of turns.

    An unknown word and a mask stand for text, unless their token is also one of the others.
    """
    ends = ("bos", "eos", "pad", "cls", "sep")
    always = {getattr(tokenizer, f"{name}_token_id") for name in ends}
    text = {tokenizer.unk_token_id, getattr(tokenizer, "mask_token_id", None)}
    added = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special}
    return ((added | set(tokenizer.all_special_ids)) - text | always) - {None}


def token_texts(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> list[str]:
    """What each token stands for: ` city`, a line break; of a piece of a word, `##ing`.

    A piece of a character is its bytes, `<0xF0><0x9F>`; an id without a token is `<50300>`.
    """
    added = tokenizer.added_tokens_decoder
    steps = list(_steps(tokenizer))

    def text(number: int, token: str | None) -> str:
        if number in added:
            return str(added[number].content)
        if token is None:
            return f"<{number}>"
        for step in steps:
            token = step(token)
        return token

    named = tokenizer.convert_ids_to_tokens(list(ids))
    return [text(number, token) for number, token in zip(ids, named, strict=True)]


def _begun(model: Model, text: str, bos: bool | None) -> list[int]:
    """The ids, with or without a BOS in front."""
    [ids] = token_ids(model, [text])
    if bos is None:
        return ids
    tokenizer = model.tokenizer
    first = tokenizer.cls_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    if bos and first is None:
        raise LiveError(model.name, "its tokenizer has no BOS token", "Read the prompt without.")
    if bos:
        return ids if ids[:1] == [first] else [first, *ids]
    bare = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    added = ids[1 : len(bare) + 1] == bare
    return ids[1:] if added else ids


def _steps(tokenizer: PreTrainedTokenizerBase) -> list[Step]:
    """How a token's name becomes text, step by step, as the tokenizer's own decoder has it.

    That decoder itself would drop the space before a first word, and join what is joined to it.
    """
    decoder = getattr(getattr(tokenizer, "backend_tokenizer", None), "decoder", None)
    if decoder is not None:
        whole = json.loads(decoder.__getstate__())
        named = whole.get("decoders", [whole])
    else:
        named = _SENTENCEPIECE if hasattr(tokenizer, "sp_model") else ()
    return [step for name in named if (step := _step(name))]


def _step(named: Mapping[str, Any]) -> Step | None:
    match named:
        case {"type": "ByteLevel"}:
            return _of_signs
        case {"type": "ByteFallback"}:
            return _of_byte
        case {"type": "Metaspace", "replacement": old} | {"type": "BPEDecoder", "suffix": old}:
            return partial(_replaced, old=old, new=" ")
        case {"type": "Replace", "pattern": {"String": old}, "content": new}:
            return partial(_replaced, old=old, new=new)
    return None


def _replaced(token: str, *, old: str, new: str) -> str:
    return token.replace(old, new)


def _of_byte(token: str) -> str:
    match = _BYTE_TOKEN.fullmatch(token)
    return chr(int(match[1], 16)) if match else token


def _of_signs(token: str) -> str:
    """The text of a token whose name has one sign for each byte."""
    if not all(sign in _BYTE_OF for sign in token):
        return token
    text = bytes(_BYTE_OF[sign] for sign in token).decode("utf-8", "surrogateescape")
    return _LONE_BYTE.sub(lambda lone: f"<0x{ord(lone[0]) - 0xDC00:02X}>", text)
