"""A baseline: the pictures of an activation dump by matplotlib, in the layout of the first tool.

One heatmap of all features and ten strips, BOS at its place on both scales as that tool had it;
written from the description of its pictures. `DUMP FOLDER`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

BOS = ("<bos>", "<|endoftext|>", "<|begin_of_text|>")
EMERALD = (52 / 255, 211 / 255, 153 / 255)
THRESHOLD = 5e-5
PER_ROW = 20
SHOWN = {"\n": "↵", "\t": "→", " ": "·", "<bos>": "<BOS>", "<eos>": "<EOS>"}


def main() -> None:
    """Draws the first prompt of the dump."""
    probe = json.loads(Path(sys.argv[1]).read_text("utf-8"))["results"][0]
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    heatmap(probe, folder / "combined_heatmap.png")
    ranked = sorted(probe["activations"], key=lambda feature: -feature.get("max_value", 0))
    for rank, feature in enumerate(ranked[:10], start=1):
        strip(probe, feature, rank, folder / f"rank{rank}.png")


def heatmap(probe: dict[str, Any], path: Path) -> None:
    """All features by all tokens."""
    matrix = np.array([feature["values"] for feature in probe["activations"]])
    n_features, n_tokens = matrix.shape
    figure, axes = plt.subplots(figsize=(max(16, 0.5 * n_tokens), max(10, 0.3 * n_features)))
    image = axes.imshow(matrix, cmap="Greens", aspect="auto")
    axes.set_xticks(range(n_tokens), [shown(text) for text in probe["tokens"]], rotation=45)
    names = [f"{feature['source']}:{feature['index']}" for feature in probe["activations"]]
    axes.set_yticks(range(n_features), names)
    axes.set_title(probe["prompt"])
    figure.colorbar(image, label="Activation Value")
    plt.tight_layout()
    plt.savefig(path, dpi=150, bbox_inches="tight")


def strip(probe: dict[str, Any], feature: dict[str, Any], rank: int, path: Path) -> None:
    """One feature, token by token in a frame 20 wide."""
    tokens, values = probe["tokens"], feature["values"]
    n_rows = -(-len(tokens) // PER_ROW)
    counted = [value for text, value in zip(tokens, values, strict=True) if text not in BOS]
    most = max(counted, default=0.0)
    _, axes = plt.subplots(figsize=(16, max(2.0, min(3.0, 1 + 0.5 * n_rows))))
    axes.set(xlim=(0, PER_ROW), ylim=(0, n_rows))
    axes.axis("off")
    for at, (text, value) in enumerate(zip(tokens, values, strict=True)):
        cell(axes, at % PER_ROW, n_rows - 1 - at // PER_ROW, shown(text), value, most)
    name = f"Feature {feature['source']}:{feature['index']}"
    prompt = f" | {probe['prompt']}" if rank == 1 else ""
    axes.set_title(f"{name}{prompt} | Max: {most:.2f} (excl. BOS)")
    plt.tight_layout()
    plt.savefig(path, dpi=150, bbox_inches="tight")


def cell(axes: Axes, x: int, y: int, text: str, value: float, most: float) -> None:
    """A rectangle with the token and, where the feature is active, its value."""
    alpha = opacity(value, most)
    ink = "black" if alpha < 0.5 else "white"
    face = (*EMERALD, alpha)
    axes.add_patch(Rectangle((x, y), 1, 1, facecolor=face, edgecolor="lightgray", linewidth=0.5))
    middle: dict[str, Any] = {"ha": "center", "va": "center", "color": ink}
    axes.text(x + 0.5, y + 0.6, text, fontsize=9, family="monospace", **middle)
    if value > THRESHOLD:
        axes.text(x + 0.5, y + 0.25, f"{value:.2f}", fontsize=7, alpha=0.8, **middle)


def opacity(value: float, most: float) -> float:
    """Neuronpedia's."""
    if most == 0 or value <= THRESHOLD:
        return 0.0
    return float(np.clip(0.05 + 0.95 * np.log10(1 + 9 * value / most), 0, 1))


def shown(text: str) -> str:
    """The token with its white space visible."""
    if text in SHOWN:
        return SHOWN[text]
    for part, sign in SHOWN.items():
        text = text.replace(part, sign)
    return text


if __name__ == "__main__":
    main()
