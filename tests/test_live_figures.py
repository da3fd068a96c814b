"""What a model said, as pictures and in Datasets: worked by hand, and what is said without it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actcore.dataset import Dataset, concat, keep
from actcore.errors import BadValue, Mismatch, NotMeasured, UnknownName
from actcore.figures import draw
from actcore.readers import read
from tests.test_figures import columns
from tests.tiny import LIVELY, lively, said

MEND = "Use the Live page or `python -m actcore probe`."


def test_next_tokens_stand_by_rank_with_what_an_edit_changes() -> None:
    view = draw("next_tokens", said(), prompt="p1")
    assert columns(
        view.table, "prompt", "rank", "token", "text", "p", "p_steered", "difference"
    ) == [
        ("p1", 1, 3, "<a>", 0.25, 0.75, 0.5),
        ("p1", 2, 7, " b", 0.5, 0.125, -0.375),
    ]
    assert view.title == "2 tokens that may follow p1, as it is and edited"
    assert view.caption == (
        "Probability of the next token, m; those with the larger probability of the two. "
        "p_steered: ablate 1/x/5. KL(as it is || edited): 0.125 nats."
    )
    assert "·b" in view.svg()


def test_next_tokens_of_a_model_as_it_is_say_nothing_of_edits() -> None:
    view = draw("next_tokens", said(), k=2)
    assert columns(view.table, "text", "difference") == [(" b", None), ("<a>", None)]
    assert view.caption == "Probability of the next token, m."
    assert "p_steered" not in view.svg()


def test_a_feature_promotes_and_suppresses_tokens() -> None:
    view = draw("feature_logits", said(), feature="2/x/3", k=1)
    assert view.table.to_pylist() == [
        {"layer": 2, "site": "x", "index": 3, "rank": 1}
        | {"promoted": " up1", "logit": 2.5, "suppressed": "down1", "suppressed_logit": -1.5}
    ]
    assert view.title == "Tokens that 2/x/3 promotes and suppresses"
    assert "·up1" in view.svg()


def test_a_continuation_keeps_its_spaces_and_shows_its_line_breaks() -> None:
    view = draw("continuations", said(), prompt="p1")
    rows = columns(view.table, "edits", "continuation")
    assert rows == [("as it is", " b  b\n"), ("ablate 1/x/5", " a")]
    assert " b  b↵</td>" in view.html()
    assert view.caption == "Text that m writes after the prompt, as it is and edited."
    assert draw("continuations", said(), prompt="p0").table.num_rows == 1


@pytest.mark.parametrize(
    ("name", "asked", "wrong"),
    [
        ("next_tokens", "Next tokens of lively.json, prompt 0", "what comes next"),
        ("continuations", "Continuations of lively.json, prompt 0", "to write on"),
        ("feature_logits", "Logits", "what the features of lively.json promote"),
    ],
)
def test_what_no_model_said_is_not_drawn(name: str, asked: str, wrong: str) -> None:
    with pytest.raises(NotMeasured) as caught:
        draw(name, lively())
    assert str(caught.value) == f"{asked}: no model was asked {wrong}. {MEND}"


def test_a_model_that_wrote_nothing_has_no_continuation() -> None:
    table = said().others["steering"]
    blank = table.set_column(3, "text", [["", ""]]).set_column(4, "text_steered", [["", ""]])
    silent = replace(said(), others={"steering": blank.cast(table.schema)})
    with pytest.raises(NotMeasured, match="no model was asked to write on"):
        draw("continuations", silent, prompt="p1")


def test_names_and_numbers_are_checked() -> None:
    with pytest.raises(BadValue, match=r"k is 0. Allowed: 1 or more, or all."):
        draw("next_tokens", said(), k=0)
    with pytest.raises(UnknownName):
        draw("feature_logits", said(), feature="9/x/9")
    with pytest.raises(NotMeasured, match="Logits of 1/x/5: no model was asked"):
        draw("feature_logits", lively(), feature="1/x/5")


def test_kept_prompts_and_features_keep_what_was_said_of_them() -> None:
    kept = keep(said(), prompts=["p1"], features=["2/x/3"])
    assert columns(kept.others["next_tokens"], "prompt", "rank", "token") == [(0, 1, 3), (0, 2, 7)]
    assert columns(kept.others["feature_logits"], "feature", "rank") == [(0, 1), (0, 2), (0, 3)]
    assert kept.others["steering"]["edits"].to_pylist() == ["ablate 1/x/5"]


def more() -> Dataset:
    """The same run of other prompts."""
    other = read(LIVELY.replace(b'"p0"', b'"q0"').replace(b'"p1"', b'"q1"'), name="more.json")
    return replace(other, others=said().others)


def test_runs_put_together_say_of_each_prompt_its_own_and_of_a_feature_once() -> None:
    both = concat([said(), more()])
    assert both.others["steering"]["prompt"].to_pylist() == [0, 1, 2, 3]
    assert draw("next_tokens", both, prompt="q1").table["token"].to_pylist() == [3, 7]
    assert both.others["feature_logits"].equals(said().others["feature_logits"])


def test_runs_of_one_prompt_that_say_different_things_do_not_go_side_by_side() -> None:
    features = [["1/x/5"], ["2/x/3", "3/x/1"]]
    alike = [keep(said(), features=each) for each in features]
    assert concat(alike).others["next_tokens"].equals(said().others["next_tokens"])
    table = alike[1].others["next_tokens"]
    other = table.set_column(2, table.schema.field("token"), [[1, 2, 3, 4, 5]])
    parts = [alike[0], replace(alike[1], others={"next_tokens": other})]
    with pytest.raises(Mismatch, match="They do not agree on next tokens"):
        concat(parts)
