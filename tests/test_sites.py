"""The written name of a feature, and the names that sources go by."""

from __future__ import annotations

import pytest
from hypothesis import given

from actcore.errors import BadValue
from actcore.sites import FeatureId, layer_and_site, source_name
from tests.strategies import feature_ids, texts


@given(feature_ids)
def test_a_written_feature_reads_back(id: FeatureId) -> None:
    assert FeatureId.parse(str(id)) == id


@pytest.mark.parametrize(
    ("written", "id"),
    [
        ("10/resid_post/18753", FeatureId(10, "resid_post", 18753)),
        ("-/unknown/0", FeatureId(None, "unknown", 0)),
        ("3/a/b:c/7", FeatureId(3, "a/b:c", 7)),
    ],
)
def test_a_feature_is_written_layer_site_index(written: str, id: FeatureId) -> None:
    assert str(id) == written
    assert FeatureId.parse(written) == id


@pytest.mark.parametrize(
    "words",
    ["", "5", "a/b", "1/x/", "1/x/-2", "01/x/2", "1/x/02", "1/x/٣", "x/y/1", " 1/x/2", "1/x/2\n"],
)
def test_anything_else_is_no_feature(words: str) -> None:
    with pytest.raises(BadValue) as caught:
        FeatureId.parse(words)
    allowed = "Allowed: layer/site/index, such as 10/resid_post/18753."
    assert str(caught.value) == f"feature is {words!r}. {allowed}"


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("24-clt-hp", (24, "clt-hp")),
        ("0-a", (0, "a")),
        ("gemmascope-res-16k", (None, "gemmascope-res-16k")),
        ("007-x", (None, "007-x")),
        ("5-", (None, "5-")),
        ("12345-x", (None, "12345-x")),
        ("", (None, "")),
    ],
)
def test_a_source_name_is_layer_and_site(source: str, parts: tuple[int | None, str]) -> None:
    assert layer_and_site(source) == parts


@given(texts)
def test_a_source_is_named_as_it_was(source: str) -> None:
    assert source_name(*layer_and_site(source)) == source
