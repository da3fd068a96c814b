"""Settings of figures as people write them (`k=all`, `log=no`), turned into what figures take.

Leaves the meaning of a setting to its figure.
"""

from __future__ import annotations

import inspect
import math
import types
import typing
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any, Literal, NamedTuple

from actcore.errors import BadValue, UnknownName
from actcore.sites import FeatureId

_YES_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_ALL = ("all", "none", "")


def parsed_settings(figure: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a figure, strings among them parsed to the types it declares.

    Raises: UnknownName, for a setting that it has not; BadValue, for a value it cannot take.
    """
    hints = typing.get_type_hints(figure)
    known = [name for name in inspect.signature(figure).parameters if name != "dataset"]
    for name in given:
        if name not in known:
            raise UnknownName("setting", name, known)
    plain = {
        name: str(value) if isinstance(value, FeatureId) else value for name, value in given.items()
    }
    return {name: _parsed(name, value, hints[name]) for name, value in plain.items()}


def _parsed(name: str, value: Any, hint: Any) -> Any:
    """A value that fits the hint. `None` in a hint is written `all`."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if value is None and type(None) in options:
        return None
    for option in options:
        if typing.get_origin(option) is Literal:
            if value in typing.get_args(option):
                return value
        elif _KINDS[option].fits(value):
            return _KINDS[option].parse(value)
    raise BadValue(name, value, " or ".join(map(_said, options)))


def _is_whole(value: Any) -> bool:
    if isinstance(value, str):
        digits = value.removeprefix("-")
        return digits.isascii() and digits.isdecimal() and len(digits) < 19
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    """Whether it is, or says, a finite number."""
    if isinstance(value, bool) or not isinstance(value, str | Real):
        return False
    try:
        return math.isfinite(float(value))
    except (ValueError, OverflowError):
        return False


def _is_yes_or_no(value: Any) -> bool:
    return isinstance(value, bool | str) and str(value).lower() in _YES_NO


def _is_all(value: Any) -> bool:
    return isinstance(value, str) and value.lower() in _ALL


class _Kind(NamedTuple):
    """A type of setting: what a message calls it, what fits it, and what becomes of that."""

    said: str
    fits: Callable[[Any], bool]
    parse: Callable[[Any], Any]


_KINDS: dict[Any, _Kind] = {
    int: _Kind("a whole number", _is_whole, int),
    float: _Kind("a number", _is_number, float),
    bool: _Kind("yes or no", _is_yes_or_no, lambda value: _YES_NO[str(value).lower()]),
    str: _Kind("text", lambda value: isinstance(value, str), str),
    type(None): _Kind("all", _is_all, lambda _: None),
}


def _said(option: Any) -> str:
    """A type in the words of the message."""
    if typing.get_origin(option) is Literal:
        return ", ".join(typing.get_args(option))
    return _KINDS[option].said
