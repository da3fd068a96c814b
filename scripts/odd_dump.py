"""Makes `sample_data/odd_dump.json`: a small activation dump with everything that is odd in one.

The features are plain rules about the text, so that a reader can check each value by eye. Leaves
running a model to others: nothing here is learned.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

OUTPUT = Path(__file__).parent.parent / "sample_data" / "odd_dump.json"

#: Prompts by id: group, and tokens divided by "¦".
PROMPTS = {
    "repeats": (
        "text",
        "<bos>¦the¦ cat¦ and¦ the¦ cat¦ and¦ the¦ dog¦ and¦ the¦ cat",
    ),
    "markup": (
        "code",
        '<bos>¦<b>¦bold¦</b>¦ (¦<img src=x onerror="alert(\'no\')">¦)¦ [¦</script>¦]¦ "a" & b',
    ),
    "emoji": ("text", "<bos>¦Hi¦ 👋¦🏽¦ family¦ 👨‍👩‍👧‍👦¦ flag¦ 🇮🇹¦ ok¦ ✅"),
    "scripts": (
        "text",
        "<bos>¦« Où ?¦ »¦ שלום¦ עולם¦ مرحبا¦ 你好¦世界¦ こんにちは¦ 안녕¦ e¦\u0301¦→",
    ),
    "bytes": ("text", "<bos>¦price¦ 42¦ ¦<0xE2>¦<0x82>¦<0xAC>¦\n¦\t¦\n\n¦¦▁end¦."),
    "chat": (
        "chat",
        "<|im_start|>¦user¦\n¦What¦ is¦ 7¦ *¦ 6¦?¦<|im_end|>¦\n¦<|im_start|>¦assistant¦\n¦42¦."
        "¦<|im_end|>",
    ),
    "one_token": ("text", "alone"),
}

Rule = Callable[[Sequence[str], int], float]


def _share(chosen: Callable[[str], bool]) -> Rule:
    """A rule: 8 times the share of the token's characters that are chosen."""

    def value(tokens: Sequence[str], at: int) -> float:
        text = tokens[at].strip() or tokens[at]
        return round(8 * sum(map(chosen, text)) / len(text), 2) if text else 0.0

    return value


def _repeats(tokens: Sequence[str], at: int) -> float:
    return 2.5 * tokens[:at].count(tokens[at])


def _start(_tokens: Sequence[str], at: int) -> float:
    """What many real features do: strongest by far on the first token, whatever it is."""
    return 120.0 if at == 0 else round(3.0 / at, 2)


def _special(tokens: Sequence[str], at: int) -> float:
    return 6.0 if tokens[at].startswith("<|") or tokens[at] == "<bos>" else 0.0


#: Features by source and index. The last is on for nothing here.
FEATURES: dict[tuple[str, int | str], Rule] = {
    ("0-toy", 1): _repeats,
    ("0-toy", "2"): _share(str.isupper),
    ("1-toy", 1): _share(lambda character: character in "()[]<>"),
    ("1-toy", 12): _share(str.isdigit),
    ("2-toy", 21): _share(lambda character: unicodedata.bidirectional(character) in ("R", "AL")),
    ("2-toy", 22): _share(lambda character: unicodedata.category(character) == "So"),
    ("2-toy", 23): _share(lambda character: unicodedata.category(character) in ("Pi", "Pf", "Po")),
    ("3-toy", 31): _start,
    ("3-toy", 32): _special,
    ("white:space/rules", "7"): _share(str.isspace),
    ("3-toy", 99): lambda _tokens, _at: 0.0,
}
#: What was not measured: the rule about digits, on the byte tokens.
UNMEASURED = {("bytes", "1-toy", 12, position) for position in (4, 5, 6)}


def _activation(id: str, tokens: Sequence[str], source: str, index: int | str) -> dict[str, Any]:
    rule = FEATURES[source, index]
    values = [
        None if (id, source, index, at) in UNMEASURED else rule(tokens, at)
        for at in range(len(tokens))
    ]
    return {"source": source, "index": index, "values": values}


def _probe(number: int, id: str) -> dict[str, Any]:
    group, text = PROMPTS[id]
    tokens = text.split("¦")
    names = list(FEATURES)
    turned = names[number:] + names[:number]  # another order in each probe, as in real dumps
    return {
        "probe_id": id,
        "group": group,
        "prompt": "".join(tokens).removeprefix("<bos>"),
        "tokens": tokens,
        "activations": [_activation(id, tokens, *name) for name in turned],
    }


def main() -> None:
    """Writes the dump."""
    probes = [_probe(number, id) for number, id in enumerate(PROMPTS)]
    dump = {"model": "rules about text", "source_set": "toy", "results": probes}
    words = json.dumps(dump, ensure_ascii=False, separators=(",", ":"))
    lines = words.replace('{"probe_id"', '\n{"probe_id"').replace('{"source"', '\n {"source"')
    OUTPUT.write_text(f"{lines}\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
