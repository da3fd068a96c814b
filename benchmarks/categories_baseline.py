"""A baseline: features by prompt labels by pandas and seaborn, in the way of the second tool.

Its loops over json, its pivot, its cells of 60 pixels with 3 decimals. `PROMPTS DESCRIPTIONS
FOLDER [--html]`: the PNG; with --html also its two interactive pictures, by plotly.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd

mpl.use("Agg")

import seaborn as sns
from matplotlib import pyplot as plt

CELL, DPI = 60, 100  # pixels


def main() -> None:
    """Draws the means of all features in all labels."""
    prompts, descriptions, out = map(Path, sys.argv[1:4])
    out.mkdir(parents=True, exist_ok=True)
    records = read(prompts)
    described = pd.read_csv(descriptions)
    described["feature_id"] = described["source"] + ":" + described["feature_id"].astype(str)
    about = described.set_index("feature_id").to_dict("index")
    means = pivot(records)
    heatmap(means, out / "prompt_activation_heatmap.png")
    means.to_csv(out / "prompt_activation_heatmap.csv")
    if "--html" in sys.argv:
        hover(means, about, out / "prompt_activation_heatmap.html")
        counts(records, about, out / "prompt_count.html")


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of a file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        records = [json.loads(line.strip()) for line in file]
    for record in records:  # or the same id of two sources would stop the pivot
        record["feature_id"] = f"{record['source']}:{record['feature_id']}"
    return records


def pivot(records: list[dict[str, Any]]) -> pd.DataFrame:
    """Labels by features."""
    rows = []
    for record in records:
        by_label = defaultdict(list)
        for prompt in record["active_prompts"]:
            by_label[prompt["prompt_label"]].append(prompt["prompt_feature_activation"])
        for label, values in by_label.items():
            mean = np.mean(values)
            rows.append({"feature": record["feature_id"], "label": label, "mean": mean})
    return pd.DataFrame(rows).pivot(index="feature", columns="label", values="mean").T


def heatmap(means: pd.DataFrame, path: Path) -> None:
    """Every cell with its number."""
    n_labels, n_features = means.shape
    size = ((n_features * CELL + 200) / DPI, (n_labels * CELL + 150) / DPI)
    _, axes = plt.subplots(figsize=size)
    ink = {"size": 10, "color": "white"}
    sns.heatmap(means, cmap="viridis", annot=True, fmt=".3f", annot_kws=ink, square=True, ax=axes)
    axes.set(title="Feature Activation by Prompt Category", xlabel="Feature", ylabel="Category")
    plt.savefig(path, dpi=DPI)


def hover(means: pd.DataFrame, about: dict[str, dict[str, Any]], path: Path) -> None:
    """The same as a page."""
    from plotly import graph_objects as go

    words = [[said(means, about, label, id) for id in means.columns] for label in means.index]
    figure = go.Figure(
        go.Heatmap(
            z=means.to_numpy(),
            x=[str(id) for id in means.columns],
            y=list(means.index),
            colorscale="Viridis",
            hoverongaps=False,
            text=means.round(3).astype(object).where(means.notna(), "").to_numpy(),
            texttemplate="%{text}",
            hovertext=words,
            hovertemplate="%{hovertext}<extra></extra>",
        )
    )
    n_labels, n_features = means.shape
    figure.update_layout(width=n_features * CELL + 200, height=n_labels * CELL + 150)
    figure.write_html(path)


def said(means: pd.DataFrame, about: dict[str, dict[str, Any]], label: str, id: str) -> str:
    """The words over a cell."""
    known = about.get(id, {})
    words = str(known.get("claude_desc", "none"))[:150]
    mean = means.loc[label, id]
    return f"{id}<br>{label}<br>{mean:.4f}<br>{known.get('claude_type')}<br>{words}"


def counts(records: list[dict[str, Any]], about: dict[str, dict[str, Any]], path: Path) -> None:
    """How many prompts each feature has, as a page."""
    from plotly import express as px

    rows = [
        {
            "feature": str(record["feature_id"]),
            "n": len(record["active_prompts"]),
            "type": about.get(record["feature_id"], {}).get("type", "unknown"),
        }
        for record in records
    ]
    px.bar(pd.DataFrame(rows).sort_values("n"), x="feature", y="n", color="type").write_html(path)


if __name__ == "__main__":
    main()
