"""The figures of what a model said while it ran: next tokens, logits of a feature, texts.

Leaves asking the model to `actcore.live`, who runs it to the pages and the command line.
"""

from __future__ import annotations

from actcore import analysis
from actcore.dataset import Dataset
from actcore.figures.words import counted, prompt_name
from actcore.sites import FeatureId
from actcore.views.listing import Listing
from actcore.views.numbers import plain


def next_tokens(dataset: Dataset, *, prompt: str | int = 0, k: int | None = None) -> Listing:
    """The tokens likeliest to follow a prompt, as the model is and, after an edit, edited."""
    table = analysis.next_tokens(dataset, prompt=prompt, k=k)
    edited = analysis.steering(dataset, prompt=prompt)
    by, how, after = "", "", ""
    if edited:
        edits, kl = edited
        how = ", as it is and edited"
        by = "; those with the larger probability of the two"
        after = f" p_steered: {edits}. KL(as it is || edited): {plain(kl)} nats."
    return Listing(
        table=table,
        title=f"{counted(len(table), 'token')} that may follow {prompt_name(dataset, prompt)}{how}",
        caption=f"Probability of the next token, {_model(dataset)}{by}.{after}",
    )


def feature_logits(
    dataset: Dataset, *, feature: str | None = None, k: int | None = None
) -> Listing:
    """The tokens that a feature makes likelier and less likely, by the logits it adds."""
    table = analysis.feature_logits(dataset, feature=feature, k=k)
    id = FeatureId(*(table[name][0].as_py() for name in ("layer", "site", "index")))
    return Listing(
        table=table,
        title=f"Tokens that {id} promotes and suppresses",
        caption=f"Logits, {_model(dataset)}: what 1 of its activation adds on the direct way, "
        "through decoder, final norm and unembedding; what later blocks make of it is left out.",
    )


def continuations(dataset: Dataset, *, prompt: str | int = 0) -> Listing:
    """What the model writes after a prompt, as it is and, after an edit, edited."""
    table = analysis.continuations(dataset, prompt=prompt)
    return Listing(
        table=table,
        title=f"How {prompt_name(dataset, prompt)} goes on",
        caption=f"Text that {_model(dataset)} writes after the prompt, as it is"
        + (" and edited." if len(table) > 1 else "."),
    )


def _model(dataset: Dataset) -> str:
    return dataset.source.model or dataset.source.name
