"""Activations of language models, explored: read what you have, see it, take it home.

    import actcore
    d = actcore.read("dump.json")
    actcore.save(actcore.draw("feature_by_token", d, prompt=0), "heatmap.svg")

Leaves the app to `streamlit_app.py` and running models to `actcore.live`.
"""

from actcore.dataset import Dataset, concat, keep, long, require_complete, together
from actcore.errors import ActcoreError
from actcore.export import save, save_dataset
from actcore.figures import FIGURES, draw
from actcore.readers import read
from actcore.sites import FeatureId

__all__ = [
    "FIGURES",
    "ActcoreError",
    "Dataset",
    "FeatureId",
    "concat",
    "draw",
    "keep",
    "long",
    "read",
    "require_complete",
    "save",
    "save_dataset",
    "together",
]
