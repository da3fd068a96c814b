"""Files of OpenAI's sparse autoencoders for GPT-2.

    3.pt   pre_bias [d_in], latent_bias [d_sae], encoder.weight [d_sae, d_in],
           decoder.weight [d_in, d_sae], "activation": "TopK",
           "activation_state_dict": {"k": 32, "postact_fn": "ReLU"}, or what stands in it as
           "activation.k", "activation.postact_fn"

Source: github.com/openai/sparse_autoencoder, `model.py`. The input is normalised if and only if
the activation is TopK; that code computes in float32. Leaves the site, which only the address of
the file names, to the caller.
"""

from actcore.live.saes.activations import Activation, Kind
from actcore.live.saes.config import Config
from actcore.live.saes.core import Sae
from actcore.live.saes.decoders import Stored
from actcore.live.saes.files import torch_weights
from actcore.live.saes.place import Place, numbered

#: What becomes of the k that are kept.
_AFTER: dict[str, Kind] = {"ReLU": "topk", "Identity": "signed_topk"}


def claims(place: Place) -> bool:
    """Whether a torch file with `latent_bias` is here."""
    return "latent_bias" in place.torch_state


def load(place: Place) -> Sae:
    """The SAE of one file; only its encoder is read."""
    path = place.torch_file
    assert path is not None
    about = Config(str(path), place.torch_state)
    kind = about.text("activation") or "ReLU"
    if kind not in ("TopK", "ReLU"):
        raise about.bad("activation", "TopK or ReLU")
    tensors = torch_weights(path)
    weight = tensors.take("encoder.weight", d_sae=None, d_in=None)
    d_sae, d_in = weight.shape
    decoder = Stored(tensors, d_sae, "decoder.weight", "pre_bias", turned=True)

    return Sae(
        name=str(path),
        format="OpenAI",
        weight=weight,
        bias=tensors.take("latent_bias", d_sae=d_sae),
        activation=_topk(about, place.k) if kind == "TopK" else Activation("relu"),
        read_decoder=decoder,
        read_directions=decoder.rows,
        layer=numbered(path.name),
        centre=tensors.take("pre_bias", d_in=d_in),
        normalisation="layer_norm" if kind == "TopK" else "none",
    )


def _topk(about: Config, k: int | None) -> Activation:
    state = about.inner("activation_state_dict")
    if not state.entries:
        start = "activation."
        named = {
            key.removeprefix(start): value
            for key, value in about.entries.items()
            if key.startswith(start)
        }
        state = Config(about.name, named)
    after = state.text("postact_fn") or "ReLU"
    if after not in _AFTER:
        raise state.bad("postact_fn", " or ".join(_AFTER))
    return Activation(_AFTER[after], k=state.integer("k") if k is None else k)
