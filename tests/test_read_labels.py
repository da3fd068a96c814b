"""Labels in every form that people have them in, what is refused in them, and whose they are."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actcore.dataset import Dataset, together
from actcore.dataset.labels import labelled
from actcore.readers import read
from tests.strategies import texts
from tests.test_dataset import same
from tests.test_mutated_dumps import broken, survives
from tests.test_read import refusal
from tests.tiny import dump, probe, tiny

#: As it stands in an export; the embedding is longer there.
EXPLANATION = {
    "id": "clx",
    "modelId": "gpt2-small",
    "layer": "6-res-jb",
    "index": "650",
    "description": "names of cities",
    "embedding": [0.1, -0.2],
    "typeName": "oai_token-act-pair",
    "explanationModelName": "gpt-4o-mini",
    "notes": None,
}


def lines(*entries: dict[str, Any]) -> bytes:
    return "".join(f"{json.dumps(entry)}\n" for entry in entries).encode()


def array(*entries: dict[str, Any]) -> bytes:
    return json.dumps(entries).encode()


def labels(data: bytes, name: str = "x.json") -> dict[str, str | None]:
    dataset = read(data, name=name)
    ids = map(str, dataset.feature_ids)
    return dict(zip(ids, dataset.features["label"].to_pylist(), strict=True))


def test_explanations_of_neuronpedia_become_labels_with_their_page() -> None:
    other = EXPLANATION | {"index": 651, "description": "rivers"}
    dataset = read(lines(EXPLANATION, other), name="batch-0.jsonl")
    assert dataset.features.to_pylist() == [
        {"layer": 6, "site": "res-jb", "index": index, "label": label, "kind": None}
        | {"link": f"https://www.neuronpedia.org/gpt2-small/6-res-jb/{index}"}
        for index, label in ((650, "names of cities"), (651, "rivers"))
    ]
    assert (dataset.source.reader, dataset.prompts.num_rows) == ("labels", 0)
    assert same(read(array(EXPLANATION, other), name="x.json"), dataset)
    assert same(read(gzip.compress(lines(EXPLANATION, other)), name="x.jsonl.gz"), dataset)


def test_several_explanations_of_a_feature_are_joined_and_equal_ones_said_once() -> None:
    said = ("cities", "places", "cities", "", None)
    data = lines(*(EXPLANATION | {"description": each} for each in said))
    assert labels(data, "x.jsonl") == {"6/res-jb/650": "cities | places"}


@pytest.mark.parametrize(
    ("entry", "id"),
    [
        ({"feature": "6/resid_pre/650"}, "6/resid_pre/650"),
        ({"feature": "6-res-jb:650"}, "6/res-jb/650"),
        ({"feature": "6:650"}, "6//650"),
        ({"feature": 650}, "-//650"),
        ({"feature": "650"}, "-//650"),
        ({"layer": 6, "index": 650}, "6//650"),
        ({"layer": "6", "index": "650"}, "6//650"),
        ({"layer": 6, "site": "resid_pre", "index": 650}, "6/resid_pre/650"),
        ({"site": "resid_pre", "index": 650}, "-/resid_pre/650"),
        ({"layer": "gemma", "index": 650}, "-/gemma/650"),
        ({"layer": None, "site": None, "feature": None, "index": 650}, "-//650"),
    ],
)
def test_a_feature_is_named_in_any_of_these_ways(entry: dict[str, Any], id: str) -> None:
    for key in ("label", "description"):
        assert labels(array(entry | {key: "a"})) == {id: "a"}
        assert labels(lines(entry | {key: "a"}), "x.jsonl") == {id: "a"}


def test_one_object_of_features_and_labels_is_read() -> None:
    data = json.dumps({"650": "l", "6/a/b/1": "m", "6-res:7": "k", "3": None}).encode()
    assert labels(data) == {"-//3": None, "-//650": "l", "6/a/b/1": "m", "6/res/7": "k"}


@pytest.mark.parametrize(
    ("csv", "wanted"),
    [
        (b'layer,site,index,label\n6,resid_pre,3,"a,\n""b"""\n', {"6/resid_pre/3": 'a,\n"b"'}),
        (b"description,more,feature,layer\nx,1,7,6-res-jb\n", {"6/res-jb/7": "x"}),
        (b"index,label\n7,x\n8,\n7,y\n", {"-//7": "x | y", "-//8": None}),
        (b"feature,label\n6/resid_pre/7,x\n", {"6/resid_pre/7": "x"}),
    ],
)
def test_a_table_of_labels_is_read(csv: bytes, wanted: dict[str, str]) -> None:
    assert labels(csv, "x.csv") == wanted


WHOLE = "Write a whole number from 0 up."
LAYERS = "Layers are 0 to 32,767."


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"index": -1}, f"[1]: -1 is not a feature's number. {WHOLE}"),
        ({"index": "x"}, "[1]: 'x' is no feature. Write 650, 6/resid_pre/650 or 6-res-jb:650."),
        ({"index": 2**63}, f"[1]: {2**63} is not a feature's number. {WHOLE}"),
        ({"feature": f"1/a/{2**63}"}, f"[1]: {2**63} is not a feature's number. {WHOLE}"),
        ({"index": 1.5}, "[1].index: Expected `int | str | null`, got `float`. See the README for "
            "the format."),
        ({}, "[1]: no feature is named. Write the feature as `index`, or as `feature`."),
        ({"index": 1, "layer": 40000}, f"[1]: 40000 is not a layer's number. {LAYERS}"),
        ({"index": 1, "layer": -1}, f"[1]: -1 is not a layer's number. {LAYERS}"),
        ({"index": 1, "layer": "6.0"}, f"[1]: '6.0' is not a layer's number. {LAYERS}"),
        ({"feature": "99999/a/1"}, f"[1]: 99999 is not a layer's number. {LAYERS}"),
        (
            {"feature": "6/a/1", "layer": 6},
            "[1]: '6/a/1' and a layer or site beside it say the same twice. Keep one of them.",
        ),
        (
            {"index": 1, "layer": "6-res", "site": "resid_pre"},
            "[1]: the layer '6-res' names a site, and so does the site. Keep one of them.",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_in_an_entry_is_said_with_its_place(entry: Any, said: str) -> None:
    good = {"index": 1, "label": "a"}
    said = said.removeprefix("[1]")
    assert refusal(array(good, entry | {"label": "b"})) == f"x.json, [1]{said}"
    where = "line 2, " + said[1:] if said.startswith(".") else "line 2" + said
    assert refusal(lines(good, entry | {"label": "b"}), "x.jsonl") == f"x.jsonl, {where}"


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (
            array({"index": 1, "label": "a"}, {"index": 2}),
            "x.json",
            "x.json, [1]: there is no label. Write the label as `label` or `description`.",
        ),
        (
            b'{"1": "a", "1/b": "c"}',
            "x.json",
            "x.json, the entry '1/b': '1/b' is no feature. Write 650, 6/resid_pre/650 or "
            "6-res-jb:650.",
        ),
        (
            b'{"1": "a", "2": 3}',
            "x.json",
            "x.json, [...]: Expected `str | null`, got `int`. See the README for the format.",
        ),
        (
            b"index,label\n1,a\n-2,b\n",
            "x.csv",
            "x.csv, row 3: '-2' is no feature. Write 650, 6/resid_pre/650 or 6-res-jb:650.",
        ),
        (b"index,label\n", "x.csv", "x.csv: there is no row below the header. Export it again."),
        (
            b"index,label\n1,a,b\n",
            "x.csv",
            "x.csv, row 2: Expected 2 columns, got 3. Mend or remove that row.",
        ),
        (
            lines(EXPLANATION)[:-9],
            "x.jsonl",
            "x.jsonl: the JSON ends before it is complete. Export or copy the file again.",
        ),
        (
            lines(EXPLANATION, EXPLANATION)[:-9],
            "x.jsonl",
            "x.jsonl, line 2: the JSON ends before it is complete. Write each value whole on one "
            "line, or copy the file again.",
        ),
        (
            b"\xef\xbb\xbf" + lines(EXPLANATION),
            "x.jsonl",
            "x.jsonl, byte 0: the file starts with a byte order mark. Save it as UTF-8 without a "
            "mark.",
        ),
        (
            lines(EXPLANATION, EXPLANATION),
            "x.csv",
            "x.csv: the name says CSV, but the content is JSON lines. Rename it to 'x.jsonl'.",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_said(data: bytes, name: str, said: str) -> None:
    assert refusal(data, name) == said


@pytest.mark.parametrize(
    "data",
    [
        *(b"[]", b"[[]]", b'[{"index": 1}]', b'[{"label": "a"}]', b'{"a": "b"}', b'{"1": {}}'),
        *(b'{"1": 2}', b'{"label": "a"}', b'{"": "a"}', b'{"/1": "a"}'),
    ],
)
def test_json_of_another_kind_is_no_labels(data: bytes) -> None:
    assert refusal(data).startswith("x.json: no reader knows this JSON file.")


@given(st.lists(texts), texts)
def test_any_text_stays_the_text_it_is(said: list[str], site: str) -> None:
    data = array(*({"index": at, "layer": 3, "site": site, "label": one} for at, one in
        enumerate(said)), {"index": 99, "label": None})  # fmt: skip
    wanted = {f"3/{site}/{at}": one or None for at, one in enumerate(said)}
    assert labels(data) == wanted | {"-//99": None}


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (lines(EXPLANATION, {"feature": "6/a/1", "label": "x"}), "x.jsonl"),
        (b'{"650": "l", "6/resid_pre/651": "m"}', "x.json"),
        (b"layer,index,label\n6,1,a\n,2,b\n", "x.csv"),
    ],
)
@settings(max_examples=60)
@given(drawn=st.data())
def test_broken_bytes_are_read_or_refused(data: bytes, name: str, drawn: st.DataObject) -> None:
    survives(drawn.draw(broken(data)), name)


# ---- whose labels they are


def run() -> Dataset:
    """A run of two SAEs."""
    features = {"6-resid_pre:1": [1], "6-resid_pre:2": [2], "7-mlp_out:1": [3]}
    return read(dump(probe("p", ["a"], features)), name="run.json")


def given_to(
    dataset: Dataset, *entries: dict[str, Any]
) -> tuple[list[str | None], tuple[str, ...]]:
    found, notes = labelled(dataset, read(lines(*entries), name="labels.jsonl"))
    return found.features["label"].to_pylist(), notes


def named(feature: str | int, label: str = "a") -> dict[str, Any]:
    return {"feature": feature, "label": label}


def test_labels_of_equal_names_are_joined_without_a_word() -> None:
    found = given_to(run(), named("6/resid_pre/2", "b"), named("7/mlp_out/1", "c"))
    assert found == ([None, "b", "c"], ())


def test_the_only_source_of_a_layer_is_taken_for_its_only_site() -> None:
    found, notes = given_to(run(), named("6-res-jb:1"), named("6-res-jb:2", "b"), named("7:1", "c"))
    assert found == ["a", "b", "c"]
    assert notes == (
        "labels.jsonl: 6/res-jb taken for 6/resid_pre: 2 labels.",
        "labels.jsonl: layer 7 taken for 7/mlp_out: 1 label.",
    )


def test_labels_without_layer_and_site_are_those_of_a_run_of_one_place() -> None:
    found, notes = given_to(tiny(), named(7), named(9, "b"))
    assert found == ["a", None]
    assert notes == (
        "labels.jsonl: no layer taken for 3/x: 1 label.",
        "labels.jsonl: 1 description was not used, because tiny.json does not have the feature.",
    )


def test_labels_with_and_without_layer_and_site_may_stand_in_one_file() -> None:
    for fully in ("3/x/8", "3-x:8", "3-res-jb:8"):
        found, _ = given_to(tiny(), named(7), named(fully, "b"))
        assert found == ["a", "b"]
    found, notes = given_to(tiny(), named(7), named("9/x/8", "b"))
    assert found == ["a", None]
    assert notes == (
        "labels.jsonl: no layer taken for 3/x: 1 label.",
        "labels.jsonl: 1 description was not used, because only the index is that of a feature in "
        "tiny.json, not its source: '9/x/8' is described, '3/x/8' was measured.",
    )


def test_labels_that_turn_out_to_be_of_one_feature_are_joined_and_equal_ones_said_once() -> None:
    found, _ = given_to(tiny(), named(7), named("3/x/7", "b"), named(8, "c"), named("3/x/8", "c"))
    assert found == ["a | b", "c"]


def test_a_label_that_is_not_used_is_named_as_its_file_names_it() -> None:
    _, notes = given_to(run(), named(1))
    assert notes == (
        "labels.jsonl: 1 description was not used, because only the index is that of a feature in "
        "run.json, not its source: '1' is described, '6/resid_pre/1' was measured.",
    )


@pytest.mark.parametrize(
    "entries",
    [
        [named(1)],  # two places could be meant
        [named("6-res-jb:1"), named("6-att-jb:1")],
        [named("6-res-jb:1"), named("6/resid_pre/9")],
        [named("5-res-jb:1")],
        [named(1), named("gemma:1")],
    ],
)
def test_labels_that_could_be_of_something_else_are_not_used(entries: list[Any]) -> None:
    found, notes = given_to(run(), *entries)
    assert found == [None, None, None]
    assert [note for note in notes if "taken" in note] == []
    assert "not used" in notes[0]


def test_two_sites_of_a_layer_leave_a_source_of_another_name_alone() -> None:
    features = {"6-resid_pre:1": [1], "6-mlp_out:1": [2]}
    both = read(dump(probe("p", ["a"], features)), name="run.json")
    found, notes = given_to(both, named("6-res-jb:1"))
    assert found == [None, None]
    assert notes == (
        "labels.jsonl: 1 description was not used, because only the index is that of a feature in "
        "run.json, not its source: '6/res-jb/1' is described, '6/mlp_out/1' was measured.",
    )


def test_a_label_that_the_run_has_stays_and_nothing_else_changes() -> None:
    known = run().features.set_column(3, "label", pa.array(["own", None, None], pa.string()))
    dataset = run()
    own = Dataset(
        dataset.prompts, dataset.tokens, known, dataset.activations, dataset.source
    )  # fmt: skip
    found, _ = labelled(own, read(lines(named("6-res:1"), named("6-res:2")), name="x.jsonl"))
    assert found.features["label"].to_pylist() == ["own", "a", None]
    assert found.activations.equals(dataset.activations)
    assert found.files == ("run.json", "x.jsonl")


def test_files_put_together_join_labels_of_equal_names_alone() -> None:
    about = read(lines(named("6-res-jb:1"), named("7/mlp_out/1", "c")), name="x.jsonl")
    found, notes = together([run(), about])
    assert found.features["label"].to_pylist() == [None, None, "c"]
    assert len(notes) == 1
