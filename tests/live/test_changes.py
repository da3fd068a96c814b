"""Edits of the Live page on a prompt; how they are written is in `tests/test_live_changes.py`."""

from __future__ import annotations

import pytest

from actcore.errors import BadValue
from actcore.ui.live.change import Change
from tests.tiny import tiny


def test_an_edit_at_a_position_that_the_prompt_lacks_says_which_and_how_long_the_prompt_is() -> (
    None
):
    assert Change("7", None, (2,)).of(tiny()).positions == (2,)
    with pytest.raises(BadValue) as error:
        Change("3/x/7", 2.5, (1, 3)).of(tiny())
    assert str(error.value) == (
        "The edit is '3/x/7 +2.5 at 1,3'. Allowed: positions that the prompt has: 3 tokens, 0 to 2."
    )
