"""The Dataset, what makes one from parts, and what is done to Datasets as a whole.

Leaves reading to the readers and every number derived from a Dataset to `actcore.analysis`.
"""

from actcore.dataset.assemble import assemble, feature_order
from actcore.dataset.combine import concat, keep
from actcore.dataset.core import Absent, Dataset, Source, measured_cells, require_complete
from actcore.dataset.describe import Together, describe, not_used, together
from actcore.dataset.long import long, long_batches

__all__ = [
    "Absent",
    "Dataset",
    "Source",
    "Together",
    "assemble",
    "concat",
    "describe",
    "feature_order",
    "keep",
    "long",
    "long_batches",
    "measured_cells",
    "not_used",
    "require_complete",
    "together",
]
