"""The Categories page: features by groups of prompts, and the prompts behind each number."""

from __future__ import annotations

from functools import partial

from actcore.ui import picks, pictures
from actcore.ui.about import about
from actcore.ui.category_controls import categories
from actcore.ui.page import page
from actcore.ui.show import card

dataset = page("categories")
chosen = categories(dataset)
feature, group = chosen.feature, chosen.group
marked = picks.of_feature(feature, group=group)
matrix = partial(pictures.heatmap, key="groups", pick=picks.of_group, selected=marked, largest=True)
table = card("feature_by_group", dataset, chosen.matrix, matrix)

# Where the matrix could not be drawn, the other cards would say the same again.
if table is not None:
    if feature is None:
        largest = picks.named_cell(table)
        feature, group = picks.named(largest), group or largest["group"]
    about(dataset, feature)
    of_group = {} if group is None else {"group": group}
    behind = {"feature": feature, **of_group, **chosen.prompts}
    card("group_prompts", dataset, behind, partial(pictures.prompts, key="behind"))
    bars = partial(pictures.rows, pick=picks.of_group)
    profile = {"feature": feature, **chosen.profile}
    card("group_profile", dataset, profile, partial(bars, key="profile"))
    if chosen.effect is not None:
        tested = {**of_group, **chosen.effect}
        card("group_effect", dataset, tested, partial(bars, key="effect"))
    card("prompts_per_feature", dataset, chosen.counts, partial(bars, key="counts"))
