"""A language model and its tokenizer, loaded from a folder or the Hugging Face hub.

Files are read as data: no code of theirs, no pickle. Leaves running it to `capture`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
import transformers
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from actcore.errors import BadValue, LiveError
from actcore.live.blocks import blocks
from actcore.live.fused import fuse
from actcore.live.model_folder import model_folder
from actcore.live.trouble import loading

_DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
_SURROGATE = re.compile("[\ud800-\udfff]")
_AGAIN = "Fetch or save the folder again."


@dataclass(frozen=True, eq=False)
class Model:
    """A model that is ready to run. `context` is how many tokens it can read, if it has a limit."""

    name: str
    lm: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    device: torch.device
    dtype: torch.dtype
    n_layers: int
    d_model: int
    context: int | None

    @property
    def causal(self) -> bool:
        """Whether it predicts next tokens; an encoder does not."""
        return cast(Any, self.lm).get_output_embeddings() is not None


def load_model(name: str, *, device: str = "auto", dtype: str | None = None) -> Model:
    """The causal LM, or encoder, in a local folder or of the hub's `owner/name`.

    `device` "auto" is the first there is of cuda, mps, cpu. Without a `dtype`, it is float32 on the
    CPU and the file's own elsewhere.

    Raises: LiveError, for files that are missing, broken or of an unknown kind, and out of memory.
    """
    place = _device(device)
    if dtype is not None and dtype not in _DTYPES:
        raise BadValue("dtype", dtype, ", ".join(_DTYPES))
    kind = _DTYPES[dtype or "float32"] if dtype or place.type == "cpu" else "auto"
    with _quiet():
        folder = model_folder(name)
        lm = _lm(name, folder, kind)
        with loading(name, "tokenizer", _AGAIN):
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    with loading(name, "weights", _AGAIN):
        nn.Module.to(lm, place)
    fuse(lm)
    every = blocks(lm)
    width = lm.config.get_text_config().hidden_size
    return Model(name, lm, tokenizer, place, lm.dtype, len(every), width, _context(lm))


def token_ids(model: Model, texts: Sequence[str]) -> list[list[int]]:
    """The ids of the tokens of each text, special ones as the tokenizer adds them.

    Raises: LiveError, for a text that is no text.
    """
    for number, text in enumerate(texts):
        require_whole(model, text, f"prompt {number} (counted from 0)")
    if not texts:
        return []
    ids: list[list[int]] = model.tokenizer(list(texts), verbose=False)["input_ids"]
    return ids


def require_whole(model: Model, text: str, what: str) -> None:
    """Refuses a text with half a character in it: it has no bytes that a tokenizer could read."""
    if not text.isascii() and (bad := _SURROGATE.search(text)):
        wrong = f"{what} holds U+{ord(bad[0]):04X}, half a character"
        raise LiveError(model.name, wrong, "Write the whole character, or leave it out.")


def _device(device: str) -> torch.device:
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    known = [name for name, available in there.items() if available]
    if device == "auto":
        return torch.device(known[0])
    n_cuda = torch.cuda.device_count() if there["cuda"] else 0
    known += [f"cuda:{number}" for number in range(n_cuda)]
    if device not in known:
        raise BadValue("device", device, ", ".join(["auto", *known]))
    return torch.device(device)


def _lm(name: str, folder: Path, dtype: torch.dtype | str) -> PreTrainedModel:
    """The model on the CPU, in evaluation mode, without gradients."""
    known = "Fetch or save the folder again, or use a model of a kind that transformers knows."
    with loading(name, "config.json", known):
        config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False)
    if getattr(config, "is_encoder_decoder", False):
        wrong = f"{config.model_type} is an encoder with a decoder, which reads two texts at once"
        raise LiveError(name, wrong, "Use a causal language model or an encoder.")
    with loading(name, "weights", _AGAIN):
        lm, info = _loader(config).from_pretrained(
            folder,
            config=config,
            dtype=dtype,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # refused below, with the tensor's name
            trust_remote_code=False,
        )
    _require_all(name, info)
    ready: PreTrainedModel = lm.eval().requires_grad_(False)
    return ready


def _require_all(name: str, info: Mapping[str, Any]) -> None:
    """Refuses weights that do not fill the model: transformers would make up the rest."""
    for key, in_file, in_model in sorted(info["mismatched_keys"]):
        wrong = f"its weights do not fit its config.json: {key!r} is {list(in_file)} in the file"
        raise LiveError(name, f"{wrong}, not {list(in_model)}", _AGAIN)
    # Encoders are often saved without the pooler, which stands behind every block.
    missing = sorted(key for key in info["missing_keys"] if "pooler" not in key)
    if missing:
        wrong = f"its weights lack {len(missing)} of the model's tensors, such as {missing[0]!r}"
        raise LiveError(name, wrong, _AGAIN)


def _loader(config: Any) -> Any:
    """With the head for what was saved with one; an encoder's would be made up."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as CAUSAL

    saved = config.architectures or [CAUSAL.get(config.model_type)]
    causal = saved[0] in CAUSAL.values()
    return transformers.AutoModelForCausalLM if causal else transformers.AutoModel


def _context(lm: PreTrainedModel) -> int | None:
    most = getattr(lm.config.get_text_config(), "max_position_embeddings", None)
    for name, part in lm.named_modules():
        if name.endswith("position_embeddings") and isinstance(part, nn.Embedding):
            # RoBERTa and its kin count positions from behind the padding index.
            most = part.num_embeddings - (-1 if part.padding_idx is None else part.padding_idx) - 1
    return most if isinstance(most, int) and most > 0 else None


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' bars and reports: what they say of missing weights is refused here."""
    logging: Any = transformers.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
