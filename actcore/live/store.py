"""What is loaded, for all who ask: one model, its SAEs, and the streams of its last prompts.

One thread uses it, that of the line; only `stamp` is for any. Leaves reading files to `models` and
`saes`, and answers to `desk`.
"""

import gc
import os
from collections.abc import Hashable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from weakref import WeakValueDictionary

import pyarrow as pa
import torch

from actcore.errors import BadValue
from actcore.live.model_folder import model_folder
from actcore.live.models import Model, load_model
from actcore.live.recent import Recent
from actcore.live.saes import Sae, load_sae
from actcore.live.streams import Streams

#: For models below so many parameters one thread is enough: on a machine that does other things
#: too, two wait for each other (the demo: 11 ms with one, 100 to 190 with two).
_SMALL = 20_000_000
#: The environment variable that says how many threads of the CPU there are to be.
THREADS = "ACTCORE_THREADS"

#: As deep below a folder as `load_sae` looks for an SAE; and at so many files there, at most.
_DEPTH, _MOST = 4, 10_000


class ModelChoice(NamedTuple):
    """What `load_model` is asked for."""

    name: str
    device: str = "auto"
    dtype: str | None = None


class SaeChoice(NamedTuple):
    """What `load_sae` is asked for."""

    path: str
    layer: int | None = None
    site: str | None = None
    activation: str | None = None
    k: int | None = None


class Store:
    """Loads what is asked for, unless it is there and its files are what they were.

    SAEs unused the longest are dropped above `most_sae_bytes`.
    """

    def __init__(self, *, most_sae_bytes: int = 2 << 30) -> None:
        self.streams = Streams()
        self._n_threads = torch.get_num_threads()
        self._model: tuple[Hashable, Model] | None = None
        self._saes: Recent[tuple[Hashable, Sae]] = Recent(most_bytes=most_sae_bytes)
        self._features: WeakValueDictionary[tuple[SaeChoice, ...], pa.Table] = WeakValueDictionary()

    def model(self, choice: ModelChoice) -> Model:
        """The model. Another one, its SAEs and its streams are gone before this one is loaded.

        It runs on one thread of the CPU where it is small, on torch's own number of them else, or
        on as many as ACTCORE_THREADS says.
        Raises: as `load_model`; BadValue, for ACTCORE_THREADS. No model is loaded then, unless
                there are no files of this name.
        """
        wanted = (choice, stamp(choice))
        if self._model is None or self._model[0] != wanted:
            model_folder(choice.name)  # where there is none, nothing is given up for it
            self.clear()
            wished = _wished_threads()
            model = load_model(choice.name, device=choice.device, dtype=choice.dtype)
            small = sum(part.numel() for part in model.lm.parameters()) < _SMALL
            torch.set_num_threads(wished or (1 if small else self._n_threads))
            self._model = wanted, model
        return self._model[1]

    def sae(self, choice: SaeChoice, device: torch.device) -> Sae:
        """The SAE, on a device.

        Raises: as `load_sae`.
        """
        key, now = (choice, str(device)), stamp(choice)
        kept = self._saes.get(key)
        if kept is not None and kept[0] == now:
            return kept[1]
        del kept
        self._saes.drop(key)
        said = choice._asdict()
        sae = load_sae(said.pop("path"), **said, device=str(device))
        self._saes.put(key, (now, sae), sae.n_bytes)
        return sae

    def shared(self, saes: tuple[SaeChoice, ...], features: pa.Table) -> pa.Table:
        """The equal table that an earlier answer still holds, or this one."""
        kept = self._features.get(saes)
        if kept is None or not kept.equals(features):
            self._features[saes] = kept = features
        return kept

    def clear(self) -> None:
        """Forgets everything."""
        self._model = None
        self.shrink()

    def shrink(self) -> None:
        """Forgets all but the model, and gives the memory back."""
        self._saes.clear()
        self.streams.clear()
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if torch.backends.mps.is_available():
            torch.mps.empty_cache()


def _wished_threads() -> int | None:
    """What the environment says. Raises: BadValue."""
    words = os.environ.get(THREADS)
    if not words:
        return None
    if not (words.isascii() and words.isdecimal() and len(words) < 5 and int(words)):
        raise BadValue(THREADS, words, "a whole number from 1 on")
    return int(words)


def stamp(choice: ModelChoice | SaeChoice) -> Hashable:
    """What tells whether the files of a choice have changed: names, times and sizes.

    Nothing, for a model of the hub and for what cannot be looked at.
    """
    if isinstance(choice, ModelChoice):
        folder, depth = Path(choice.name), 0
    else:
        folder, depth = Path(choice.path), _DEPTH
    try:
        if folder.is_file():  # what stands beside it may say what it is
            folder, depth = folder.parent, 0
        return tuple(islice(_files(folder.expanduser(), depth), _MOST))
    except (OSError, ValueError, RuntimeError):  # not there, no path, nobody's home
        return ()


def _files(folder: Path, depth: int) -> Iterator[tuple[str, int, int]]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_file():
                about = entry.stat()
                yield entry.path, about.st_mtime_ns, about.st_size
            elif depth and entry.is_dir():
                yield from _files(Path(entry.path), depth - 1)
