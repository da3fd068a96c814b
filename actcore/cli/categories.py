"""`categories`: features by groups of prompts, and on how many prompts each feature is active.

Leaves drawing to `actcore.figures`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from actcore.cli.files import one, set_argument, settings_of
from actcore.cli.pictures import said, scale_argument, write_all
from actcore.figures import draw


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what `categories` takes."""
    add = parser.add_argument
    add("prompts", nargs="+", help="active prompts per feature (JSONL), or any file with groups")
    add("--descriptions", action="append", default=[], metavar="CSV", help="what features mean")
    add("-o", "--output-dir", type=Path, default=Path("output/categories"))
    set_argument(parser, "of feature_by_group, such as reduce=median")
    scale_argument(parser)


def run(chosen: argparse.Namespace) -> None:
    """Writes the pictures."""
    dataset = one([*chosen.prompts, *chosen.descriptions])
    heatmap = draw("feature_by_group", dataset, **settings_of(chosen.set))
    counts = draw("prompts_per_feature", dataset)
    pictures = [
        *((f"prompt_activation_heatmap.{suffix}", heatmap) for suffix in ("html", "png", "csv")),
        ("prompt_count.html", counts),
    ]
    n_files = write_all(pictures, chosen.output_dir, scale=chosen.scale)
    print(said(n_files, chosen.output_dir))
