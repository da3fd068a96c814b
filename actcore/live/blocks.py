"""Where the blocks of a transformer are, and where in them a site is read.

Leaves the reading to `capture`.
"""

from typing import Any, Literal, NamedTuple, cast

from torch import nn
from transformers import PreTrainedModel

from actcore.errors import BadValue, LiveError, UnknownName


class Tap(NamedTuple):
    """A place where a tensor is read: what goes into a module, or what comes out of it."""

    module: nn.Module
    side: Literal["in", "out"]


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
    lists = [part for part in trunk(lm).modules() if isinstance(part, nn.ModuleList)]
    found = [part for part in lists if len(part) == n_layers]
    if not found:
        raise LiveError(
            lm.config.name_or_path or type(lm).__name__,
            f"{type(lm).__name__} has no list of {n_layers} blocks",
            "Use a transformer with one module for each layer, such as GPT-2 or Llama.",
        )
    return max(found, key=lambda part: sum(weight.numel() for weight in part.parameters()))


def tap(lm: PreTrainedModel, layer: int, site: str) -> Tap:
    """Where a site of block `layer` is read.

    What leaves a block is read as what enters the next one; only the last block's is read where it
    leaves, for transformers' last hidden state has passed the final norm.

    Raises: BadValue, for a layer the model has not; UnknownName, for a site not read here.
    """
    every = blocks(lm)
    if layer not in range(len(every)):
        raise BadValue("layer", layer, f"0 to {len(every) - 1}")
    if site not in ("resid_pre", "resid_post"):
        raise UnknownName("site", site, ("resid_pre", "resid_post"))
    entered = layer + (site == "resid_post")
    return Tap(every[entered], "in") if entered < len(every) else Tap(every[-1], "out")
