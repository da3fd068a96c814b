"""A baseline: layers by tokens of two runs by pandas and seaborn, in the way of the third tool.

Its sizes, 2 decimals and lines between cells; but by position, for by text it would merge equal
tokens. `A.csv B.csv FOLDER [--html]`: two heatmaps and their difference as PNG; with --html also
its two views in space, by plotly.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import pandas as pd

mpl.use("Agg")

import seaborn as sns
from matplotlib import pyplot as plt

DPI = 120
MEAN = "Mean Activation Norm"


def main() -> None:
    """Draws both runs and their difference."""
    paths, out = [Path(name) for name in sys.argv[1:3]], Path(sys.argv[3])
    out.mkdir(parents=True, exist_ok=True)
    frames = {path.stem: pd.read_csv(path) for path in paths}
    for run, frame in frames.items():
        texts = frame.drop_duplicates("Token_Pos").set_index("Token_Pos")["Token"].sort_index()
        heatmap(means(frame), texts, MEAN, out / f"downproj_heatmap_{run}.png", cmap="magma")
        means(frame).to_csv(out / f"downproj_heatmap_{run}.csv")
        if "--html" in sys.argv:
            space(frame, out / f"downproj_activity_3d_{run}.html")
    a, b = map(means, frames.values())
    both = a.columns.intersection(b.columns)
    path = out / f"downproj_diff_{'_vs_'.join(frames)}.png"
    names = pd.Series(both, both)
    heatmap(a[both] - b[both], names, "Difference", path, cmap="bwr", center=0)


def means(frame: pd.DataFrame) -> pd.DataFrame:
    """Layers by positions."""
    return frame.groupby(["Layer", "Token_Pos"])["Activation_Norm"].mean().unstack(fill_value=0)


def heatmap(
    table: pd.DataFrame, names: pd.Series, label: str, path: Path, **colours: object
) -> None:
    """Every cell with its number."""
    figure, axes = plt.subplots(figsize=(0.5 * len(table.columns), 10))
    bar = {"label": label}
    sns.heatmap(table, annot=True, fmt=".2f", linewidths=0.3, cbar_kws=bar, ax=axes, **colours)
    axes.set_xticklabels([names[position] for position in table.columns], rotation=45, ha="right")
    axes.set(title=path.stem, xlabel="Token", ylabel="Layer")
    plt.tight_layout()
    plt.savefig(path, dpi=DPI)
    plt.close(figure)


def space(frame: pd.DataFrame, path: Path) -> None:
    """Every neuron as a point."""
    from plotly import express as px

    norm = "Activation_Norm"
    figure = px.scatter_3d(
        frame,
        x="Token",
        y="Layer",
        z=norm,
        color=norm,
        size=norm,
        hover_data=["Neuron_ID"],
        color_continuous_scale="plasma",
        height=800,
    )
    figure.write_html(path)


if __name__ == "__main__":
    main()
