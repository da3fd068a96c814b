"""Checkpoints of AlignSAE training runs: SAEs whose last features are slots for relations.

    layer6/sae_best.pt  {"model_state_dict": {"encoder.weight" [d_sae, d_in], "encoder.bias",
                         "decoder.weight" [d_in, d_sae], "decoder.bias", "value_heads...."},
                         "d_model": 768, "n_free": 10000, "n_relation": 6, "args": {...},
                         "optimizer_state_dict": ...}

Source: github.com/yminglai/AlignSAE, `04_train_sae.py`. Leaves overrides to `load_sae`.
"""

from pathlib import Path

from actcore.errors import LiveError
from actcore.live.saes.activations import Activation
from actcore.live.saes.config import Config
from actcore.live.saes.core import Sae
from actcore.live.saes.decoders import Stored
from actcore.live.saes.files import torch_weights
from actcore.live.saes.place import Place, numbered

_STATE = "model_state_dict"
_RELU = (
    "ReLU is assumed: some revisions of the training script use none, and the file cannot tell "
    "(give activation='identity' for those)"
)


def claims(place: Place) -> bool:
    """Whether a torch file with `model_state_dict` is here."""
    return _STATE in place.torch_state


def load(place: Place) -> Sae:
    """The SAE of a checkpoint; only its encoder is read."""
    path = place.torch_file
    assert path is not None
    about = Config(str(path), place.torch_state)
    tensors = torch_weights(path, _STATE)
    weight = tensors.take("encoder.weight", d_sae=None, d_in=about.integer("d_model"))
    d_sae, _ = weight.shape
    decoder = Stored(tensors, d_sae, "decoder.weight", "decoder.bias", turned=True)
    traditional = about.inner("args").flag("is_traditional", default=False)
    slots, said_of_slots = ((), None) if traditional else _slots(about, d_sae)
    layer, said_of_layer = _layer(about, path)
    return Sae(
        name=str(path),
        format="AlignSAE",
        weight=weight,
        bias=tensors.take("encoder.bias", d_sae=d_sae),
        activation=Activation("relu"),
        read_decoder=decoder,
        read_directions=decoder.rows,
        layer=layer,
        site="resid_pre",  # hidden_states[layer] of transformers
        slots=slots,
        assumed=place.assumed(
            activation=None if traditional else _RELU, slots=said_of_slots, layer=said_of_layer
        ),
    )


def _slots(about: Config, d_sae: int) -> tuple[tuple[None, ...] | None, str | None]:
    """The slots without names, and what had to be assumed about them."""
    args = about.inner("args")
    n_free = _first(about.integer("n_free"), args.integer("n_free"))
    n_slots = _first(about.integer("n_relation"), args.integer("n_relation"))
    if n_slots is None:
        n_slots = None if n_free is None else d_sae - n_free
    if n_slots is None:
        return None, None
    if not 0 <= n_slots <= d_sae:
        wrong = f"it says that {n_slots:,} of its {d_sae:,} features are slots"
        raise LiveError(about.name, wrong, "The file does not hold what its format says.")
    slots = (None,) * n_slots
    if n_free is None or n_free + n_slots == d_sae:
        return slots, None
    odd = f"n_free {n_free} and n_relation {n_slots} do not add up to {d_sae}"
    return slots, f"The last {n_slots} features are taken for the slots: {odd}"


def _layer(about: Config, path: Path) -> tuple[int | None, str | None]:
    """The layer that the file states, or else its folder's name."""
    stated = about.inner("args").integer("layer")
    if stated is not None:
        return stated, None
    named = numbered(path.parent.name) if "layer" in path.parent.name else None
    return named, None if named is None else f"Layer {named} is taken from the folder's name"


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)
