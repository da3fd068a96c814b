"""SAEs of every kind in memory, and edits of tiny models done by plain hooks, to compare with.

Leaves what is compared to the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from actcore.live.models import Model
from actcore.live.saes import Activation, Decoder, Sae
from actcore.live.saes.activations import Gate
from actcore.sites import Where
from tests.live.saes import numbers

D_SAE = 24

#: Where a site's values come by, by module and side, in block 1.
PLACES = {
    "gpt2": {
        "resid_pre": ("transformer.h.1", "in"),
        "resid_post": ("transformer.h.2", "in"),
        "attn_z": ("transformer.h.1.attn.c_proj", "in"),
        "attn_out": ("transformer.h.1.attn.c_proj", "out"),
        "mlp_in": ("transformer.h.1.ln_2", "out"),
        "mlp_act": ("transformer.h.1.mlp.c_proj", "in"),
        "mlp_out": ("transformer.h.1.mlp.c_proj", "out"),
    },
    "llama": {
        "resid_pre": ("model.layers.1", "in"),
        "resid_post": ("model.layers.2", "in"),
        "attn_z": ("model.layers.1.self_attn.o_proj", "in"),
        "attn_out": ("model.layers.1.self_attn.o_proj", "out"),
        "mlp_in": ("model.layers.1.post_attention_layernorm", "out"),
        "mlp_act": ("model.layers.1.mlp.down_proj", "in"),
        "mlp_out": ("model.layers.1.mlp.down_proj", "out"),
    },
    "gpt_neox": {
        "resid_pre": ("gpt_neox.layers.1", "in"),
        "resid_post": ("gpt_neox.layers.2", "in"),
        "attn_z": ("gpt_neox.layers.1.attention.dense", "in"),
        "attn_out": ("gpt_neox.layers.1.attention.dense", "out"),
        "mlp_in": ("gpt_neox.layers.1.post_attention_layernorm", "out"),
        "mlp_act": ("gpt_neox.layers.1.mlp.dense_4h_to_h", "in"),
        "mlp_out": ("gpt_neox.layers.1.mlp.dense_4h_to_h", "out"),
    },
}

_ACTIVATIONS: dict[str, Callable[[], Activation]] = {
    "relu": lambda: Activation("relu"),
    "identity": lambda: Activation("identity"),
    "jumprelu": lambda: Activation("jumprelu", threshold=numbers(5, D_SAE).abs() * 0.3),
    "topk": lambda: Activation("topk", k=4),
    "gated": lambda: Activation(
        "gated", gate=Gate(numbers(6, D_SAE), numbers(7, D_SAE) * 0.1, numbers(8, D_SAE))
    ),
}


def sae_at(where: Where, d_in: int, kind: str = "relu", d_out: int | None = None, **of: Any) -> Sae:
    """An SAE with random weights; the same each time."""
    seed = 10 * where.layer
    weight, bias = numbers(seed + 1, D_SAE, d_in) * 0.4, numbers(seed + 2, D_SAE) * 0.3
    rows, b_dec = numbers(seed + 3, D_SAE, d_out or d_in) * 0.4, numbers(seed + 4, d_out or d_in)
    named: dict[str, Any] = {"layer": where.layer, "site": where.site} | of
    read = Decoder(rows, b_dec)
    return Sae("made", "none", weight, bias, _ACTIVATIONS[kind](), lambda: read, **named)


@dataclass
class Reference:
    """What an SAE does, written out: the formulae of its kind, and of its normalisation."""

    sae: Sae

    def encode(self, x: Tensor) -> Tensor:
        pre: Tensor = self._normed(x) @ self.sae.weight.T + self.sae.bias
        activation: Any = self.sae.activation
        match activation.kind:
            case "relu":
                return torch.relu(pre)
            case "identity":
                return pre
            case "jumprelu":
                return torch.where(pre > activation.threshold, pre.clamp(min=0), 0.0)
            case "topk":
                order = (-pre).argsort(-1).argsort(-1)
                return torch.where(order < activation.k, pre.clamp(min=0), 0.0)
            case "gated":
                gate, log_scale, magnitude = activation.gate
                opened: Tensor = pre + gate > 0
                return torch.relu(pre * log_scale.exp() + magnitude) * opened
        raise NotImplementedError

    def decode(self, z: Tensor, x: Any) -> Tensor:
        weight, bias, _ = self.sae.read_decoder()
        out: Tensor = z @ weight + bias
        if self.sae.normalisation == "layer_norm":
            out = out * x.std(-1, keepdim=True) + x.mean(-1, keepdim=True)
        if self.sae.normalisation == "constant_norm_rescale":
            out = out * x.norm(dim=-1, keepdim=True) / self.sae.d_in**0.5
        return out

    def _normed(self, x: Any) -> Any:
        if self.sae.normalisation == "layer_norm":
            x = x - x.mean(-1, keepdim=True)
            return x / (x.std(-1, keepdim=True) + 1e-5)
        if self.sae.normalisation == "constant_norm_rescale":
            return x * self.sae.d_in**0.5 / x.norm(dim=-1, keepdim=True)
        return x


def hooked(lm: Any, place: tuple[str, str], act: Callable[[Tensor], Tensor | None]) -> Any:
    """Puts `act` at a module's input or output; what it returns goes on instead."""
    module = lm.get_submodule(place[0])

    def before(_: Any, args: Any, named: Any) -> Any:
        if args:
            new = act(args[0])
            return None if new is None else ((new, *args[1:]), named)
        new = act(named["hidden_states"])
        return None if new is None else (args, named | {"hidden_states": new})

    def behind(_: Any, __: Any, output: Any) -> Any:
        return act(output)

    if place[1] == "in":
        return module.register_forward_pre_hook(before, with_kwargs=True)
    return module.register_forward_hook(behind)


def all_logits(model: Model, ids: Sequence[int]) -> Tensor:
    """At every position, [n_tokens, d_vocab], by transformers alone."""
    with torch.inference_mode():
        logits: Tensor = model.lm(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
    return logits
