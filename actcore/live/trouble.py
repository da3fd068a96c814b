"""What libraries raise while a model loads or runs, said in words.

Leaves what is the matter with a prompt or a folder to those who look at it first.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from actcore.errors import LiveError

#: What torch says on a CPU and Apple's GPUs; of CUDA, what its libraries and its start say.
_NO_MEMORY = (
    *("can't allocate memory", "not enough memory"),
    *("backend out of memory", "CUDA error: out of memory", "_STATUS_ALLOC_FAILED"),
)


@contextmanager
def enough_memory(name: str, mend: str) -> Iterator[None]:
    """Raises LiveError where what is done here does not fit into memory."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_of_memory(error):
            raise
        raise LiveError(name, "there is not enough memory for it", mend) from error


@contextmanager
def loading(name: str, what: str, mend: str) -> Iterator[None]:
    """Raises LiveError where the files of a model cannot be made into `what`."""
    smaller = "Close other programs, choose a smaller dtype, or a smaller model."
    try:
        with enough_memory(name, smaller):
            yield
    except LiveError:
        raise
    except ImportError as error:
        missing = f"its {what} needs a package that is not installed ({_first_sentence(error)})"
        raise LiveError(name, missing, "Install that package.") from error
    except Exception as error:  # tokenizers raises the bare class, torch and safetensors their own
        raise LiveError(
            name, f"its {what} cannot be read ({_first_sentence(error)})", mend
        ) from error


def is_of_memory(error: Exception) -> bool:
    """Torch has a class of its own for it, and in many places raises a plain RuntimeError."""
    known = isinstance(error, (torch.OutOfMemoryError, MemoryError))
    return known or any(words in str(error) for words in _NO_MEMORY)


def _first_sentence(error: Exception) -> str:
    said = str(error).strip() or type(error).__name__
    return re.split(r"\.\s|\n", said)[0].rstrip(".")
