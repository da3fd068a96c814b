"""Where the blocks of a transformer are, and where in them a site is read and written.

Leaves the names of modules to `layout`, and what is read to `capture`.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers import PreTrainedModel

from actcore.errors import BadValue, LiveError, UnknownName
from actcore.live.layout import Layout, layout_of
from actcore.sites import SITES, Where

#: What enters the norm before the MLP, normed, before its gain: read by Gemma Scope's transcoders.
NORMALIZED = "ln2.hook_normalized"

Change = Callable[[Tensor], Tensor]


class Tap(NamedTuple):
    """A place where a tensor is read: what goes into a module, or what comes out of it."""

    module: nn.Module
    side: Literal["in", "out"]
    normed: bool = False


def trunk(lm: PreTrainedModel) -> PreTrainedModel:
    """The part that reads tokens: no head, and of a model that sees pictures too, the text's."""
    found: PreTrainedModel = cast(Any, lm).get_decoder()
    return found


def blocks(lm: PreTrainedModel) -> nn.ModuleList:
    """The blocks of a model of any family, first to last.

    They are the largest list of as many modules as the model has layers: `transformer.h` of GPT-2,
    `model.layers` of Llama, `gpt_neox.layers`, `encoder.layer` of BERT.

    Raises: LiveError, for a model without such a list.
    """
    n_layers = getattr(lm.config.get_text_config(), "num_hidden_layers", None)
    found = list(_lists(trunk(lm), n_layers))
    if not found:
        raise LiveError(
            _name(lm),
            f"{type(lm).__name__} has no list of {n_layers} blocks",
            "Use a transformer with one module for each layer, such as GPT-2 or Llama.",
        )
    if len(found) == 1:
        return found[0]
    return max(found, key=lambda part: sum(weight.numel() for weight in part.parameters()))


def _lists(module: nn.Module, n: int | None) -> Iterator[nn.ModuleList]:
    """The lists of n modules; not those within one, so that blocks are not walked through."""
    for child in module.children():
        if isinstance(child, nn.ModuleList) and len(child) == n:
            yield child
        else:
            yield from _lists(child, n)


def sites(lm: PreTrainedModel) -> tuple[str, ...]:
    """The sites that every block of this model has, in the order of `SITES`."""
    every = blocks(lm)
    places = [_places(lm, every, layer) for layer in range(len(every))]
    return tuple(site for site in SITES if all(isinstance(has[site], Tap) for has in places))


def tap(lm: PreTrainedModel, layer: int, site: str) -> Tap:
    """Where a site of block `layer` is read, and written.

    What leaves a block is read as what enters the next one; only the last block's is read where it
    leaves, for transformers' last hidden state has passed the final norm.

    Raises: BadValue, for a layer the model has not; UnknownName, for no site at all; LiveError, for
            one that this model's block has not.
    """
    return taps(lm, [Where(layer, site)])[0]


def taps(lm: PreTrainedModel, wheres: Iterable[Where]) -> list[Tap]:
    """The `tap` of each of these places."""
    every = blocks(lm)
    return [_tap(lm, every, where) for where in wheres]


@contextmanager
def adding(lm: PreTrainedModel, where: Where, change: Change) -> Iterator[None]:
    """While this lasts, what `change` makes of a place is what all behind it sees.

    `change` is given [1, n_tokens, d] in the model's dtype, at every pass; what it returns is cast
    to that dtype. Who reads the same place within sees it changed.

    Raises: as `tap`; LiveError, for what can only be read.
    """
    place = tap(lm, where.layer, where.site)
    if place.normed:
        wrong = f"{where} is computed from the model's own values, and can only be read"
        raise LiveError(_name(lm), wrong, "Change mlp_in, or resid_mid.")

    def changed(x: Tensor) -> Tensor | None:
        new = change(x)
        if where.site != "resid_mid":
            return new
        x.copy_(new)  # in place: the block adds what leaves the MLP to this very tensor
        return None

    hook = hooked(place, changed)
    try:
        yield
    finally:
        hook.remove()


def hooked(place: Tap, act: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
    """Gives `act` what comes by, as [batch, n_tokens, d]; a tensor it returns goes on instead."""

    def acted(x: Tensor) -> Tensor | None:
        rows = x if x.dim() == 3 else x[None]  # OPT's MLP sees [batch * n_tokens, d]
        new = act(_normed(place.module, rows) if place.normed else rows)
        return None if new is None else new.to(x.dtype).reshape(x.shape)

    def before(_: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        new = acted(args[0] if args else named["hidden_states"])
        if new is None:
            return None
        return ((new, *args[1:]), named) if args else (args, {**named, "hidden_states": new})

    def behind(_: nn.Module, __: tuple[Any, ...], output: Any) -> Any:
        if isinstance(output, Tensor):
            return acted(output)
        new = acted(output[0])
        return None if new is None else (new, *output[1:])

    if place.side == "in":
        return place.module.register_forward_pre_hook(before, with_kwargs=True)
    return place.module.register_forward_hook(behind)


def _name(lm: PreTrainedModel) -> str:
    return lm.config.name_or_path or type(lm).__name__


def _tap(lm: PreTrainedModel, every: nn.ModuleList, where: Where) -> Tap:
    layer, site = where
    if layer not in range(len(every)):
        raise BadValue("layer", layer, f"0 to {len(every) - 1}")
    if site in (whole := _whole(every, layer)):
        return whole[site]
    places = _places(lm, every, layer)
    if site not in places:
        raise UnknownName("site", site, places)
    found = places[site]
    if isinstance(found, str):
        there = ", ".join(name for name, place in places.items() if isinstance(place, Tap))
        raise LiveError(_name(lm), f"block {layer} has no {site}: {found}", f"It has {there}.")
    return found


def _whole(every: nn.ModuleList, layer: int) -> dict[str, Tap]:
    """What enters a block, and what leaves it."""
    last = layer + 1 == len(every)
    after = Tap(every[layer], "out") if last else Tap(every[layer + 1], "in")
    return {"resid_pre": Tap(every[layer], "in"), "resid_post": after}


def _places(lm: PreTrainedModel, every: nn.ModuleList, layer: int) -> dict[str, Tap | str]:
    """Where each site of a block is; for one that it has not, why."""
    block, whole = every[layer], _whole(every, layer)
    config = lm.config.get_text_config()
    layout = layout_of(block, config)
    if layout is None:
        wrong = f"the parts of a block of {config.model_type!r} are not known here"
        return dict.fromkeys((*SITES, NORMALIZED), wrong) | whole
    inside = _inside(block, layout, getattr(config, "residual_multiplier", 1) != 1)
    return {site: (inside | whole)[site] for site in (*SITES, NORMALIZED)}


def _inside(block: nn.Module, layout: Layout, scaled: bool) -> dict[str, Tap | str]:
    part = block.get_submodule
    experts = layout.last not in {name for name, _ in block.named_modules()}
    attn, mlp = layout.behind or (layout.projection, layout.mlp if experts else layout.last)
    places: dict[str, Tap | str] = {
        "resid_mid": Tap(part(layout.before or layout.mlp), "in"),
        "attn_out": Tap(part(attn), "out"),
        "attn_z": Tap(part(layout.projection), "in"),
        "mlp_in": Tap(part(layout.mlp), "in"),
        "mlp_act": "its MLP is a mixture of experts" if experts else Tap(part(layout.last), "in"),
        "mlp_out": Tap(part(mlp), "out"),
        NORMALIZED: "its MLP reads the stream as it is",
    }
    if layout.before:
        places[NORMALIZED] = Tap(part(layout.before), "in", normed=True)
    if layout.post_norm:
        places["resid_mid"] = places[NORMALIZED] = "its norms stand in the stream, behind each sum"
    if layout.beside:
        places["resid_mid"] = "its attention and MLP stand beside each other"
    if scaled:  # Granite
        places["attn_out"] = places["mlp_out"] = "it is scaled before it is added to the stream"
    return places


def _normed(norm: nn.Module, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """What a norm makes of x without its gain and bias, float32."""
    x = x.float()
    if "RMS" not in type(norm).__name__:
        x = x - x.mean(-1, keepdim=True)
    eps: float = next(
        (getattr(norm, n) for n in ("eps", "variance_epsilon") if hasattr(norm, n)), 1e-5
    )
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps)
