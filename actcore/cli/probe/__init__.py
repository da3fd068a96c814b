"""`probe`: which features are active on which tokens of a typed prompt, and what comes next.

Leaves what was typed to `given`, running models to `running`, words on the
terminal to `words`, the JSON object to `facts`, files to `actcore.export`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from actcore.cli.files import set_argument, settings_of
from actcore.cli.pictures import scale_argument
from actcore.cli.probe.answers import Answers
from actcore.cli.probe.facts import facts
from actcore.cli.probe.given import prompts, require_usable
from actcore.cli.probe.running import answers
from actcore.cli.probe.words import said
from actcore.cli.progress import Meter
from actcore.export import save, save_dataset
from actcore.figures import FIGURES, draw
from actcore.views.text import one_line

_DEMO = Path(__file__).parents[3] / "sample_data" / "demo_model"
_LAYER = "6"
_LAYERS = (
    "of a folder of SAEs those of these layers, or all that names in it tell; a layer is the "
    "SAE's own: blocks.5.hook_resid_post is of layer 5"
)
_ORDERS = ("peak", "mean", "last", "density")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what `probe` takes."""
    parser.add_argument(
        "texts", nargs="*", metavar="TEXT", help=r"a prompt; a line break is typed $'one\ntwo'"
    )
    _what_runs(parser)
    _what_is_changed(parser)
    _what_is_shown(parser)


def _what_runs(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what runs").add_argument
    add("--prompts", metavar="FILE", help="one prompt a line, UTF-8; - is the standard input")
    add("--model", metavar="M", help="a folder, or owner/name; the demo, if not given")
    add("--sae", nargs="+", action="extend", metavar="S", help="files or folders of SAEs")
    add("--layers", metavar="0,3,...", help=_LAYERS)
    add("--layer", type=int, help="that an SAE reads, if its file does not say")
    add("--site", help="that an SAE reads, such as resid_post, if its file does not say")
    add("--activation", choices=("relu", "identity", "topk"), help="if the file does not say")
    add("--sae-k", type=int, metavar="K", help="features that a top-k SAE keeps on a token")
    add("--bos", action=argparse.BooleanOptionalAction, help="a BOS token in front, or none")
    add("--device", default="auto", help="auto, cuda, mps or cpu")
    add("--dtype", choices=("float32", "bfloat16", "float16"), help="float32 on a CPU")
    add("--threads", type=int, help="of the CPU; torch's own choice, if not given")


def _what_is_changed(parser: argparse.ArgumentParser) -> None:
    of = "a feature: 6/resid_pre/1003, 6-resid_pre:1003, its index, or the name of its slot; @3,7 "
    of += "behind it are positions of its own"
    add = parser.add_argument_group("what is changed").add_argument
    add("--ablate", action="append", default=[], metavar="FEATURE", help=of)
    add(
        "--boost",
        action="append",
        default=[],
        metavar="FEATURE=X",
        help="X is added to it; @3,7 likewise",
    )
    add("--at", metavar="3,7,...", help="positions for edits without any; every token if not given")
    add("--tokens", type=int, default=0, metavar="N", help="that the model writes on")
    add("--temperature", type=float, help="0, if not given, takes the most probable token")
    add("--seed", type=int, help="of the choice of tokens; 0, if not given")


def _what_is_shown(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what is shown and written").add_argument
    add("-k", type=int, default=10, help="features that are shown for each prompt")
    add("--order", choices=_ORDERS, default="peak", help="last: by the value on the last token")
    add("--features", metavar="FEATURE,...", help="only these; active: those that are somewhere")
    add("--labels", action="append", default=[], metavar="FILE", help="of features")
    add("--json", action="store_true", help="one JSON object instead of tables")
    add("-o", "--output", type=Path, metavar="FILE", help="the run, as .json, .parquet or .csv")
    add("--draw", choices=FIGURES, metavar="FIGURE", help="a figure of it as FILE, any suffix")
    set_argument(parser, "of the figure, such as k=5")
    scale_argument(parser)


def run(chosen: argparse.Namespace) -> None:
    """Runs the prompts, writes the file that was asked for, and prints what was found."""
    try:
        require_usable(chosen)
        chosen.set = settings_of(chosen.set)
        texts = prompts(chosen)
        _take_demo(chosen)
        with Meter("actcore probe", sys.stderr) as meter:
            found = answers(chosen, texts, meter)
        for note in found.notes:
            print(f"actcore probe: {one_line(note)}", file=sys.stderr)
        if chosen.output:
            _write(chosen, found)
        _print(chosen, found)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        sys.exit(130)


def _take_demo(chosen: argparse.Namespace) -> None:
    """Puts the demo in place of what was not named; its path is as short as it can be."""
    demo = _DEMO.relative_to(here) if _DEMO.is_relative_to(here := Path.cwd()) else _DEMO
    if chosen.model is None and chosen.sae is None:
        chosen.sae = [demo / "saes"]
        chosen.layers = chosen.layers or _LAYER
    chosen.model = chosen.model or str(demo)


def _write(chosen: argparse.Namespace, found: Answers) -> None:
    if chosen.draw is None:
        save_dataset(found.dataset, chosen.output)
        return
    settings = found.named(chosen.set)
    view = draw(chosen.draw, found.for_figure(chosen.draw, settings), **settings)
    save(view, chosen.output, scale=chosen.scale)


def _print(chosen: argparse.Namespace, found: Answers) -> None:
    if chosen.json:
        print(json.dumps(facts(found, k=chosen.k, order=chosen.order), allow_nan=False))
        return
    print(said(found, k=chosen.k, order=chosen.order))
    if chosen.output:
        print(f"\n{chosen.output}")
