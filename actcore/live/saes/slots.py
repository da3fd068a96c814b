"""The slots that the entries beside an SAE name.

Leaves how slots are shown to the job.
"""

from actcore.errors import LiveError
from actcore.live.saes.config import Config

_MEND = "Slots are the last features, one for each relation; mend the entries."


def slots_of(about: Config, d_sae: int) -> tuple[str | None, ...] | None:
    """Names of the last features from `relation_slots`, or as many without from `n_relation`.

    Returns: None, if neither entry is there.
    Raises:  LiveError, if the two do not agree or the slots are not the last features.
    """
    count = about.integer("n_relation")
    named = about.entries.get("relation_slots")
    if named is None:
        if count is not None and not 0 <= count <= d_sae:
            raise about.bad("n_relation", f"0 to {d_sae:,}")
        return None if count is None else (None,) * count
    by_index = {index: name for name, index in about.inner("relation_slots").entries.items()}
    indices = sorted(index for index in by_index if isinstance(index, int))
    if len(indices) != len(named) or indices != list(range(d_sae - len(named), d_sae)):
        raise about.bad("relation_slots", f"the last indices below {d_sae:,}")
    if count not in (None, len(indices)):
        wrong = f"n_relation is {count}, but relation_slots has {len(indices)}"
        raise LiveError(about.name, wrong, _MEND)
    return tuple(by_index[index] for index in indices)
