"""What a folder of co-activation results holds already, and what is added to it.

A layer counts once the summary names it, with the settings and the SAE it was computed with; the
summary is written last. Leaves how files are written to `actcore.readers.matrices.writer`.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pyarrow as pa

from actcore import analysis
from actcore.dataset import Dataset
from actcore.dataset.core import Floats, Ints
from actcore.errors import SaveError
from actcore.export import write
from actcore.readers import read
from actcore.readers.matrices.pieces import MATRIX, SUMMARY
from actcore.readers.matrices.writer import write_layer, write_sample_relations, write_summary
from actcore.readers.questions import Questions
from actcore.schema import CONSISTENCY, SAMPLES

if TYPE_CHECKING:
    from actcore.live.batch import LayerSums

#: Weights of gigabytes are told by so many bytes at either end, and by their size.
_ENDS = 4 << 20
_ANOTHER = "Name another --output_dir, or remove what is there."


@dataclass(frozen=True)
class Settings:
    """What results depend on, beside the SAE of each layer."""

    lm_model: str
    qa_file: str
    samples_per_relation: int
    activation_threshold: float
    consistency_threshold: float
    activation: str | None
    dtype: str | None

    @classmethod
    def of(cls, chosen: argparse.Namespace, questions: Questions) -> Settings:
        """The settings of a command; a folder or file stands for what it holds now."""
        given = {name: getattr(chosen, name) for name in cls.__dataclass_fields__}
        here = Path(chosen.lm_model)
        if chosen.lm_model.startswith("~/"):
            here = here.expanduser()
        given["lm_model"] = _as_it_is(here) if here.is_dir() else chosen.lm_model
        given["qa_file"] = questions.digest[:16]
        return cls(**given)

    @property
    def model(self) -> str:
        """The model's name alone."""
        return Path(self.lm_model.rpartition(" ")[0] or self.lm_model).name


class _Summary(msgspec.Struct):
    """What is looked at of `analysis_summary.json`; the original writes the first alone."""

    layers_analyzed: list[int] = []
    settings: dict[str, str | int | float | None] | None = None
    saes: dict[int, str] = {}


class Results:
    """A folder of results. Raises: SaveError, where its summary is none of ours."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        path = folder / SUMMARY
        try:
            known = path.read_bytes() if path.exists() else b"{}"
            self._summary = msgspec.json.decode(known, type=_Summary)
        except (OSError, msgspec.DecodeError) as error:
            raise SaveError(str(path), f"it cannot be read ({error})", _ANOTHER) from error

    @property
    def layers(self) -> list[int]:
        """The layers that are there, in order."""
        return sorted(layer for layer in self._summary.layers_analyzed if self._has(layer))

    def missing(
        self, saes: Mapping[int, Path], settings: Settings, *, samples: bool
    ) -> dict[int, Path]:
        """The SAEs whose layers are not there yet; with `samples`, those without samples too.

        Raises: SaveError, where the folder holds results of other settings, or cannot be one.
        """
        self._require_place()
        known = self._summary.settings
        if known is None and any(self._folder.glob(f"layer*_{MATRIX}")):
            wrong = "it holds results that do not say how they were computed"
            raise SaveError(str(self._folder), wrong, _ANOTHER)
        for name, value in (known or {}).items():
            if (now := vars(settings).get(name)) != value:
                wrong = f"it holds results of another --{name}: {value!r}, not {now!r}"
                raise SaveError(str(self._folder), wrong, _ANOTHER)
        done = {
            layer
            for layer in self.layers
            if not samples or (self._folder / _samples_file(layer)).exists()
        }
        return {
            layer: path
            for layer, path in saes.items()
            if layer not in done or self._summary.saes.get(layer) != _as_it_is(path)
        }

    def add(self, each: LayerSums, path: Path, questions: Questions, settings: Settings) -> None:
        """Writes a layer and says so in the summary. Raises: SaveError."""
        names, sums = questions.relations, each.sums
        n_slots = each.sae.n_slots or 0
        mean, shares = (np.nan_to_num(part) for part in (sums.mean(), sums.consistency()))
        dataset = _dataset(each.layer, mean, shares, sums.n, settings.activation_threshold)
        of_layer = {"layer": each.layer, "slots": n_slots}
        statistics = analysis.original_statistics(dataset, **of_layer)
        common = analysis.original_common_features(
            dataset, **of_layer, share=settings.consistency_threshold
        )
        values = np.concatenate([sums.values(row) for row in range(len(names))])
        # First what the layers are of: a matrix without it would be refused after a crash.
        self._say(each, questions, settings, saes=self._others(each.layer))
        write_sample_relations(self._folder, questions.relation)
        write_layer(
            self._folder,
            each.layer,
            mean,
            dict(zip(names, statistics.values(), strict=True)),
            dict(zip(names, common.values(), strict=True)),
            consistency=shares,
            slot_samples=values[:, values.shape[1] - n_slots :],
        )
        self._write_samples(each, values, questions)
        now = {**self._summary.saes, each.layer: _as_it_is(path)}
        self._say(each, questions, settings, saes=now)

    def _has(self, layer: int) -> bool:
        return (self._folder / f"layer{layer:02d}_{MATRIX}").exists()

    def _others(self, layer: int) -> dict[int, str]:
        """The SAEs of the other layers that are there."""
        known = self._summary.saes.items()
        return {of: sae for of, sae in known if of != layer and self._has(of)}

    def _require_place(self) -> None:
        """Nothing, if files can be written here. Raises: SaveError."""
        folder = self._folder.absolute()
        there = next(path for path in (folder, *folder.parents) if path.exists())
        if not there.is_dir():
            wrong = f"{there.name!r} is a file, not a folder"
            raise SaveError(str(self._folder), wrong, "Name another --output_dir.")
        if not os.access(there, os.W_OK | os.X_OK):
            wrong = f"nothing can be written into {there.name!r}"
            raise SaveError(str(self._folder), wrong, "Name another --output_dir.")

    def _write_samples(self, each: LayerSums, values: Floats, questions: Questions) -> None:
        """Every activation of a layer, with a label for each sample, if all were kept."""
        target = self._folder / _samples_file(each.layer)
        if each.sums.kept < each.sae.d_sae:
            target.unlink(missing_ok=True)  # They are of what was there before.
            return
        file = io.BytesIO()
        np.savez_compressed(
            file,
            allow_pickle=False,
            **{f"layer{each.layer}": values},
            labels=questions.relation,
            names=np.array(questions.relations),
            n_slots=np.array(each.sae.n_slots or 0),
        )
        write(file.getvalue(), target)

    def _say(
        self, each: LayerSums, questions: Questions, settings: Settings, saes: dict[int, str]
    ) -> None:
        n_slots = each.sae.n_slots or 0
        self._summary = _Summary(sorted(saes), vars(settings), saes)
        summary = {
            "layers_analyzed": self._summary.layers_analyzed,
            "samples_per_relation": settings.samples_per_relation,
            "total_questions": len(questions.texts),
            "n_free": each.sae.d_sae - n_slots,
            "n_relation": n_slots,
            "relations": list(questions.relations),
            "activation_threshold": settings.activation_threshold,
            "consistency_threshold": settings.consistency_threshold,
            "model": settings.model,
            "settings": vars(settings),
            "saes": saes,
        }
        write_summary(self._folder, summary)


def _dataset(layer: int, mean: Floats, shares: Floats, n: Ints, threshold: float) -> Dataset:
    """The means of a layer, with the shares of samples beside them."""
    file = io.BytesIO()
    np.save(file, mean, allow_pickle=False)
    dataset = read(file.getvalue(), name=f"layer{layer:02d}_activation_matrix.npy")
    row, column = np.nonzero(shares)
    if not len(row):  # No share above 0 is known too.
        row, column = np.zeros(1, np.int64), np.zeros(1, np.int64)
    above = np.full(len(row), threshold)
    keys = row.astype(np.int32), column.astype(np.int32)
    consistency = pa.table([*keys, above, shares[row, column]], schema=CONSISTENCY)
    samples = pa.table([np.arange(len(n), dtype=np.int32), n], schema=SAMPLES)
    return replace(dataset, others={"consistency": consistency, "samples": samples})


def _samples_file(layer: int) -> str:
    return f"layer{layer:02d}_samples.npz"


def _as_it_is(path: Path) -> str:
    """The name of a file or folder, and a digest of its files, wherever they lie."""
    files = [path] if path.is_file() else sorted(each for each in path.iterdir() if each.is_file())
    digest = hashlib.sha256()
    for file in files:
        digest.update(repr((file.name, file.stat().st_size)).encode())
        with file.open("rb") as data:
            digest.update(data.read(_ENDS))
            data.seek(max(_ENDS, file.stat().st_size - _ENDS))
            digest.update(data.read(_ENDS))
    return f"{path.absolute().name} {digest.hexdigest()[:16]}"
