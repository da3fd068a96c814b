"""The JSON files of the co-activation job: what they say of relations, slots and samples.

Numbers that the matrices hold as well are not looked at. Leaves what the files must agree on to
`actcore.readers.matrices.results`.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import msgspec

from actcore.readers.content import Content

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Summary(msgspec.Struct):
    """`analysis_summary.json`; the last four are this project's own."""

    n_relation: Count | None = None
    relations: list[str] | None = None
    activation_threshold: float | None = None
    model: str | None = None
    sae: str | None = None


class _Scores(msgspec.Struct):
    free_features_max: Share | None = None
    target_slot_consistency: Share | None = None
    other_slots_consistency: list[Share] = []


class Common(msgspec.Struct):
    """What `layer06_common_features.json` says of one relation."""

    n_samples: Count
    n_consistent_features: Count
    n_consistent_free: Count
    n_consistent_slots: Count | None = None
    consistency_scores: _Scores = msgspec.field(default_factory=_Scores)


class Statistics(NamedTuple):
    """What `layer06_statistics.json` says: the relations in order, and the number of slots."""

    relations: list[str]
    n_slots: int


class _Statistics(msgspec.Struct):
    relation_slots: list[float] | None = None
    all_features_mean: float | None = None


def summary(content: Content, file: str) -> Summary:
    """The summary in a folder or zip. Raises: ReadError."""
    json = content.file(file)
    return json.decoded(json.data, Summary, "")


def common_features(content: Content, file: str) -> dict[str, Common]:
    """The common features of a layer, by relation. Raises: ReadError."""
    json = content.file(file)
    every = json.decoded(json.data, dict[str, msgspec.Raw], "")
    return {name: json.decoded(raw, Common, name) for name, raw in every.items()}


def statistics(content: Content, file: str) -> Statistics:
    """The statistics of a layer; those of all features together are those of a layer without slots.

    Raises: ReadError.
    """
    json = content.file(file)
    every = json.decoded(json.data, dict[str, msgspec.Raw], "")
    numbers = {}
    for name, raw in every.items():
        known = json.decoded(raw, _Statistics, name)
        if known.relation_slots is None and known.all_features_mean is None:
            wrong = "there is neither relation_slots nor all_features_mean"
            raise json.wrong(name, wrong, "Export the file again.")
        numbers[name] = len(known.relation_slots or ())
    if not numbers:
        raise json.wrong("", "there is no relation in it", "Export the file again.")
    first = next(iter(numbers))
    for name, n in numbers.items():
        if n != numbers[first]:
            wrong = f"{n:,} slots, but {numbers[first]:,} in {first}"
            raise json.wrong(name, wrong, "All relations of a layer have the same slots.")
    return Statistics(list(numbers), numbers[first])
