"""Labels written as JSON: objects in an array or one a line, or one object of features and labels.

Leaves what a feature is called to `actcore.readers.labels.entries`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from actcore.errors import shortened
from actcore.readers.content import Content, in_line
from actcore.readers.labels.entries import Labels

_ARRAY, _OBJECT = re.compile(rb"\s*\["), re.compile(rb"\s*\{")
_FEATURE = re.compile(r"[0-9]{1,19}|.+[/:][0-9]{1,19}", re.S)
_MEND = "Write the label as `label` or `description`."


class _Entry(msgspec.Struct, gc=False):
    feature: int | str | None = None
    index: int | str | None = None
    layer: int | str | None = None
    site: str | None = None
    label: str | msgspec.UnsetType | None = msgspec.UNSET
    description: str | msgspec.UnsetType | None = msgspec.UNSET
    model: str | None = msgspec.field(default=None, name="modelId")


class _First(msgspec.Struct):
    """What tells an entry from the first value of another format."""

    feature: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    index: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    label: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    description: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    results: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    active_prompts: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET

    def is_entry(self) -> bool:
        others = (self.results, self.active_prompts)
        pairs = (self.feature, self.index), (self.label, self.description)
        said = all(any(one is not msgspec.UNSET for one in pair) for pair in pairs)
        return said and all(one is msgspec.UNSET for one in others)


def claims(content: Content) -> bool:
    """Whether the first entry is one of a feature and its label."""
    if content.kind not in ("JSON", "JSON lines"):
        return False
    if _is_array(content):
        every = content.decoded(content.data, list[msgspec.Raw], "")
        first = bytes(every[0]) if every else b""
        return first[:1] == b"{" and content.decoded(first, _First, "[0]").is_entry()
    return content.top(_First).is_entry() or _is_map(content)


def add(content: Content, labels: Labels) -> None:
    """Puts every entry among the labels. Raises: ReadError."""
    if not _is_array(content) and _is_map(content):
        for name, label in content.decoded(content.data, dict[str, str | None], "").items():
            labels.add(
                f"the entry {shortened(name)}", feature=name, layer=None, site=None, label=label
            )
        return
    for where, entry in _entries(content):
        said = [text for text in (entry.label, entry.description) if text is not msgspec.UNSET]
        if not said:
            raise content.wrong(where, "there is no label", _MEND)
        labels.add(
            where,
            feature=entry.index if entry.feature is None else entry.feature,
            layer=entry.layer,
            site=entry.site,
            label=next(filter(None, said), None),
            model=entry.model,
        )


def _entries(content: Content) -> Iterator[tuple[str, _Entry]]:
    """Every object, and where it stands."""
    if _is_array(content):
        for at, raw in enumerate(content.decoded(content.data, list[msgspec.Raw], "")):
            yield f"[{at}]", content.decoded(raw, _Entry, f"[{at}]")
        return
    for line, value in content.values():
        yield in_line(line, ""), content.decoded(value, _Entry, "", line=line)


def _is_array(content: Content) -> bool:
    return content.kind == "JSON" and _ARRAY.match(content.data) is not None


def _is_map(content: Content) -> bool:
    """Whether it is one object whose first key is a feature, with words beside it."""
    if content.kind != "JSON" or not _OBJECT.match(content.data):
        return False
    every = content.decoded(content.data, dict[str, msgspec.Raw], "")
    name, value = next(iter(every.items()), ("", b""))
    return _FEATURE.fullmatch(name) is not None and bytes(value)[:1] in (b'"', b"n")
