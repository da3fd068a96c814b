"""A pass with a few features edited against the plain one; leaves the edits to `actcore.live`."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.harness import Effort, below, in_turns, note

if TYPE_CHECKING:
    from actcore.live.models import Model
    from actcore.live.saes import Sae

_D_MODEL, _D_SAE, _LAYER, _N_TOKENS = 768, 24_576, 6, 20
_FEATURES = (5, 500, 20_000)
#: Passes of each kind in a round.
_PASSES = 10


def steering(effort: Effort) -> None:
    """Next-token logits of 20 tokens, GPT-2 small, 1 thread: 3 of 24,576 features edited."""
    import torch

    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        _compare(effort)
    finally:
        torch.set_num_threads(n_threads)


def _compare(effort: Effort) -> None:
    import torch

    from actcore.live.edits import Edit, editing
    from actcore.live.logits import last_logits
    from actcore.sites import FeatureId, Where

    model, ids = _model(), torch.randint(0, 50_000, (_N_TOKENS,)).tolist()
    ablations = [Edit(FeatureId(_LAYER, "resid_pre", index), None) for index in _FEATURES]

    def edited(sae: Sae) -> torch.Tensor:
        with editing(model, [sae], ablations, len(ids)):
            return last_logits(model, ids)

    saes = {kind: _sae(kind) for kind in ("relu", "jumprelu", "gated", "topk")}
    runs: dict[str, Callable[[], Any]] = {"plain": lambda: last_logits(model, ids)}
    runs |= {kind: partial(edited, sae) for kind, sae in saes.items()}
    where = Where(_LAYER, "resid_pre")
    runs["splice"] = lambda: _spliced(model, saes["relu"], where, ids)
    assert (runs["splice"]() - runs["relu"]()).abs().max() < 1e-5
    assert (runs["plain"]() - runs["relu"]()).abs().max() > 1e-4
    found = in_turns(effort.rounds * _PASSES, {name: _timed(run) for name, run in runs.items()})
    note("plain", "ms", found["plain"])
    for kind, bar in {
        "relu": 10,
        "jumprelu": 10,
        "gated": 10,
        "topk": None,
        "splice": None,
    }.items():
        more = _more(found[kind], found["plain"], effort.rounds)
        if bar is None:
            note(f"{kind}, more than plain", "%", more)
        else:
            below(f"{kind}, more than plain", "%", more, bar)


def _more(ours: list[float], plain: list[float], rounds: int) -> list[float]:
    """By how many percent the median of each round is above that of plain passes in it."""
    medians = [
        [statistics.median(times[start::rounds]) for start in range(rounds)]
        for times in (ours, plain)
    ]
    return [100 * (own / base - 1) for own, base in zip(*medians, strict=True)]


def _timed(run: Callable[[], Any]) -> Callable[[], float]:
    def timed() -> float:
        begun = time.process_time()
        run()
        return 1e3 * (time.process_time() - begun)

    return timed


def _spliced(model: Model, sae: Sae, where: Any, ids: list[int]) -> Any:
    """The whole SAE put in, and its error added again."""
    import torch

    from actcore.live.blocks import adding
    from actcore.live.logits import last_logits

    weight, bias, _ = sae.read_decoder()

    def splice(h: torch.Tensor) -> torch.Tensor:
        z = sae.encode(h[0])
        error = h[0] - (z @ weight + bias)
        z[:, list(_FEATURES)] = 0
        return (z @ weight + bias + error)[None]

    with adding(model.lm, where, splice):
        return last_logits(model, ids)


def _model() -> Model:
    import torch
    import transformers

    from actcore.live.fused import fuse
    from actcore.live.models import Model

    torch.manual_seed(0)
    lm: Any = transformers.GPT2LMHeadModel(transformers.GPT2Config())
    lm.eval().requires_grad_(False)
    fuse(lm)
    nothing: Any = None  # no text is read here
    return Model("GPT-2 small", lm, nothing, lm.device, lm.dtype, 12, _D_MODEL, 1024)


def _sae(kind: Any) -> Sae:
    import torch

    from actcore.live.saes import Activation, Decoder, Sae
    from actcore.live.saes.activations import Gate

    draw = torch.Generator().manual_seed(1)
    weight, rows = torch.randn(2, _D_SAE, _D_MODEL, generator=draw) / _D_MODEL**0.5
    zeros, some = torch.zeros(2, _D_SAE), torch.full((_D_SAE,), 0.01)
    activation = Activation(
        kind,
        threshold=some if kind == "jumprelu" else None,
        k=32 if kind == "topk" else None,
        gate=Gate(zeros[0], zeros[0], zeros[0]) if kind == "gated" else None,
    )
    decoder = Decoder(rows, torch.zeros(_D_MODEL))
    return Sae(kind, "none", weight, some, activation, lambda: decoder, _LAYER, "resid_pre")
