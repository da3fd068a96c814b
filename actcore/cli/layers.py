"""`layers`: layer by token for each run, the runs in 3-D, and the difference of two runs.

Leaves drawing to `actcore.figures`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from actcore.cli.files import joined
from actcore.cli.pictures import said, scale_argument, write_all
from actcore.dataset import Dataset
from actcore.errors import BadValue, Mismatch, NotMeasured
from actcore.figures import draw
from actcore.readers import read
from actcore.views.text import file_name, one_line
from actcore.views.view import View

#: Prompts of one file that are drawn at most: each 3-D page carries five megabytes of library.
_MOST = 20
_CHOICES = {
    "reduce": ("mean", "max", "l2"),
    "colours": ("shared", "runs", "layer"),
    "align": ("position", "text"),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what `layers` takes."""
    add = parser.add_argument
    add("runs", nargs="+", metavar="CSV", help="neuron norms, one run a file, or any file")
    add("-o", "--output-dir", type=Path, default=Path("output/layers"))
    add("--reduce", choices=_CHOICES["reduce"], default="mean", help="over a cell's neurons (mean)")
    add("--colours", choices=_CHOICES["colours"], default="shared", help="one scale for (shared)")
    add("--align", choices=_CHOICES["align"], default="position", help="tokens of two runs")
    add("--include-bos", action="store_true", help="special tokens set the scale too")
    scale_argument(parser)


def run(chosen: argparse.Namespace) -> None:
    """Writes the pictures: of every run, and of the first run against each other one."""
    datasets = [read(path) for path in chosen.runs]
    dataset = joined(datasets)
    names = _names(dataset)
    # In a dump of many prompts nobody asked for the first against each other.
    alone = len(names) == sum(part.prompts.num_rows > 0 for part in datasets)
    if not alone and len(names) > _MOST:
        allowed = f"at most {_MOST}; draw one with `draw layer_by_token --set prompt=...`"
        raise BadValue("the number of prompts", len(names), allowed)
    pictures = _of_all(dataset, names, chosen, alone=alone)
    if alone:
        pictures += _differences(dataset, names, chosen)
    n_files = write_all(pictures, chosen.output_dir, scale=chosen.scale)
    print(said(n_files, chosen.output_dir))


def _differences(
    dataset: Dataset, names: list[str], chosen: argparse.Namespace
) -> Iterator[tuple[str, View]]:
    for number, name in enumerate(names[1:], start=1):
        difference = draw(
            "layer_difference",
            dataset,
            a=0,
            b=number,
            align=chosen.align,
            reduce=chosen.reduce,
            scale="layer" if chosen.colours == "layer" else "shared",
            specials=_specials(chosen),
        )
        stem = f"downproj_diff_{names[0]}_vs_{name}"
        yield f"{stem}.png", difference
        yield f"{stem}.csv", difference


def _specials(chosen: argparse.Namespace) -> str:
    return "include" if chosen.include_bos else "exclude"


def _names(dataset: Dataset) -> list[str]:
    """What the files of each run are called. Raises: Mismatch; NotMeasured, without a run."""
    runs = dataset.prompts["id"].to_pylist()
    if not runs:
        wrong, mend = "it has no prompts", "Name a file of measurements."
        raise NotMeasured(f"Layers of {dataset.source.name}", wrong, mend)
    names = [file_name(name) for name in runs]
    for at, name in enumerate(names):
        if name in names[:at]:
            wrong = (
                f"The runs {runs[names.index(name)]!r} and {runs[at]!r} would have the same files"
            )
            raise Mismatch(wrong, "Rename one of them.")
    return names


def _of_all(
    dataset: Dataset, names: list[str], chosen: argparse.Namespace, *, alone: bool
) -> list[tuple[str, View]]:
    """The pictures of every run; prompts of a dump that have nothing measured are left out."""
    pictures: list[tuple[str, View]] = []
    notes: list[str] = []
    for number, name in enumerate(names):
        try:
            pictures += _of_run(dataset, number, name, chosen)
        except NotMeasured as error:
            if alone or len(notes) == len(names) - 1:
                raise
            notes.append(f"actcore layers: left out: {one_line(str(error))}")
    for note in notes:
        print(note, file=sys.stderr)
    return pictures


def _of_run(
    dataset: Dataset, number: int, name: str, chosen: argparse.Namespace
) -> list[tuple[str, View]]:
    """The pictures of one run, each with its file name."""
    heatmap = draw(
        "layer_by_token",
        dataset,
        prompt=number,
        reduce=chosen.reduce,
        scale=chosen.colours,
        specials=_specials(chosen),
    )
    space = draw("token_layer_space", dataset, prompt=number, specials=_specials(chosen))
    return [
        (f"downproj_heatmap_{name}.png", heatmap),
        (f"downproj_heatmap_{name}.csv", heatmap),
        (f"downproj_activity_3d_{name}.html", space),
    ]
