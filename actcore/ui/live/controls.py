"""The controls of the Live page: what is run, and how its figures look.

Leaves which models and SAEs there are to `places`, what a setting does to the figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from actcore.dataset import Dataset
from actcore.sites import SITES
from actcore.ui import address, kept
from actcore.ui.folders import demo
from actcore.ui.live import ask
from actcore.ui.live.labels import uploaded
from actcore.ui.live.places import DEMO_MODEL, DEMO_SAE, listed
from actcore.ui.live.run import Run, Told

Settings = dict[str, Any]

#: Session state of the widgets, which is also what the address calls their values.
PROMPT, MODEL, SAES = "prompt", "model", "sae"
_DTYPE, _BOS_KEY, _LAYER, _SITE = "dtype", "bos", "sae_layer", "sae_site"
_ACTIVATION, _K = "sae_activation", "sae_k"
#: And of what a link named that is not loaded here: "model" or "SAE".
_IGNORED = "ignored"
#: A question about a person whose answers the demo model was never trained on.
QUESTION = "Q: What is the birth city of Lucian Greystone?\nA:"
#: So many features are listed, and a browser takes so many cells of a matrix.
MOST_LISTED, _MOST_CELLS = 50, 10_000
#: Longer prompts would make links that some programs cut.
MOST_IN_LINK = 1500

_ORDERS = {"peak": "Peak", "mean": "Mean", "last": "Last token", "density": "Share of tokens"}
_DTYPES = {"": "As it suits", "float32": "float32", "bfloat16": "bfloat16", "float16": "float16"}
_BOS = {"": "As its tokenizer does", "yes": "With BOS", "no": "Without BOS"}
_ACTIVATIONS = {"": "As its file says", "relu": "relu", "identity": "identity", "topk": "topk"}
_MOST_STRIPS = 50
#: The controls in a row that a narrow page has room for; a prompt's two lines in any type.
_CLOSE = """<style>.st-key-look{gap:.5rem}.st-key-prompt textarea{min-height:4.25rem}</style>"""


@dataclass(frozen=True)
class Look:
    """How the figures look, as settings of theirs; what label files say; the row of controls."""

    k: int
    ranking: Settings
    strips: Settings
    counted: Settings
    labels: list[Dataset]
    bar: DeltaGenerator

    def n_rows(self, dataset: Dataset) -> int:
        """How many features a matrix of all tokens can have."""
        n_tokens: int = dataset.tokens.num_rows
        n_features: int = dataset.features.num_rows
        return min(max(1, _MOST_CELLS // max(1, n_tokens)), MOST_LISTED, n_features)


def chosen() -> tuple[Run | None, Look]:
    """What is run, None while something of it is not chosen; and how its figures look.

    What is seldom changed is folded, so that the figures begin on the first screen of a projector.
    """
    st.html(_CLOSE)
    _say_ignored()
    asked = st.container()
    bar = st.container(horizontal=True, vertical_alignment="bottom", key="look")
    with bar, kept.folded("Model, SAEs", key="chosen"):
        model, saes = _model(), _saes()
        dtype, bos, told = _settings(len(saes) == 1)
    labels = uploaded()
    with asked:
        prompt = _prompt()
    with bar:
        look = _look(labels, bar)
    if not model or not saes:
        st.info("Choose an SAE for the model." if model else "Choose a model.")
        return None, look
    return Run(prompt, model, tuple(saes), dtype, bos, told), look


def _prompt() -> str:
    with (
        st.form("ask", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        prompt = kept.text(
            "Prompt",
            key=PROMPT,
            default=QUESTION,
            most=MOST_IN_LINK,
            height=68,
            help="Ctrl+Enter runs it.",
        )
        st.form_submit_button("Run", on_click=_run)
    if len(prompt) > MOST_IN_LINK:
        st.caption(
            f"The prompt has more than {MOST_IN_LINK:,} characters: it is not in the page's link."
        )
    return prompt


def _look(labels: list[Dataset], bar: DeltaGenerator) -> Look:
    k = kept.number("Features", 1, _MOST_STRIPS, default=8, key="k", width=80)
    order = kept.choice("Order", _ORDERS, key="order", width=125)
    find = kept.words("Find", key="find", width=130, placeholder="id, label, token")
    with kept.folded("Display", key="display"):
        linear = kept.toggle("Linear colour scale", key="linear")
        values = kept.toggle("Values beneath the tokens", key="values")
        said = "BOS, EOS, padding and turn marks. Off, they are no peak and off the scale."
        specials = kept.toggle("Special tokens count", key="specials", help=said)
    counted = {"specials": "include" if specials else "exclude"}
    ranking = {"order": order, **counted} | ({"find": find.strip()} if find.strip() else {})
    strips = {"log": not linear, "values": values, "tokens_per_row": 0}
    return Look(k, ranking, strips, counted, labels, bar)


def _model() -> str | None:
    names = list(listed().models)
    return kept.path(
        "Model",
        names,
        key=MODEL,
        default=DEMO_MODEL if DEMO_MODEL in names else next(iter(names), None),
        accept_new_options=not demo(),
        on_change=_other_model,
        placeholder="Choose a model",
        help=_help("owner/name"),
    )


def _other_model() -> None:
    """Forgets the SAEs: on another model they mean nothing."""
    st.session_state.pop(SAES, None)
    address.write({MODEL: st.session_state[MODEL], SAES: None})


def _saes() -> list[str]:
    names = list(listed().saes)
    model = st.session_state[MODEL]
    of_demo = model == DEMO_MODEL and DEMO_SAE in names

    def said(name: str) -> str:
        """What lies in the model's own folder is named without that."""
        short = name.removeprefix(f"{model}/")
        return name if short in names else short

    return kept.paths(
        "SAEs",
        names,
        key=SAES,
        default=[DEMO_SAE] if of_demo else [],
        format_func=said,
        accept_new_options=not demo(),
        placeholder="Choose SAEs",
        help=_help("owner/name/folder"),
    )


def _help(form: str) -> str:
    return "" if demo() else f"One of the list, a path below its folders, or the hub's {form}."


def _settings(single: bool) -> tuple[str | None, bool | None, Told]:
    left, right = st.columns(2)
    with left:
        dtype = kept.choice("Numbers of the model", _DTYPES, key=_DTYPE)
    with right:
        bos = kept.choice("First token", _BOS, key=_BOS_KEY)
    st.caption("What the file of an SAE does not say, where one is chosen:")
    layers = {"": "As its file says"} | {str(layer): str(layer) for layer in range(200)}
    sites = {"": "As its file says"} | {site: site for site in SITES}
    alone = {"disabled": not single}
    left, right = st.columns(2)
    with left:
        layer = kept.choice("Layer", layers, key=_LAYER, **alone)
        activation = kept.choice("Activation", _ACTIVATIONS, key=_ACTIVATION, **alone)
    with right:
        site = kept.choice("Site", sites, key=_SITE, **alone)
        k = kept.number("k (0: as its file says)", 0, 100_000, default=0, key=_K, **alone)
    told = Told(int(layer) if layer else None, site or None, activation or None, k or None)
    return dtype or None, {"": None, "yes": True, "no": False}[bos], told


def as_chosen(run: Run) -> dict[str, str | int]:
    """The settings of a run as their widgets hold them."""
    told = run.told
    return {
        _DTYPE: run.dtype or "",
        _BOS_KEY: {None: "", True: "yes", False: "no"}[run.bos],
        _LAYER: "" if told.layer is None else str(told.layer),
        _SITE: told.site or "",
        _ACTIVATION: told.activation or "",
        _K: told.k or 0,
    }


def _say_ignored() -> None:
    """Says on a server of the demo alone that a link names something else."""
    if not demo():
        return
    address.hold(_IGNORED)
    for key, known, what in ((SAES, listed().saes, "SAE"), (MODEL, listed().models, "model")):
        # The address is mended in this run; the reader is told until something is run.
        if any(name and name not in known for name in address.here().get(key, [])):
            st.session_state[_IGNORED] = what
    if ignored := st.session_state.get(_IGNORED):
        st.info(f"This server shows the bundled demo only; the link's {ignored} was not loaded.")


def _run() -> None:
    st.session_state.pop(_IGNORED, None)
    ask.try_again()
