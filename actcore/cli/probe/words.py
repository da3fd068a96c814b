"""A run on the terminal: models, SAEs, and of each prompt its features and what comes next.

Leaves the numbers to `answers`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from actcore.analysis import Order
from actcore.cli.probe.answers import Answers
from actcore.sites import FeatureId
from actcore.views.numbers import plain
from actcore.views.text import broken, columns, one_line, visible, wrapped

if TYPE_CHECKING:
    from actcore.live.fit import Fit
    from actcore.live.saes import Sae
    from actcore.live.steer import Steered

#: Where the output is no terminal.
_WIDTH = 100
_TOKEN, _FEATURE, _LABEL = 24, 36, 8
#: How many of the tokens that may come next are shown.
_NEXT = 5


class _Column(NamedTuple):
    title: str
    words: list[str]
    right: bool = True
    most: int = _WIDTH


def said(answers: Answers, *, k: int, order: Order) -> str:
    """The run in lines no wider than the terminal, free of control characters."""
    width = shutil.get_terminal_size((_WIDTH, 0)).columns
    lines = _wrapped(_heading(answers), width)
    for prompt in range(answers.dataset.prompts.num_rows):
        lines += ["", *_prompt(answers, prompt, k, order, width)]
    return "\n".join(lines)


def _heading(answers: Answers) -> Iterator[str]:
    model = answers.model
    kind = str(model.dtype).removeprefix("torch.")
    yield (
        f"{_name(model.name)}: {model.n_layers} layers, width {model.d_model:,}, "
        f"{kind} on {model.device}"
    )
    for sae, fit in zip(answers.saes, answers.fits, strict=True):
        yield _of_sae(sae, fit)
        if fit.warning:
            yield f"warning: {one_line(fit.warning)}"
    if answers.edits:
        from actcore.live.said import said_edits

        yield f"edits: {one_line(said_edits(answers.edits, answers.dataset))}"


def _of_sae(sae: Sae, fit: Fit) -> str:
    explained = fit.explained_variance
    known = "not known" if explained is None else f"{explained:.3f}"
    return (
        f"{fit.where}: {fit.d_sae:,} features of {_name(fit.sae)} ({sae.format}), "
        f"L0 {plain(fit.l0)}, explained variance {known}"
    )


def _name(name: str) -> str:
    """The last part of a path, or of `owner/name`."""
    return one_line(name.rstrip("/").rpartition("/")[2])


def _prompt(answers: Answers, row: int, k: int, order: Order, width: int) -> Iterator[str]:
    text = answers.dataset.prompts["text"][row].as_py()
    start, stop = answers.dataset.prompt_starts[row : row + 2]
    yield _cut(f"{stop - start:,} tokens: {one_line(text)}", width)
    table = answers.top(row, k=k, order=order)
    if table.num_rows:
        yield from _lines(_features(table.to_pydict()), width)
    else:
        yield from wrapped("No feature is listed, or no token that is not special.", width)
    if answers.steered:
        yield ""
        yield from _next(answers.steered[row], width)


def _features(table: dict[str, list[Any]]) -> list[_Column]:
    ids = zip(table["layer"], table["site"], table["index"], strict=True)
    numbers = {name: [_number(value) for value in table[name]] for name in ("peak", "mean", "last")}
    columns = [
        _Column("rank", [str(rank) for rank in table["rank"]]),
        _Column("feature", [one_line(str(FeatureId(*id))) for id in ids], False, _FEATURE),
        _Column("peak", numbers["peak"]),
        # Where a feature is active nowhere, its peak is on no token.
        _Column("token", _of_active(table, map(_quoted, table["text"])), False, _TOKEN),
        _Column("position", _of_active(table, map(str, table["position"]))),
        _Column("mean", numbers["mean"]),
        _Column("last", numbers["last"]),
        _Column("share", [_share(value) for value in table["density"]]),
    ]
    labels = [one_line(label) if label else "" for label in table["label"]]
    return [*columns, _Column("label", labels, False)] if any(labels) else columns


def _of_active(table: dict[str, list[Any]], words: Iterable[str]) -> list[str]:
    return [word if peak else "" for word, peak in zip(words, table["peak"], strict=True)]


def _next(steered: Steered, width: int) -> Iterator[str]:
    table = steered.next_tokens.slice(0, _NEXT).to_pydict()
    columns = [
        _Column("next token", [_quoted(text) for text in table["text"]], False, _TOKEN),
        _Column("p", [_share(p) for p in table["p"]]),
    ]
    if steered.kl is not None:
        columns.append(_Column("p with edits", [_share(p) for p in table["p_steered"]]))
    yield from _lines(columns, width)
    yield from _wrapped(_after(steered), width)


def _after(steered: Steered) -> Iterator[str]:
    if steered.kl is not None:
        yield f"KL divergence {plain(steered.kl)} nats"
    for name, text in (("goes on", steered.text), ("with edits", steered.text_steered)):
        if text:
            yield f"{name}: {_quoted(text)}"


def _wrapped(lines: Iterable[str], width: int) -> list[str]:
    return [part for line in lines for part in wrapped(line, width)]


def _lines(table: Sequence[_Column], width: int) -> Iterator[str]:
    """Aligned columns; the last one takes what room is left."""
    widths = [
        min(column.most, max(map(columns, [column.title, *column.words]))) for column in table
    ]
    room = width - sum(widths[:-1]) - 2 * len(widths[:-1])
    widths[-1] = max(_LABEL, min(widths[-1], room))
    titles = [column.title for column in table]
    for row in (titles, *zip(*(column.words for column in table), strict=True)):
        cells = map(_cell, row, table, widths)
        yield _cut("  ".join(cells).rstrip(), width)


def _cell(word: str, column: _Column, width: int) -> str:
    shown = _cut(word, width)
    space = " " * (width - columns(shown))
    return space + shown if column.right else shown + space


def _cut(text: str, width: int) -> str:
    """The text, or its beginning and an ellipsis in so many columns."""
    return text if columns(text) <= width else f"{broken(text, max(width - 1, 1))[0]}…"


def _quoted(token: str) -> str:
    return f'"{visible(token)}"'


def _number(value: float | None) -> str:
    return "" if value is None else plain(value)


def _share(value: float | None) -> str:
    if value is None:
        return ""
    return "<0.1%" if 0 < value < 0.0005 else f"{value:.1%}"
