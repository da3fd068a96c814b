from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from actcore.errors import BadValue, LiveError
from actcore.live.models import load_model
from tests.live.models import D_MODEL, N_LAYERS

ROOT = Path(__file__).parent.parent.parent
NO_SUCH = (
    "Name a folder with config.json, weights and tokenizer, or a model of the hub (owner/name)."
)


def message(name: str, **settings: Any) -> str:
    with pytest.raises((LiveError, BadValue)) as error:
        load_model(name, **settings)
    return str(error.value)


@pytest.mark.parametrize("name", ["/no/such/folder", "./nothing", "a b", "x\0y", "../up"])
def test_a_name_that_can_be_no_hub_model_is_a_missing_folder(name: str) -> None:
    tried = str(Path(name).absolute())
    assert message(name) == f"{name}: there is no folder {tried!r}. {NO_SUCH}"


@pytest.mark.usefixtures("offline")
def test_a_name_longer_than_any_path_is_a_missing_folder() -> None:
    assert message("x" * 300).endswith(f", and the hub shows no such model. {NO_SUCH}")


def test_no_name_is_said() -> None:
    assert message("") == f"model: it has no name. {NO_SUCH}"


@pytest.mark.usefixtures("offline")
def test_an_unreachable_hub_is_said() -> None:
    assert message("nobody/nothing") == (
        f"nobody/nothing: there is no folder {str(Path('nobody/nothing').absolute())!r}, "
        f"and the hub cannot be reached for it. {NO_SUCH}"
    )


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        (["config.json"], "configuration (config.json)"),
        (
            ["model.safetensors"],
            "weights (model.safetensors, model.safetensors.index.json, pytorch_model.bin, "
            "pytorch_model.bin.index.json)",
        ),
        (
            ["tokenizer.json", "tokenizer_config.json"],
            "tokenizer (tokenizer.json, tokenizer.model, vocab.json, vocab.txt, spiece.model, "
            "sentencepiece.bpe.model, tekken.json)",
        ),
    ],
)
def test_a_missing_part_is_named(own_model: Path, files: list[str], missing: str) -> None:
    for name in files:
        (own_model / name).unlink()
    assert (
        message(str(own_model))
        == f"{own_model}: the folder {str(own_model)!r} has no {missing}. {NO_SUCH}"
    )


def cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def no_model_type(folder: Path) -> None:
    (folder / "config.json").write_text("{}")


def half_a_config(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type"')


def unknown(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "nonsense"}')


def half_a_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text('{"version"')


def one_more_layer(folder: Path) -> None:
    edit(folder, n_layer=N_LAYERS + 1)


def other_width(folder: Path) -> None:
    edit(folder, n_embd=2 * D_MODEL)


def encoder_with_decoder(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "t5"}')


def edit(folder: Path, **settings: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


AGAIN = "Fetch or save the folder again."
KNOWN = "Fetch or save the folder again, or use a model of a kind that transformers knows."


@pytest.mark.parametrize(
    ("spoil", "wrong"),
    [
        (
            cut,
            "its weights cannot be read (Error while deserializing header: invalid header length). "
            + AGAIN,
        ),
        (
            no_model_type,
            f"its config.json cannot be read (Unrecognized model in FOLDER). {KNOWN}",
        ),
        (
            half_a_config,
            "its config.json cannot be read (It looks like the config file at "
            f"'FOLDER/config.json' is not a valid JSON file). {KNOWN}",
        ),
        (
            unknown,
            "its config.json cannot be read (The checkpoint you are trying to load has model type "
            f"`nonsense` but Transformers does not recognize this architecture). {KNOWN}",
        ),
        (
            half_a_tokenizer,
            "its tokenizer cannot be read (Expecting ':' delimiter: line 1 column 11 (char 10)). "
            + AGAIN,
        ),
        (
            one_more_layer,
            "its weights lack 12 of the model's tensors, such as "
            f"'transformer.h.3.attn.c_attn.bias'. {AGAIN}",
        ),
        (
            other_width,
            "its weights do not fit its config.json: 'transformer.h.0.attn.c_attn.bias' "
            f"is [96] in the file, not [192]. {AGAIN}",
        ),
        (
            encoder_with_decoder,
            "t5 is an encoder with a decoder, which reads two texts at once. "
            "Use a causal language model or an encoder.",
        ),
    ],
)
def test_a_spoilt_folder_is_refused(
    own_model: Path, spoil: Callable[[Path], None], wrong: str
) -> None:
    spoil(own_model)
    assert message(str(own_model)) == f"{own_model}: {wrong.replace('FOLDER', str(own_model))}"


class Touch:
    """An object that writes a file when a pickle of it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_a_malicious_pickle_is_never_run(own_model: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    (own_model / "model.safetensors").unlink()
    torch.save({"weight": Touch(canary)}, own_model / "pytorch_model.bin")
    assert message(str(own_model)).startswith(
        f"{own_model}: its weights cannot be read (Weights only load failed"
    )
    assert not canary.exists()


def test_code_beside_a_model_is_never_run(own_model: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    (own_model / "evil.py").write_text(f"import os; os.mkdir({str(canary)!r})")
    edit(own_model, model_type="evil", auto_map={"AutoConfig": "evil.C", "AutoModel": "evil.M"})
    assert message(str(own_model)).startswith(f"{own_model}: its config.json cannot be read (")
    assert not canary.exists()


def test_a_device_or_dtype_that_is_not_there_is_named(saved_model: Path) -> None:
    assert message(str(saved_model), device="tpu").startswith("device is 'tpu'. Allowed: auto, ")
    assert message(str(saved_model), dtype="int8") == (
        "dtype is 'int8'. Allowed: float32, bfloat16, float16."
    )


def test_missing_packages_are_named_when_the_part_is_first_used() -> None:
    program = (
        "import importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'torch' else find(name, *a)\n"
        "import actcore.live"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr.splitlines()[-1] == (
        "actcore.errors.LiveError: actcore.live: it needs packages that are not installed: torch. "
        "Install them with: pip install -r requirements.txt"
    )
