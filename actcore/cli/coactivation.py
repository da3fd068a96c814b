"""`coactivation`: which features of each layer's SAE answer questions that ask for relations.

Computes what is not there yet, then draws it. Leaves running models to `actcore.live`, what is
done already to `actcore.cli.results`, numbers and pictures to analysis and figures.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from actcore.cli.pictures import said, scale_argument, write_all
from actcore.cli.progress import Meter
from actcore.cli.results import Results, Settings
from actcore.dataset import Dataset
from actcore.errors import BadValue, NotMeasured
from actcore.figures import draw
from actcore.readers import read
from actcore.readers.questions import read_questions
from actcore.views.text import one_line
from actcore.views.view import View

_OUTPUT = "results/feature_coactivation_analysis"
_NEEDED = ("lm_model", "sae_dir", "qa_file")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what `coactivation` takes."""
    add = parser.add_argument
    add("--lm_model", metavar="DIR", help="a causal language model: a folder, or owner/name")
    add("--sae_dir", type=Path, metavar="DIR", help="an SAE for each layer: layer6/sae_best.pt ...")
    add("--qa_file", type=Path, metavar="FILE", help="questions: JSON lines, rule_idx and question")
    add("--output_dir", type=Path, default=Path(_OUTPUT), metavar="DIR")
    add("--layers", metavar="0,1,...", help="those of the SAEs that are there, if not given")
    add("--samples_per_relation", type=int, default=500, metavar="N")
    add("--top_k_features", type=int, default=50, metavar="K", help="free features that are drawn")
    add("--activation_threshold", type=float, default=0.1, metavar="X", help="active is above it")
    add("--consistency_threshold", type=float, default=0.8, metavar="X", help="share of samples")
    add("--summary_only", action="store_true", help="draw the summary of all layers alone")
    add("--save_samples", action="store_true", help="keep every activation: layer06_samples.npz")
    add("--activation", choices=("relu", "identity"), help="of checkpoints that do not say it")
    add("--device", default="auto", help="auto, cuda, mps or cpu")
    add("--dtype", choices=("float32", "bfloat16", "float16"), help="float32 on a CPU")
    add("--threads", type=int, help="of the CPU; torch's own choice, if not given")
    scale_argument(parser)


def run(chosen: argparse.Namespace) -> None:
    """Computes the layers that are missing, and writes the pictures of all."""
    given = [name for name in _NEEDED if getattr(chosen, name) is not None]
    results = Results(chosen.output_dir)
    try:
        if given or not results.layers:
            _compute(chosen, results)
        _draw(chosen)
    except KeyboardInterrupt:
        done = ", ".join(map(str, results.layers)) or "none"
        print(
            f"\nStopped. Layers that are done: {done}; the same command goes on.", file=sys.stderr
        )
        sys.exit(130)


def _compute(chosen: argparse.Namespace, results: Results) -> None:
    """Writes the files of the layers that are not there with these settings."""
    for name in _NEEDED:
        if getattr(chosen, name) is None:
            raise BadValue(f"--{name}", None, "a path; without results there is nothing to draw")
    _check(chosen)
    questions = read_questions(chosen.qa_file, per_relation=chosen.samples_per_relation)
    for note in questions.notes:
        print(f"actcore coactivation: {one_line(note)}", file=sys.stderr)
    from actcore.live.batch import relation_sums, use_threads
    from actcore.live.models import load_model
    from actcore.live.saes.find import find_saes, layers_in

    saes = find_saes(chosen.sae_dir, _layers(chosen.layers) or layers_in(chosen.sae_dir))
    settings = Settings.of(chosen, questions)
    missing = results.missing(saes, settings, samples=chosen.save_samples)
    if not missing:
        return
    use_threads(chosen.threads)
    model = load_model(chosen.lm_model, device=chosen.device, dtype=chosen.dtype)
    said_before: set[str] = set()
    with Meter("actcore coactivation", sys.stderr) as meter:
        for each in relation_sums(
            model,
            missing,
            questions.prompts,
            questions.relation,
            questions.relations,
            threshold=chosen.activation_threshold,
            activation=chosen.activation,
            keep_samples=chosen.save_samples,
            on_progress=meter.show,
        ):
            results.add(each, missing[each.layer], questions, settings)
            for words in each.sae.assumed:
                if words not in said_before:
                    meter.say(f"layer {each.layer}: {words}")
            said_before.update(each.sae.assumed)


def _check(chosen: argparse.Namespace) -> None:
    """Nothing, if the numbers can be used. Raises: BadValue."""
    if chosen.threads is not None and chosen.threads < 1:
        raise BadValue("--threads", chosen.threads, "1 or more")
    if chosen.top_k_features < 1:
        raise BadValue("--top_k_features", chosen.top_k_features, "1 or more")
    if not 0 <= chosen.activation_threshold < math.inf:
        raise BadValue("--activation_threshold", chosen.activation_threshold, "0 or more")
    if not 0 < chosen.consistency_threshold <= 1:
        allowed = "more than 0, up to 1"
        raise BadValue("--consistency_threshold", chosen.consistency_threshold, allowed)


def _layers(words: str | None) -> list[int] | None:
    """The layers named, in order; None for all. Raises: BadValue."""
    if words is None:
        return None
    named = [word.strip() for word in words.split(",")]
    if not all(word.isascii() and word.isdecimal() and len(word) < 5 for word in named):
        raise BadValue("--layers", words, "numbers with commas between, such as 0,3,6")
    return sorted(set(map(int, named)))


def _draw(chosen: argparse.Namespace) -> None:
    """Writes the pictures; of those that cannot be drawn it is said why."""
    dataset = read(chosen.output_dir)
    pictures: list[tuple[str, View]] = []
    left_out: dict[str, list[str]] = {}
    for name, figure, settings in _wanted(dataset, chosen):
        try:
            pictures.append((name, draw(figure, dataset, **settings)))
        except NotMeasured as error:
            # A traditional SAE has no slots, a folder of the original no shares of samples.
            left_out.setdefault(str(error), []).append(name)
    n_files = write_all(pictures, chosen.output_dir, scale=chosen.scale)
    for why, names in left_out.items():
        more = f" and {len(names) - 1} more" if names[1:] else ""
        print(f"actcore coactivation: left out: {names[0]}{more}: {one_line(why)}", file=sys.stderr)
    print(said(n_files, chosen.output_dir))


def _wanted(
    dataset: Dataset, chosen: argparse.Namespace
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The file, the figure and its settings of every picture."""
    yield "all_layers_relation_slots_summary.png", "all_layers", {}
    yield "separation_by_layer.png", "separation_by_layer", {}
    yield "separation_by_layer.csv", "separation_by_layer", {}
    if chosen.summary_only:
        return
    k = chosen.top_k_features
    wanted = _layers(chosen.layers)
    for layer in sorted(set(dataset.features["layer"].to_pylist())):
        if wanted is not None and layer not in wanted:
            continue
        start, of_layer = f"layer{layer:02d}", {"layer": layer}
        yield f"{start}_dense_activation_heatmap.png", "dense", of_layer
        yield f"{start}_relation_slots_only.png", "slots", of_layer
        yield f"{start}_top{k}_free_features.png", "top_free", {**of_layer, "k": k}
        yield f"{start}_feature_consistency.png", "consistency", of_layer
