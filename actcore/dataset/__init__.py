"""The Dataset, what makes one from parts, and what is done to Datasets as a whole.

Leaves reading to the readers and every number derived from a Dataset to `actcore.analysis`.
"""

from actcore.dataset.combine import concat, keep
from actcore.dataset.core import Absent, Dataset, Source, assemble, measured_cells, require_complete
from actcore.dataset.long import long, long_batches

__all__ = [
    "Absent",
    "Dataset",
    "Source",
    "assemble",
    "concat",
    "keep",
    "long",
    "long_batches",
    "measured_cells",
    "require_complete",
]
