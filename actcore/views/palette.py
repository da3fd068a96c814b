"""Colours: how a value becomes an opacity, a fraction of a ramp, and a text colour to match.

Leaves drawing to the views; knows no units and no tables.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actcore.errors import UnknownName

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]


class RGB(NamedTuple):
    """A colour, 0..255 each."""

    red: int
    green: int
    blue: int


EMERALD: Final = RGB(52, 211, 153)
WHITE: Final = RGB(255, 255, 255)
#: The ground of pictures in a dark theme, the app's own.
DARK: Final = RGB(17, 21, 20)

#: At or below it a value counts as zero, and the smallest opacity above it: Neuronpedia's numbers.
THRESHOLD: Final = 5e-5
MINIMUM_OPACITY: Final = 0.05

#: Stops at equal distances, interpolated in RGB; "emerald" and "diverging" have white at zero.
RAMPS: Final[dict[str, tuple[str, ...]]] = {
    "emerald": ("#ffffff", "#34d399"),
    "viridis": (
        *("#440154", "#482475", "#414487", "#355f8d", "#2a788e", "#21918c"),
        *("#22a884", "#44bf70", "#7ad151", "#bddf26", "#fde725"),
    ),
    "magma": (
        *("#000004", "#140e36", "#3b0f70", "#641a80", "#8c2981", "#b73779"),
        *("#de4968", "#f7705c", "#fe9f6d", "#fecf92", "#fcfdbf"),
    ),
    "hot": ("#0b0000", "#5b0000", "#ab0000", "#fb0000", "#ff4c00", "#ff9c00", "#ffec00", "#ffffff"),
    "diverging": ("#2166ac", "#67a9cf", "#d1e5f0", "#ffffff", "#fddbc7", "#ef8a62", "#b2182b"),
}


def opacity(values: Any, scale: Any, *, log: bool = True) -> Floats:
    """How strongly each value is coloured, 0..1; 1 is reached at `scale`.

    0 for values that are NaN or at most THRESHOLD, and wherever the scale is not above 0.
    """
    value, full = np.broadcast_arrays(np.asarray(values, np.float64), np.asarray(scale, np.float64))
    shown = (full > 0) & (value > THRESHOLD)
    share = np.zeros(value.shape)
    with np.errstate(over="ignore"):  # a share beyond all bounds is clipped to 1 like any other
        np.divide(value, full, out=share, where=shown)
        if log:
            share = np.log10(1 + 9 * share)
    strength = np.clip(MINIMUM_OPACITY + (1 - MINIMUM_OPACITY) * share, 0.0, 1.0)
    return np.where(shown, strength, 0.0)


def fraction(values: Any, low: Any, high: Any, *, ramp: str, log: bool) -> Floats:
    """Where each value lies on a ramp, 0..1, clamped; NaN stays NaN.

    `low` and `high` are one number each, or arrays that broadcast to the values. "emerald" follows
    `opacity` above `low`; "diverging" puts 0 in the middle, the same distance from both ends,
    whatever `low` and `high` are.
    """
    value, low, high = (np.asarray(part, np.float64) for part in (values, low, high))
    if ramp == "emerald":
        return np.where(np.isnan(value), np.nan, opacity(value - low, high - low, log=log))
    if ramp == "diverging":
        widest = np.maximum(np.abs(low), np.abs(high))
        share = _share(np.abs(value), widest, log=log)
        return 0.5 + 0.5 * np.sign(value) * share
    return _share(value - low, high - low, log=log)


def _share(value: Floats, full: Floats, *, log: bool) -> Floats:
    value, full = np.broadcast_arrays(value, full)
    share = np.where(np.isnan(value), np.nan, 0.0)
    with np.errstate(over="ignore"):
        np.divide(value, full, out=share, where=full > 0)
    share = np.clip(share, 0.0, 1.0)
    return np.asarray(np.log10(1 + 9 * share) if log else share)


def ramp_colour(name: str, fractions: Any, ground: RGB = WHITE) -> Bytes:
    """The colours at these fractions of a ramp; NaN is the ramp's start.

    Returns: uint8 [n, 3]. Raises: UnknownName.
    """
    stops = np.array([_rgb(stop) for stop in ramp_stops(name, ground)], np.float64)
    place = np.nan_to_num(np.clip(np.asarray(fractions, np.float64).ravel(), 0.0, 1.0))
    at = np.linspace(0.0, 1.0, len(stops))
    mixed = np.stack([np.interp(place, at, stops[:, band]) for band in range(3)], axis=1)
    return np.rint(mixed).astype(np.uint8)


def ramp_stops(name: str, ground: RGB = WHITE) -> tuple[str, ...]:
    """A ramp's colours as `#rrggbb`, from its low end; "emerald" begins with the ground.

    Raises: UnknownName.
    """
    if name not in RAMPS:
        raise UnknownName("ramp", name, RAMPS)
    return (hexed(ground), *RAMPS[name][1:]) if name == "emerald" else RAMPS[name]


def over(colour: RGB, strength: float, ground: RGB) -> RGB:
    """The colour that is seen when `colour` lies over `ground` with this opacity."""
    seen = (round(g + (c - g) * strength) for c, g in zip(colour, ground, strict=True))
    return RGB(*seen)


def hexed(colour: RGB) -> str:
    """A colour as `#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def contrast(one: RGB, other: RGB) -> float:
    """The contrast ratio of two colours, 1..21. Source: WCAG 2.2, relative luminance."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def text_on(ground: RGB) -> Literal["#000000", "#ffffff"]:
    """Black or white, whichever is easier to read on this colour (never below 4.5:1)."""
    return "#000000" if contrast(ground, RGB(0, 0, 0)) >= contrast(ground, WHITE) else "#ffffff"


def _luminance(colour: RGB) -> float:
    linear = [
        band / 12.92 if band <= 0.04045 else ((band + 0.055) / 1.055) ** 2.4
        for band in (part / 255 for part in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _rgb(hexadecimal: str) -> RGB:
    return RGB(*bytes.fromhex(hexadecimal.removeprefix("#")))
