"""Every picture by its name: what it shows, and the analysis and view that draw it.

Pages, the command line and the tests all draw through `FIGURES`. Leaves the numbers to
`actcore.analysis`, the drawing to `actcore.views`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from actcore.dataset import Dataset
from actcore.errors import UnknownName
from actcore.figures import (
    behind,
    categories,
    compare,
    dense,
    difference,
    layers,
    live,
    relations,
    separation,
    together,
    tokens,
)
from actcore.figures.settings import parsed_settings
from actcore.views.view import View


class Figure(NamedTuple):
    """One kind of picture; its settings are the keywords of `draw`."""

    title: str
    draw: Callable[..., View]


def draw(name: str, dataset: Dataset, **settings: Any) -> View:
    """The named figure of a Dataset; settings may be given as the command line writes them.

    Raises: UnknownName, for a figure or setting that is not there; BadValue, for a value.
    """
    if name not in FIGURES:
        raise UnknownName("figure", name, FIGURES)
    figure = FIGURES[name].draw
    return figure(dataset, **parsed_settings(figure, settings))


FIGURES = {
    "token_strip": Figure("Features on one prompt, token by token", tokens.token_strip),
    "stacked_strips": Figure("One feature on all prompts", tokens.stacked_strips),
    "feature_by_token": Figure("Features by tokens of one prompt", tokens.feature_by_token),
    "top_features": Figure("Features that stand out on one prompt", tokens.top_features),
    "token_features": Figure("Features strongest on one token", tokens.token_features),
    "activation_histogram": Figure("How often one feature takes which value", tokens.histogram),
    "feature_by_group": Figure("Features by groups of prompts", categories.feature_by_group),
    "prompts_per_feature": Figure(
        "On how many prompts each feature is active", behind.prompts_per_feature
    ),
    "group_profile": Figure("One feature in every group of prompts", categories.group_profile),
    "group_effect": Figure("How far one group is from the rest", categories.group_effect),
    "group_prompts": Figure("The prompts behind one feature in a group", behind.group_prompts),
    "layer_by_token": Figure("Layers by tokens of one prompt", layers.layer_by_token),
    "layer_difference": Figure(
        "Layers by tokens, one prompt less another", difference.layer_difference
    ),
    "top_neurons": Figure("Neurons strongest on a prompt, layer or token", layers.top_neurons),
    "neuron_path": Figure("One neuron over the tokens of every prompt", layers.neuron_path),
    "token_layer_space": Figure("Tokens, layers and values in 3-D", layers.token_layer_space),
    "separation_by_layer": Figure(
        "How well the slots of each layer separate relations", separation.separation_by_layer
    ),
    "all_layers": Figure("The slots of every layer in every relation", separation.all_layers),
    "dense": Figure("All features of a layer in every relation", dense.dense),
    "slots": Figure("The slots of a layer in every relation", relations.slots),
    "top_free": Figure("The strongest free features of a layer", relations.top_free),
    "consistency": Figure(
        "On what share of the samples of a relation features are active", relations.consistency
    ),
    "top_overlap": Figure("How far relations share their free features", relations.top_overlap),
    "relation_statistics": Figure("Each relation in numbers", separation.relation_statistics),
    "common_features": Figure(
        "How many features are active on most samples of a relation", separation.common_features
    ),
    "matching_features": Figure(
        "One feature through the layers, by its profile", together.matching_features
    ),
    "feature_difference": Figure(
        "Features by tokens, one prompt less another", compare.feature_difference
    ),
    "peak_difference": Figure(
        "Features whose peaks on two prompts differ", compare.peak_difference
    ),
    "next_tokens": Figure("What the model says next", live.next_tokens),
    "feature_logits": Figure("Tokens that a feature promotes and suppresses", live.feature_logits),
    "continuations": Figure("What the model writes on", live.continuations),
    "coactivation": Figure("Which features are active together", together.coactivation),
}
