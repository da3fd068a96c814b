"""Settings of figures as people write them (`k=all`, `log=no`), turned into what figures take.

Leaves the meaning of a setting to its figure.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any, Literal

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
        if typing.get_origin(option) is Literal and value in typing.get_args(option):
            return value
        if option is type(None) and isinstance(value, str) and value.lower() in _ALL:
            return None
        if option is bool and isinstance(value, bool | str) and str(value).lower() in _YES_NO:
            return _YES_NO[str(value).lower()]
        if option is int and _is_whole(value):
            return int(value)
        if option is str and isinstance(value, str):
            return value
    raise BadValue(name, value, " or ".join(map(_said, options)))


def _is_whole(value: Any) -> bool:
    if isinstance(value, str):
        digits = value.removeprefix("-")
        return digits.isascii() and digits.isdecimal() and len(digits) < 19
    return isinstance(value, Integral) and not isinstance(value, bool)


def _said(option: Any) -> str:
    """A type in the words of the message."""
    if typing.get_origin(option) is Literal:
        return ", ".join(typing.get_args(option))
    words = {int: "a whole number", bool: "yes or no", str: "text", type(None): "all"}
    return words[option]
