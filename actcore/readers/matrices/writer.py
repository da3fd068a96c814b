"""The files of the co-activation job, written as the original names them; `results` reads them.

Each file appears whole or not at all, and a layer's matrix appears last: where it is, the layer is
finished. Leaves the numbers to `actcore.analysis`.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeGuard

import numpy as np

from actcore.dataset.core import Floats, Ints
from actcore.errors import SaveError
from actcore.readers.matrices.pieces import (
    COMMON,
    CONSISTENCY,
    MATRIX,
    SAMPLES,
    SLOTS,
    STATISTICS,
    SUMMARY,
)


def write_layer(
    folder: Path,
    layer: int,
    matrix: Floats,
    statistics: Mapping[str, object],
    common_features: Mapping[str, object],
    *,
    consistency: Floats | None = None,
    slot_samples: Floats | None = None,
) -> None:
    """Writes what is known of a layer: means, and shares of samples, [relations, features].

    `slot_samples` is [samples, slots], for which `write_sample_relations` comes first. What was
    there of the layer goes; of common features or slots there is no file where there are none.
    Raises: SaveError.
    """
    contents = {
        STATISTICS: _json(statistics),
        COMMON: _json(common_features) if common_features else None,
        CONSISTENCY: None if consistency is None else _npy(consistency.astype(np.float64)),
        SLOTS: _npy(slot_samples.astype(np.float32)) if _has_columns(slot_samples) else None,
        MATRIX: _npy(matrix.astype(np.float64)),
    }
    _write(folder, {f"layer{layer:02d}_{what}": data for what, data in contents.items()})


def write_sample_relations(folder: Path, relations: Ints) -> None:
    """Writes the relation of each sample, a row of the matrices. Raises: SaveError."""
    _write(folder, {SAMPLES: _npy(relations.astype(np.int64))})


def write_summary(folder: Path, summary: Mapping[str, object]) -> None:
    """Writes what is known of all layers together. Raises: SaveError."""
    _write(folder, {SUMMARY: _json(summary)})


def _has_columns(array: Floats | None) -> TypeGuard[Floats]:
    return array is not None and array.shape[1] > 0


def _json(content: Mapping[str, object]) -> bytes:
    return json.dumps(content, indent=2, allow_nan=False).encode()


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def _write(folder: Path, contents: Mapping[str, bytes | None]) -> None:
    """Writes the files, each under a hidden name until all are whole; takes away those of None."""
    begun: dict[Path, Path] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in contents.items():
            if data is not None:
                begun[folder / name] = folder / f".{name}.{os.getpid()}"
                begun[folder / name].write_bytes(data)
        for target, hidden in begun.items():
            hidden.replace(target)
        for name in contents.keys() - {target.name for target in begun}:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        wrong = f"it cannot be written ({error.strerror or error})"
        raise SaveError(
            str(folder), wrong, "Check the folder and the space on the disk."
        ) from error
    finally:
        for hidden in begun.values():
            with contextlib.suppress(OSError):
                hidden.unlink()
