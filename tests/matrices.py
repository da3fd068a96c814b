"""Small folders and files of the co-activation job, written with plain numpy and json.

Leaves reading them to the tests; nothing here uses our own writer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

RELATIONS = ("birth_date", "birth_city", "employer")
Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]


def sample_arrays(
    *,
    layers: Sequence[int] = (0, 6),
    n_relations: int = len(RELATIONS),
    n_free: int = 8,
    n_slots: int = len(RELATIONS),
    n: int = 5,
    seed: int = 0,
) -> tuple[dict[int, Floats], Ints]:
    """Activations float32 [n_samples, n_free + n_slots] by layer, and each sample's relation.

    About half of them are 0; a relation's own slot is strongest, the more so in later layers.
    """
    random = np.random.default_rng(seed)
    relation = np.tile(np.arange(n_relations), n)
    arrays = {}
    for number, layer in enumerate(layers):
        values = np.maximum(0, random.normal(0, 1, (len(relation), n_free + n_slots)))
        values[:, n_free:] *= 0.2
        own = np.flatnonzero(relation < n_slots)
        values[own, n_free + relation[own]] += 1 + number
        arrays[layer] = values.astype(np.float32)
    return arrays, relation


def results_folder(
    path: Path,
    *,
    layers: Sequence[int] = (0, 6),
    relations: Sequence[str] = RELATIONS,
    n_free: int = 8,
    n_slots: int | None = None,
    n: int = 5,
    seed: int = 0,
    ours: bool = False,
) -> Path:
    """A folder as the original writes it: matrices, statistics, common features, summary.

    `n_slots` is the number of relations unless given; 0 is a traditional SAE. `ours` adds what
    only this project writes: shares, slots on single samples, names, threshold and model. All
    numbers come from `sample_arrays` with the same arguments.
    """
    path.mkdir(parents=True, exist_ok=True)
    slots = len(relations) if n_slots is None else n_slots
    arrays, relation = sample_arrays(
        layers=layers, n_relations=len(relations), n_free=n_free, n_slots=slots, n=n, seed=seed
    )
    for layer, values in arrays.items():
        groups = [values[relation == row] for row in range(len(relations))]
        means = np.array([group.mean(axis=0) for group in groups], np.float64)
        shares = np.array([(group > 0.1).mean(axis=0) for group in groups])
        start = f"layer{layer:02d}"
        np.save(path / f"{start}_activation_matrix.npy", means)
        statistics = {
            name: _statistics(means[row], row, slots) for row, name in enumerate(relations)
        }
        _dump(path / f"{start}_statistics.json", statistics)
        if slots:
            common = {
                name: _common(shares[row], row, slots, n) for row, name in enumerate(relations)
            }
            _dump(path / f"{start}_common_features.json", common)
        if ours:
            np.save(path / f"{start}_consistency.npy", shares)
        if ours and slots:
            np.save(path / f"{start}_slot_samples.npy", values[:, n_free:])
    summary = {
        "layers_analyzed": list(layers),
        "samples_per_relation": n,
        "total_questions": len(relation),
        "n_free": n_free,
        "n_relation": slots,
    }
    if ours:
        np.save(path / "sample_relations.npy", relation)
        summary |= {"relations": list(relations), "activation_threshold": 0.1, "model": "tiny"}
    _dump(path / "analysis_summary.json", summary)
    return path


def samples_file(
    path: Path,
    *,
    layers: Sequence[int] = (0, 6),
    relations: Sequence[str] = RELATIONS,
    n_free: int = 8,
    n_slots: int | None = None,
    n: int = 5,
    seed: int = 0,
) -> Path:
    """An .npz of `sample_arrays`, one array a layer, with a label for each sample and names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    slots = len(relations) if n_slots is None else n_slots
    arrays, relation = sample_arrays(
        layers=layers, n_relations=len(relations), n_free=n_free, n_slots=slots, n=n, seed=seed
    )
    by_name = {f"layer{layer}": values for layer, values in arrays.items()}
    np.savez_compressed(
        path,
        **by_name,  # type: ignore[arg-type]  # mypy takes them for allow_pickle
        labels=relation,
        names=np.array(relations),
        n_slots=np.array(slots),
    )
    return path


def _statistics(means: Floats, row: int, slots: int) -> dict[str, Any]:
    """The original's statistics of one relation; those of all features if there are no slots."""
    n_free = len(means) - slots
    top = np.argsort(-means, kind="stable")[:100]
    best: dict[str, Any] = {"indices": top.tolist(), "values": means[top].tolist()}
    start = "free" if slots else "all"
    free = means[:n_free]
    facts = {
        f"{start}_features_{name}": float(getattr(free, name)()) for name in ("mean", "std", "max")
    }
    if not slots:
        return {**facts, "top_100_features": best}
    others = means[n_free:][np.arange(slots) != row]
    best["n_free_in_top100"] = int((top < n_free).sum())
    best["n_slots_in_top100"] = int((top >= n_free).sum())
    return {
        **facts,
        "relation_slots": means[n_free:].tolist(),
        "target_slot_activation": float(means[n_free:][row]) if row < slots else 0.0,
        "other_slots_mean": float(others.mean()) if len(others) else 0.0,
        "top_100_features": best,
    }


def _common(shares: Floats, row: int, slots: int, n: int) -> dict[str, Any]:
    """The original's common features of one relation."""
    n_free = len(shares) - slots
    most = np.flatnonzero(shares >= 0.8)
    return {
        "n_samples": n,
        "n_consistent_features": len(most),
        "n_consistent_free": int((most < n_free).sum()),
        "n_consistent_slots": int((most >= n_free).sum()),
        "consistent_free_indices": most[most < n_free][:50].tolist(),
        "consistent_slot_indices": most[most >= n_free].tolist(),
        "consistency_scores": {
            "free_features_max": float(shares[:n_free].max()),
            "target_slot_consistency": float(shares[n_free:][row]) if row < slots else 0.0,
            "other_slots_consistency": shares[n_free:][np.arange(slots) != row].tolist(),
        },
    }


def _dump(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2))
