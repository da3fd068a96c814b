"""Files of OpenAI's sparse autoencoders for GPT-2.

    3.pt   pre_bias [d_in], latent_bias [d_sae], encoder.weight [d_sae, d_in],
           decoder.weight [d_in, d_sae], "activation": "TopK", "activation_state_dict": {"k": 32}

Source: github.com/openai/sparse_autoencoder, `model.py`. The input is normalised if and only if
the activation is TopK; that code computes in float32. Leaves the site, which only the address of
the file names, to the caller.
"""

from actcore.live.saes.activations import Activation
from actcore.live.saes.config import Config
from actcore.live.saes.core import Sae
from actcore.live.saes.decoders import Stored
from actcore.live.saes.files import torch_weights
from actcore.live.saes.place import Place, numbered


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
    k = about.inner("activation_state_dict").integer("k") if place.k is None else place.k
    tensors = torch_weights(path)
    weight = tensors.take("encoder.weight", d_sae=None, d_in=None)
    d_sae, d_in = weight.shape
    decoder = Stored(tensors, d_sae, "decoder.weight", "pre_bias", turned=True)

    return Sae(
        name=str(path),
        format="OpenAI",
        weight=weight,
        bias=tensors.take("latent_bias", d_sae=d_sae),
        activation=Activation("topk", k=k) if kind == "TopK" else Activation("relu"),
        read_decoder=decoder,
        read_directions=decoder.rows,
        layer=numbered(path.name),
        centre=tensors.take("pre_bias", d_in=d_in),
        normalisation="layer_norm" if kind == "TopK" else "none",
    )
