"""`tokens`: the strips of the top features and the features x tokens picture of a dump.

Leaves drawing to `actcore.figures`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from actcore.cli.pictures import said, scale_argument, write_all
from actcore.dataset import Dataset
from actcore.errors import BadValue, NotMeasured
from actcore.export import FORMATS
from actcore.figures import draw
from actcore.readers import read
from actcore.sites import FeatureId, source_name
from actcore.views.text import file_name, one_line
from actcore.views.view import View


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what `tokens` takes."""
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
    scale_argument(parser)


def run(chosen: argparse.Namespace) -> None:
    """Writes the pictures."""
    dataset = read(chosen.dump)
    look = {
        "specials": "include" if chosen.include_bos else "exclude",
        "tokens_per_row": chosen.tokens_per_row,
        "values": not chosen.no_values,
    }
    if chosen.feature_id is not None:
        name = f"feature_{file_name(chosen.feature_id.replace(':', '_'))}_stacked"
        view = draw("stacked_strips", dataset, feature=chosen.feature_id, **look)
        n_pictures = _written([(name, view)], chosen)
    else:
        # Every prompt is ranked before the first is drawn, so that wrong use leaves nothing behind.
        ranked = _all_ranked(dataset, chosen)
        n_pictures = sum(
            _written(_of_probe(dataset, probe, features, look), chosen)
            for probe, features in ranked.items()
        )
    print(said(n_pictures, chosen.output_dir))


def _written(pictures: Sequence[tuple[str, View]], chosen: argparse.Namespace) -> int:
    named = [(f"{name}.{chosen.format}", view) for name, view in pictures]
    return write_all(named, chosen.output_dir, scale=chosen.scale)


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
