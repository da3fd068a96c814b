"""`info`, `draw` and `convert`: any file looked into, drawn, or written in another format.

Leaves reading to `actcore.readers`, figures to `actcore.figures`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from actcore.cli.pictures import scale_argument
from actcore.dataset import Dataset, together
from actcore.dataset.long import not_in_long
from actcore.errors import BadValue
from actcore.export import save, save_dataset
from actcore.figures import FIGURES, draw
from actcore.readers import read
from actcore.views.text import one_line


def _inputs_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="a file, or folder of results")


def info_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what `info` takes."""
    _inputs_argument(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line and input")


def run_info(chosen: argparse.Namespace) -> None:
    """Prints what the inputs are."""
    every = [(path, facts(read(path))) for path in chosen.inputs]
    for path, known in every:
        if chosen.json:
            print(json.dumps(known))
            continue
        print(path)
        for name, fact in known.items():
            said = f"{fact:,}" if isinstance(fact, int) else one_line(fact)
            print(f"  {name:<11} {said}")


def facts(dataset: Dataset) -> dict[str, str | int]:
    """What a Dataset holds, in few numbers."""
    return {
        "reader": dataset.source.reader,
        "unit": dataset.source.unit,
        "absent": dataset.source.absent,
        "n_prompts": dataset.prompts.num_rows,
        "n_tokens": dataset.tokens.num_rows,
        "n_features": dataset.features.num_rows,
        "n_measured": dataset.n_measured,
        "n_active": dataset.n_active,
        "n_special": dataset.n_special,
        "digest": dataset.source.digest,
    }


def draw_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what `draw` takes."""
    parser.add_argument("figure", choices=FIGURES, metavar="FIGURE", help=", ".join(FIGURES))
    _inputs_argument(parser)
    set_argument(parser, "of the figure, such as k=5")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="suffix chooses the format"
    )
    scale_argument(parser)


def run_draw(chosen: argparse.Namespace) -> None:
    """Writes one figure."""
    view = draw(chosen.figure, one(chosen.inputs), **settings_of(chosen.set))
    save(view, chosen.output, scale=chosen.scale)
    print(chosen.output)


def set_argument(parser: argparse.ArgumentParser, what: str) -> None:
    """Adds `--set`."""
    said = f"a setting {what}"
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=said)


def settings_of(words: Sequence[str]) -> dict[str, str]:
    """Settings written as NAME=VALUE. Raises: BadValue."""
    settings = {}
    for setting in words:
        name, equals, value = setting.partition("=")
        if not equals:
            raise BadValue("--set", setting, "NAME=VALUE, such as k=5")
        settings[name] = value
    return settings


def one(inputs: Sequence[str]) -> Dataset:
    """The Dataset of all inputs together."""
    return joined([read(path) for path in inputs])


def joined(datasets: Sequence[Dataset]) -> Dataset:
    """Several Datasets as one; what of them is not used is said on the error stream."""
    dataset, notes = together(datasets)
    for note in notes:
        print(one_line(note), file=sys.stderr)
    return dataset


def convert_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what `convert` takes."""
    _inputs_argument(parser)
    parser.add_argument("-o", "--output", type=Path, required=True, help=".parquet, .csv or .json")


def run_convert(chosen: argparse.Namespace) -> None:
    """Writes the Dataset of all inputs, and says what of it a long table cannot hold."""
    dataset = one(chosen.inputs)
    save_dataset(dataset, chosen.output)
    if lost := not_in_long(dataset):
        said = ", ".join(name.replace("_", " ") for name in lost)
        print(f"actcore convert: left out: {said}", file=sys.stderr)
    print(chosen.output)
