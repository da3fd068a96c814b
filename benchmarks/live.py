"""A typed prompt from its tokens to a Dataset, against the bare pass and one product of matrices.

A random GPT-2-small and an SAE of 24,576 features on 20 tokens, one thread. Leaves pages to the
browser's benchmarks.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from benchmarks.harness import ROOT, Effort, faster, in_turns, note

if TYPE_CHECKING:
    import torch

    from actcore.live.models import Model
    from actcore.live.saes import Sae
    from actcore.live.sparse import Coo

_LAYER, _D_MODEL, _D_SAE, _K = 6, 768, 24_576, 10
_TEXT = "Q: Where was the sister of the old man born, and in which city does she work now?\nA:"
#: Architectures, and how many features are active on a token; None: half of them, as of a random
#: SAE without bias, and of none that was trained.
_SAES = (("standard", 100), ("jumprelu", 100), ("standard", None))
_SLACK = 1.3


class _Took(NamedTuple):
    """Milliseconds."""

    cpu: float
    wall: float


def live(effort: Effort) -> None:
    """20 tokens, d_model 768, layer 6, an SAE of 24,576 features: probe and parts of it."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as temporary, torch.inference_mode():
            model, bare = _models()
            for number, (architecture, l0) in enumerate(_SAES):
                _compare(effort, model, bare, Path(temporary) / str(number), architecture, l0)
    finally:
        torch.set_num_threads(threads)


def _compare(
    effort: Effort,
    model: Model,
    bare: Callable[..., Any],
    folder: Path,
    architecture: str,
    l0: int | None,
) -> None:
    import torch

    from actcore.live import load_sae
    from actcore.live.blocks import trunk
    from actcore.live.capture import states
    from actcore.live.probe import probe, reading
    from actcore.live.sparse import sparse
    from actcore.live.streams import Streams
    from actcore.live.tokens import tokens
    from actcore.sites import Where

    ids = tokens(model, _TEXT).ids[:20]
    where, later = Where(_LAYER, "resid_pre"), Where(_LAYER + 2, "resid_pre")
    x = states(model, ids, [where])[where]
    _write(folder, architecture, l0, x)
    sae = load_sae(folder)
    turned = sae.weight.t().contiguous()
    text = model.tokenizer.decode(list(ids))
    streams, passes = Streams(), [0]
    reading(model, [sae], text, streams=streams)
    another = load_sae(folder, layer=later.layer)
    runs: dict[str, Callable[[], object]] = {
        "pass": lambda: bare(torch.tensor([ids])),
        "product": lambda: torch.nn.functional.linear(x, sae.weight, sae.bias),
        "compute": lambda: _top(sparse(sae, states(model, ids, [where])[where]), len(ids)),
        "probe": lambda: probe(model, [sae], text),
        "reading": lambda: reading(model, [sae], text),
        "again": lambda: reading(model, [sae], text, streams=streams),
        "encode": lambda: _top(sparse(sae, x), len(ids)),
        "sparse": lambda: sparse(sae, x),
        "sorted": lambda: np.argsort(_as_saelens(sae, turned, x).numpy())[:, ::-1][:, :_K],
        "negated": lambda: np.argsort(-_as_saelens(sae, turned, x).numpy())[:, :_K],
    }
    for run in runs.values():
        run()
    found = in_turns(5 * effort.rounds, {name: _timed(run) for name, run in runs.items()})
    active = len(sparse(sae, x).value) / len(ids)
    print(f"  {sae.activation.kind}, {active:,.0f} of {_D_SAE:,} features active on a token")
    for at, clock in enumerate(_Took._fields):
        _say(clock, {name: [took[at] for took in every] for name, every in found.items()})
    hook: Any = trunk(model.lm).register_forward_pre_hook(lambda *_: _count(passes))
    reading(model, [sae], text, streams=streams)
    reading(model, [another], text, streams=streams)
    reading(model, [load_sae(folder, layer=_LAYER - 3)], text, streams=streams)
    hook.remove()
    print(f"  passes for the same prompt again, a later layer, an earlier one: {passes[0]}")


def _say(clock: str, ms: Mapping[str, list[float]]) -> None:
    bar = [_SLACK * a + b for a, b in zip(ms["pass"], ms["product"], strict=True)]
    note(f"bare pass to layer {_LAYER}, {clock}", "ms", ms["pass"])
    note(f"one product, {clock}", "ms", ms["product"])
    faster(f"pass, encode, top {_K}, {clock}", "ms", ms["compute"], bar, 1)
    faster(f"probe to the Dataset, {clock}", "ms", ms["probe"], bar, 1)
    note(f"... and what is explained, {clock}", "ms", ms["reading"])
    note(f"... of a prompt read before, {clock}", "ms", ms["again"])
    faster(f"top {_K}; argsort(z)[:, ::-1], {clock}", "ms", ms["encode"], ms["sorted"], 3)
    faster(f"top {_K}; argsort(-z), {clock}", "ms", ms["encode"], ms["negated"])
    note(f"encode to nonzeros, {clock}", "ms", ms["sparse"])


def _models() -> tuple[Model, Callable[..., Any]]:
    """The model, and one with its first blocks alone."""
    import torch
    import transformers

    from actcore.live.fused import fuse
    from actcore.live.models import Model

    torch.manual_seed(0)
    made: Any = transformers.GPT2LMHeadModel
    lm = made(transformers.GPT2Config()).eval().requires_grad_(False)
    bare: Any = transformers.GPT2Model
    cut = bare(transformers.GPT2Config(n_layer=_LAYER)).eval()
    cut.load_state_dict(lm.transformer.state_dict(), strict=False)
    for each in (lm, cut):
        fuse(each)
    tokenizer = transformers.AutoTokenizer.from_pretrained(ROOT / "sample_data" / "demo_model")
    device = torch.device("cpu")
    model = Model("gpt2", lm, tokenizer, device, torch.float32, 12, _D_MODEL, 1024)
    return model, lambda ids: cut(input_ids=ids, use_cache=False)


def _write(folder: Path, architecture: str, l0: int | None, x: torch.Tensor) -> None:
    """A random SAE in the layout of SAELens."""
    import torch
    from safetensors.torch import save_file

    draw = torch.Generator().manual_seed(1)
    weight = torch.randn(_D_MODEL, _D_SAE, generator=draw) / _D_MODEL**0.5
    tensors = {
        "W_enc": weight,
        "b_enc": torch.zeros(_D_SAE),
        "W_dec": weight.t().contiguous(),
        "b_dec": torch.zeros(_D_MODEL),
    }
    least = (x @ weight).flatten().topk(l0 * len(x)).values[-1] if l0 else torch.zeros(())
    if architecture == "jumprelu":
        tensors["threshold"] = least.expand(_D_SAE).contiguous()
    else:
        tensors["b_enc"] -= least
    about = {
        "architecture": architecture,
        "d_in": _D_MODEL,
        "d_sae": _D_SAE,
        "apply_b_dec_to_input": False,
        "metadata": {"sae_lens_version": "6.5.0", "hook_name": f"blocks.{_LAYER}.hook_resid_pre"},
    }
    folder.mkdir()
    save_file(tensors, folder / "sae_weights.safetensors")
    (folder / "cfg.json").write_text(json.dumps(about), encoding="utf-8")


def _as_saelens(sae: Sae, turned: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Dense activations as SAELens 6 computes them, from weights of [d_in, d_sae]."""
    import torch

    pre = x @ turned + sae.bias
    threshold = sae.activation.threshold
    if threshold is None:
        return torch.relu(pre)
    return torch.relu(pre) * (pre > threshold).to(pre.dtype)


def _top(found: Coo, n_tokens: int) -> None:
    """The strongest on each token."""
    import torch

    ends = torch.bincount(found.token, minlength=n_tokens).cumsum(0).tolist()
    for start, end in zip([0, *ends], ends, strict=False):
        found.value[start:end].topk(min(_K, end - start))


def _count(passes: list[int]) -> None:
    passes[0] += 1


def _timed(run: Callable[[], object]) -> Callable[[], _Took]:
    def timed() -> _Took:
        cpu, wall = time.process_time(), time.perf_counter()
        run()
        return _Took(1e3 * (time.process_time() - cpu), 1e3 * (time.perf_counter() - wall))

    return timed
