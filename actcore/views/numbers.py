"""Numbers as a reader wants them on an axis, in a legend or in a table cell.

Leaves full precision to the tables that every view carries.
"""

from __future__ import annotations

import math


def plain(value: float) -> str:
    """A number in about four digits: 105.4, 2,413, 0.0213, 1.2e-05."""
    size = abs(value)
    if not math.isfinite(value):
        return "" if math.isnan(value) else str(value)
    if size == 0:
        return "0"
    if size < 1e-3 or size >= 1e7:
        return f"{value:.3g}"
    if size >= 1000:
        return f"{value:,.0f}"
    digits = max(0, 3 - math.floor(math.log10(size)))
    written = f"{value:.{min(digits, 5)}f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


def fixed(value: float, form: str) -> str:
    """A number in a format such as ".2f"; small ones that it would write as zero are like 3e-4."""
    words = format(value or 0.0, form)
    if value == 0 or float(words.replace(",", "")):
        return words
    digit, power = f"{value:.0e}".split("e")
    return f"{digit}e{int(power)}"


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers from `low` to `high`, both ends kept, at most about `count` steps apart."""
    if not high > low:
        return [low]
    step = _round_up((high - low) / count)
    first = math.ceil(low / step - 1e-9)
    inner = [first * step + step * at for at in range(count + 2)]
    return [low, *(t for t in inner if low + step / 3 < t < high - step / 3), high]


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers that the log scale of colours spreads evenly, both ends kept."""
    if not high > low:
        return [low]
    inner = (_round_up((high - low) * share) for share in (0.02, 0.1, 0.3))
    return [low, *(low + step for step in inner), high]


def _round_up(value: float) -> float:
    size = 10.0 ** math.floor(math.log10(value))
    return next(size * factor for factor in (1, 2, 5, 10) if size * factor >= value * 0.999)
