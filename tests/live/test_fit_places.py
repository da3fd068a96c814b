from __future__ import annotations

import pytest

from actcore.errors import BadValue, LiveError, UnknownName
from actcore.live.fit import place_of, places
from actcore.live.models import Model
from actcore.sites import FeatureId, Where
from tests.live.probed import small

AT = Where(1, "resid_pre")


def test_several_saes_have_their_places_in_the_order_given(tiny: Model) -> None:
    two, one = small(2), small(1)
    assert list(places(tiny, [two, one]).items()) == [(Where(2, "resid_pre"), two), (AT, one)]


def test_two_of_one_place_are_refused(tiny: Model) -> None:
    with pytest.raises(LiveError) as caught:
        places(tiny, [small(name="one"), small(2), small(name="other")])
    wrong = "other: it reads 1/resid_pre, and so does one"
    assert str(caught.value) == f"{wrong}. Use one of them at a time."


@pytest.mark.parametrize(
    ("feature", "words"),
    [
        (FeatureId(2, "resid_pre", 0), "No feature '2/resid_pre/0'. Nearest: '1/resid_pre/0'."),
        (FeatureId(None, "resid_pre", 0), "No feature '-/resid_pre/0'. Nearest: '1/resid_pre/0'."),
        (FeatureId(1, "resid_pre", 40), "feature is '1/resid_pre/40'. Allowed: index 0 to 39."),
        (FeatureId(1, "resid_pre", -1), "feature is '1/resid_pre/-1'. Allowed: index 0 to 39."),
    ],
)
def test_a_feature_of_none_of_them_is_refused(feature: FeatureId, words: str) -> None:
    with pytest.raises((UnknownName, BadValue)) as caught:
        place_of(feature, {AT: small()})
    assert str(caught.value) == words
    assert place_of(FeatureId(1, "resid_pre", 39), {AT: small()}) == AT
