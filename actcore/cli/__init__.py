"""The command line: every figure without a browser, and files looked into and converted.

`python -m actcore COMMAND`; exit 0 done, 2 wrong use or bad input (one message, no traceback).
Leaves every number and picture to `actcore.figures`, every file to `actcore.export`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

from actcore.dataset import Dataset, concat
from actcore.errors import ActcoreError, BadValue, NotMeasured
from actcore.export import FORMATS, encode, save, save_dataset, write
from actcore.figures import FIGURES, draw
from actcore.readers import READERS, read
from actcore.sites import FeatureId, source_name
from actcore.views.text import file_name, one_line
from actcore.views.view import View


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    chosen = _parser().parse_args(arguments)
    try:
        chosen.run(chosen)
    except ActcoreError as error:
        print(f"actcore {chosen.command}: {one_line(str(error))}", file=sys.stderr)
        return 2
    return 0


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line instead of repeating the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}. See {self.prog} --help.\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="actcore", description="Explore activations of language models.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        added = commands.add_parser(name, help=command.help, description=command.help)
        command.arguments(added)
        added.set_defaults(run=command.run)
    return parser


def _tokens_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("dump", help="an activation dump, or any file that reads as one")
    add("-o", "--output-dir", type=Path, default=Path("output/activation_heatmaps"))
    add("-k", "--top-k", type=int, default=10, help="strips of this many features (10)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--probe-index", type=int, default=0, help="which prompt, from 0 (0)")
    which.add_argument("--all-probes", action="store_true", help="every prompt")
    add("--tokens-per-row", type=int, default=20, help="0: as many as fit (20)")
    add("--no-values", action="store_true", help="no numbers beneath the tokens")
    add("--combined-only", action="store_true", help="the features x tokens picture alone")
    add("--feature-id", metavar="SRC:IDX", help="one feature stacked over all prompts, alone")
    add("--include-bos", action="store_true", help="special tokens count and set the scale")
    add("--format", choices=FORMATS, default="png", help="what to write (png)")
    _scale_argument(parser)


def _scale_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--scale", type=float, help="PNG pixels per unit (2, less for huge pictures)"
    )


def _tokens(chosen: argparse.Namespace) -> None:
    dataset = read(chosen.dump)
    look = {
        "specials": "include" if chosen.include_bos else "exclude",
        "tokens_per_row": chosen.tokens_per_row,
        "values": not chosen.no_values,
    }
    if chosen.feature_id is not None:
        name = f"feature_{file_name(chosen.feature_id.replace(':', '_'))}_stacked"
        view = draw("stacked_strips", dataset, feature=chosen.feature_id, **look)
        n_pictures = _write_all([(name, view)], chosen)
    else:
        # Every prompt is ranked before the first is drawn, so that wrong use leaves nothing behind.
        ranked = _all_ranked(dataset, chosen)
        n_pictures = sum(
            _write_all(_of_probe(dataset, probe, features, look), chosen)
            for probe, features in ranked.items()
        )
    number = "1 picture" if n_pictures == 1 else f"{n_pictures:,} pictures"
    print(f"{number} in {chosen.output_dir}")


def _write_all(pictures: Sequence[tuple[str, View]], chosen: argparse.Namespace) -> int:
    """Writes pictures that belong together, all or none, and counts them."""
    files = [(name, encode(view, chosen.format, scale=chosen.scale)) for name, view in pictures]
    for name, data in files:
        write(data, chosen.output_dir / f"{name}.{chosen.format}")
    return len(files)


def _probes(dataset: Dataset, chosen: argparse.Namespace) -> Sequence[int]:
    n = dataset.prompts.num_rows
    if chosen.all_probes:
        return range(n)
    if not 0 <= chosen.probe_index < n:
        raise BadValue("--probe-index", chosen.probe_index, f"0 to {n - 1}")
    return [chosen.probe_index]


def _all_ranked(dataset: Dataset, chosen: argparse.Namespace) -> dict[int, list[FeatureId]]:
    """The features of each prompt that get a strip; of several prompts, those without any go."""
    probes, ranked = _probes(dataset, chosen), {}
    for probe in probes:
        try:
            ranked[probe] = _ranked(dataset, probe, chosen)
        except NotMeasured as error:
            if not chosen.all_probes:
                raise
            print(f"actcore tokens: left out: {one_line(str(error))}", file=sys.stderr)
    return ranked


def _ranked(dataset: Dataset, probe: int, chosen: argparse.Namespace) -> list[FeatureId]:
    """The features of a prompt that get a strip, best first."""
    specials = "include" if chosen.include_bos else "exclude"
    table = draw("top_features", dataset, prompt=probe, k=chosen.top_k, specials=specials).table
    columns = (table[name].to_pylist() for name in ("layer", "site", "index"))
    return [] if chosen.combined_only else list(map(FeatureId, *columns))


def _of_probe(
    dataset: Dataset,
    probe: int,
    features: Sequence[FeatureId],
    look: dict[str, object],
) -> list[tuple[str, View]]:
    """The pictures of one prompt, each with its path below the output folder, less the suffix."""
    folder, specials = f"probe_{probe}", look["specials"]
    combined = draw("feature_by_token", dataset, prompt=probe, specials=specials)
    pictures: list[tuple[str, View]] = [(f"{folder}/combined_heatmap", combined)]
    for rank, id in enumerate(features, 1):
        view = draw("token_strip", dataset, prompt=probe, feature=str(id), **look)
        source = file_name(source_name(id.layer, id.site))
        pictures.append((f"{folder}/feature_{source}_{id.index}_rank{rank}", view))
    return pictures


def _inputs_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="a file of any known format")


def _info_arguments(parser: argparse.ArgumentParser) -> None:
    _inputs_argument(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line and input")


def _info(chosen: argparse.Namespace) -> None:
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


def _draw_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("figure", choices=FIGURES, metavar="FIGURE", help=", ".join(FIGURES))
    _inputs_argument(parser)
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="suffix chooses the format"
    )
    _scale_argument(parser)


def _draw(chosen: argparse.Namespace) -> None:
    settings = {}
    for words in chosen.set:
        name, equals, value = words.partition("=")
        if not equals:
            raise BadValue("--set", words, "NAME=VALUE, such as k=5")
        settings[name] = value
    save(draw(chosen.figure, _one(chosen.inputs), **settings), chosen.output, scale=chosen.scale)
    print(chosen.output)


def _one(inputs: Sequence[str]) -> Dataset:
    """The Dataset of all inputs together."""
    datasets = [read(path) for path in inputs]
    return datasets[0] if len(datasets) == 1 else concat(datasets)


def _convert_arguments(parser: argparse.ArgumentParser) -> None:
    _inputs_argument(parser)
    parser.add_argument("-o", "--output", type=Path, required=True, help=".parquet, .csv or .json")


def _convert(chosen: argparse.Namespace) -> None:
    save_dataset(_one(chosen.inputs), chosen.output)
    print(chosen.output)


class Command(NamedTuple):
    """One command: what it is for, its arguments, and what it does."""

    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], None]


COMMANDS = {
    "tokens": Command(
        "Strips of the top features and the features x tokens picture of an activation dump.",
        _tokens_arguments,
        _tokens,
    ),
    "info": Command(
        "What a file is: reader, counts, unit, what a missing value means, digest. "
        f"Knows {' and '.join(reader.name for reader in READERS)}.",
        _info_arguments,
        _info,
    ),
    "draw": Command("Any figure of any file, as a picture or a table.", _draw_arguments, _draw),
    "convert": Command(
        "A file as a long table (Parquet, CSV) or an activation dump (JSON).",
        _convert_arguments,
        _convert,
    ),
}
