"""A run as one JSON object, for programs.

Leaves the numbers to `answers`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from actcore.analysis import Order
from actcore.cli.probe.answers import Answers
from actcore.sites import FeatureId

if TYPE_CHECKING:
    from actcore.live.fit import Fit
    from actcore.live.saes import Sae
    from actcore.live.steer import Steered

_OF_FEATURE = ("layer", "site", "index", "rank")


def facts(answers: Answers, *, k: int, order: Order) -> dict[str, Any]:
    """The run; float32 is written with as few digits as name it, null is not a finite number."""
    dataset, model = answers.dataset, answers.model
    return {
        "model": {
            "name": model.name,
            "n_layers": model.n_layers,
            "d_model": model.d_model,
            "device": str(model.device),
            "dtype": str(model.dtype).removeprefix("torch."),
        },
        "saes": [_sae(sae, fit) for sae, fit in zip(answers.saes, answers.fits, strict=True)],
        "prompts": [_prompt(answers, row, k, order) for row in range(dataset.prompts.num_rows)],
        "notes": list(answers.notes),
    }


def _sae(sae: Sae, fit: Fit) -> dict[str, Any]:
    return {
        "name": fit.sae,
        "format": sae.format,
        "layer": fit.where.layer,
        "site": fit.where.site,
        "d_in": fit.d_in,
        "d_sae": fit.d_sae,
        "l0": _number(fit.l0),
        "explained_variance": _number(fit.explained_variance),
        "warning": fit.warning,
        "assumed": list(sae.assumed),
    }


def _prompt(answers: Answers, row: int, k: int, order: Order) -> dict[str, Any]:
    dataset = answers.dataset
    tokens = dataset.tokens.slice(*_span(answers, row))
    special = np.flatnonzero(tokens["special"].to_numpy())
    found = {
        "id": dataset.prompts["id"][row].as_py(),
        "text": dataset.prompts["text"][row].as_py(),
        "tokens": tokens["text"].to_pylist(),
        "special": tokens["position"].to_numpy()[special].tolist(),
        "cut": answers.cuts[row],
        "features": [_feature(each) for each in answers.top(row, k=k, order=order).to_pylist()],
    }
    return found | (_steered(answers.steered[row], answers.n_tokens) if answers.steered else {})


def _span(answers: Answers, row: int) -> tuple[int, int]:
    start, stop = answers.dataset.prompt_starts[row : row + 2].tolist()
    return start, stop - start


def _feature(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "feature": str(FeatureId(row["layer"], row["site"], row["index"])),
        **{name: row[name] for name in _OF_FEATURE},
        "peak": _float32(row["peak"]),
        "position": row["position"],
        "token": row["text"],
        "mean": _number(row["mean"]),
        "density": _number(row["density"]),
        "last": _float32(row["last"]),
        "label": row["label"],
    }


def _steered(steered: Steered, n_tokens: int) -> dict[str, Any]:
    """What comes next: with edits the second probability, the divergence and the second text."""
    edited = steered.kl is not None
    rows = steered.next_tokens.to_pylist()
    found: dict[str, Any] = {"next_tokens": [_next(row, edited=edited) for row in rows]}
    if edited:
        found["kl"] = _number(steered.kl)
    if n_tokens:
        found["continuation"] = steered.text
    if n_tokens and edited:
        found["continuation_steered"] = steered.text_steered
    return found


def _next(row: dict[str, Any], *, edited: bool) -> dict[str, Any]:
    found = {"token": row["text"], "id": row["token"], "p": _number(row["p"])}
    return found | ({"p_steered": _number(row["p_steered"])} if edited else {})


def _float32(value: float | None) -> float | None:
    """The number with as few digits as name it among the float32."""
    return None if value is None else _number(float(str(np.float32(value))))


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
