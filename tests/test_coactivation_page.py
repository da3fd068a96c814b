"""The Co-activation page alone: its controls, its address, its data, its messages."""

from __future__ import annotations

import io
import shlex
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from actcore.cli import main
from actcore.export import csv_bytes
from actcore.figures import draw
from actcore.readers import read
from actcore.ui.wire import packed
from tests import alone
from tests.alone import Card, Link, address, differing, opened, titles
from tests.matrices import results_folder, samples_file
from tests.tiny import LIVELY, dump, probe, read_as

SEPARATION, SLOTS, DENSE = "separation_by_layer", "slots", "dense"
FREE, CONSISTENT, OVERLAP = "top_free", "consistency", "top_overlap"
NUMBERS, COMMON = "relation_statistics", "common_features"
ALL, MATCH, TOGETHER = "all_layers", "matching_features", "coactivation"
OF_LAYER = {SEPARATION, SLOTS, DENSE}

RESULTS = {"data": "results"}
SAMPLES = {"data": "samples.npz"}
BARE = {"data": "bare.npy"}


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of results with all that is known, samples of two layers, and a bare matrix."""
    results_folder(tmp_path / "results", layers=(0, 3, 6), ours=True)
    samples_file(tmp_path / "samples.npz")
    shutil.copy(tmp_path / "results/layer06_activation_matrix.npy", tmp_path / "bare.npy")
    monkeypatch.setenv("ACTCORE_DATA", str(tmp_path))
    monkeypatch.delenv("ACTCORE_DEMO", raising=False)
    return tmp_path


def cards(page: AppTest) -> dict[str, Card]:
    """The cards; the dense heatmap's data go out in another form than those of strips."""
    for picture in page.get("bidi_component"):
        if not picture.proto.bytes:
            sent = picture.proto.mixed.SerializeToString(deterministic=True)
            picture.proto.bytes = packed(sent.hex())
    return alone.cards(page)


def chosen(page: AppTest, key: str, value: object) -> AppTest:
    """The page run again with that value in its widget of that key."""
    if key != "layer":
        return alone.chosen(page, key, value)
    page.select_slider(key=key).set_value(value).run()
    assert not page.exception
    return page


def said(page: AppTest) -> list[str]:
    """What is said in the page's messages that are no errors."""
    return [read_as(info.value) for info in page.main.info]


def keys(page: AppTest) -> set[str]:
    """The keys of the controls."""
    widgets = [*page.main.number_input, *page.main.selectbox, *page.main.select_slider]
    return {str(widget.key) for widget in widgets}


def ways(page: AppTest) -> list[str]:
    return list(page.selectbox(key="below").options)


def test_the_page_opens_on_the_demo_at_the_layer_that_separates_best(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ACTCORE_DATA")
    page = opened("coactivation")
    demo = read(alone.ROOT / "sample_data" / "demo_coactivation.zip")
    table = draw("separation_by_layer", demo).table
    apart = table["diagonal"].to_numpy() - table["off_diagonal"].to_numpy()
    best = table["layer"][int(apart.argmax())].as_py()
    assert page.select_slider(key="layer").value == str(best)
    assert titles(page) == [
        "Separation by layer",
        f"Slots of layer {best}",
        f"All 1,006 features of layer {best}",
        f"Strongest free features of layer {best}",
        f"Most consistent features of layer {best}",
        f"Shared free features of layer {best}",
    ]
    assert address(page) == {}
    assert not page.error
    assert not page.info


#: What is chosen, in what, beside what, and the cards that it changes: no others do.
CONTROLS: list[tuple[str, object, Link, set[str]]] = [
    ("layer", "3", RESULTS | {"k": "4"}, {*OF_LAYER, FREE, CONSISTENT, OVERLAP}),
    ("layer", "3", RESULTS | {"below": "relations"}, {*OF_LAYER, NUMBERS, COMMON}),
    ("layer", "3", RESULTS | {"below": "layers"}, {*OF_LAYER, ALL}),
    ("layer", "3", RESULTS | {"below": "feature"}, {*OF_LAYER, MATCH}),
    ("layer", "0", SAMPLES | {"below": "together"}, {*OF_LAYER, TOGETHER}),
    ("below", "relations", RESULTS, {FREE, CONSISTENT, OVERLAP, NUMBERS, COMMON}),
    ("below", "layers", RESULTS, {FREE, CONSISTENT, OVERLAP, ALL}),
    ("below", "feature", RESULTS, {FREE, CONSISTENT, OVERLAP, MATCH}),
    ("below", "together", SAMPLES, {FREE, CONSISTENT, OVERLAP, TOGETHER}),
    ("k", 3, RESULTS, {FREE, CONSISTENT, OVERLAP}),
    ("k", 3, SAMPLES | {"below": "together"}, {TOGETHER}),
    ("scale", "all", RESULTS | {"layer": "0"}, {DENSE}),
    ("scale", "layer", RESULTS, {DENSE}),
    ("linear", True, RESULTS, {DENSE}),
    ("own", True, RESULTS | {"below": "layers"}, {ALL}),
    ("above", 0.5, SAMPLES, {CONSISTENT}),
    ("above", 0.5, SAMPLES | {"below": "relations"}, {COMMON}),
    ("above", 0.5, SAMPLES | {"below": "together"}, {TOGETHER}),
    ("measure", "share", SAMPLES | {"below": "together"}, {TOGETHER}),
    ("share", 0.2, RESULTS | {"below": "relations"}, {COMMON}),
    ("slots", 3, BARE, {*OF_LAYER, FREE, OVERLAP}),
]


@pytest.mark.parametrize(("key", "value", "link", "changes"), CONTROLS)
def test_every_control_changes_its_pictures_and_the_address_brings_them_back(
    key: str, value: object, link: Link, changes: set[str]
) -> None:
    page = opened("coactivation", link)
    before = cards(page)
    after = cards(chosen(page, key, value))
    assert not page.error
    assert differing(before, after) == changes
    assert address(page) == {**link, key: str(value)}
    assert cards(opened("coactivation", address(page))) == after


CHOSEN = {
    "layer": "0",
    "k": "2",
    "scale": "all",
    "linear": "True",
    "own": "True",
    "above": "0.5",
    "share": "0.5",
}
CHOSEN |= {"measure": "share", "feature": "0/resid_pre/2"}


def test_a_link_restores_every_choice() -> None:
    shown: dict[str, dict[str, object]] = {}
    for below in ("free", "relations", "layers", "feature", "together"):
        link = SAMPLES | CHOSEN | ({} if below == "free" else {"below": below})
        page = opened("coactivation", link)
        assert not page.error
        assert address(page) == link
        shown |= {name: card.settings for name, card in cards(page).items()}
    assert shown == {
        SEPARATION: {},
        SLOTS: {"layer": 0},
        DENSE: {"layer": 0, "scale": "all", "log": False},
        FREE: {"layer": 0, "k": 2},
        CONSISTENT: {"layer": 0, "threshold": 0.5, "k": 4},
        OVERLAP: {"layer": 0, "k": 2},
        NUMBERS: {"layer": 0},
        COMMON: {"layer": 0, "threshold": 0.5, "share": 0.5},
        ALL: {"scale": "layer"},
        MATCH: {"feature": "0/resid_pre/2"},
        TOGETHER: {"layer": 0, "k": 2, "measure": "share", "threshold": 0.5},
    }


JUNK = ("", "zz", "-1", "1e99", "9" * 50, "\0", "<script>", "٣", "x" * 5000, "None", "nan", "true")


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("link", [SAMPLES, RESULTS, BARE])
def test_junk_in_a_link_falls_back_to_the_defaults(link: Link, junk: str) -> None:
    page = opened("coactivation", link | dict.fromkeys([*CHOSEN, "slots", "below"], junk))
    assert not page.error
    assert cards(page) == cards(opened("coactivation", link))


# ---- what is selected


def test_a_link_to_a_slot_marks_it_and_says_what_it_is() -> None:
    before = cards(opened("coactivation", RESULTS))
    page = opened("coactivation", RESULTS | {"feature": "6/resid_pre/9"})
    assert differing(before, cards(page)) == {SLOTS, DENSE, CONSISTENT}
    assert "6/resid_pre/9 · slot · birth_city" in [
        read_as(words.value).replace("*", "") for words in page.main.markdown
    ]


def test_one_feature_is_followed_through_the_layers() -> None:
    page = opened("coactivation", RESULTS | {"below": "feature", "feature": "3/resid_pre/10"})
    card = cards(page)[MATCH]
    assert card.title == "Features most like 3/resid_pre/10, layer by layer"
    assert card.settings == {"feature": "3/resid_pre/10"}


def test_a_feature_that_the_data_does_not_have_is_not_selected() -> None:
    page = opened("coactivation", RESULTS | {"feature": "9/resid_pre/1"})
    assert not page.error
    assert cards(page) == cards(opened("coactivation", RESULTS))


# ---- what is not known


def test_a_bare_matrix_asks_for_its_slots_and_then_shows_them() -> None:
    page = opened("coactivation", BARE)
    assert not page.error
    assert list(cards(page)) == [DENSE, FREE, OVERLAP]
    assert "layer" not in keys(page)
    assert "All layers" not in ways(page)
    page = chosen(page, "slots", 3)
    assert list(cards(page)) == [SEPARATION, SLOTS, DENSE, FREE, OVERLAP]
    assert cards(page)[SLOTS].settings == {"slots": 3}
    assert "All layers" in ways(page)


def test_slots_are_asked_for_where_the_data_does_not_name_them_alone() -> None:
    assert "slots" not in keys(opened("coactivation", RESULTS))
    page = opened("coactivation", RESULTS | {"slots": "2"})
    assert not page.error
    assert cards(page) == cards(opened("coactivation", RESULTS))


def test_a_bare_matrix_may_have_all_columns_but_one_as_slots() -> None:
    page = opened("coactivation", BARE | {"slots": "10"})
    assert not page.error
    assert cards(page)[SLOTS].settings == {"slots": 10}
    assert page.number_input(key="slots").max == 10


NO_SHARES = (
    "Consistency of {}: it gives means, not on how many samples a feature is active. Bring the "
    "activations on every sample with a relation each, or results that hold the share of samples."
)


@pytest.mark.parametrize("n_slots", [None, 0])
def test_results_as_the_original_writes_them_say_what_they_lack_and_show_the_rest(
    data: Path, n_slots: int | None
) -> None:
    results_folder(data / "original", n_slots=n_slots)
    page = opened("coactivation", {"data": "original"})
    of_slots = [] if n_slots == 0 else [SEPARATION, SLOTS]
    assert not page.error
    assert list(cards(page)) == [*of_slots, DENSE, FREE, OVERLAP]
    assert said(page) == [NO_SHARES.format("original")]
    assert {"above", "share", "measure"}.isdisjoint(keys(page))


def test_a_traditional_sae_has_no_slots_to_show_and_raises_no_wall_of_errors(data: Path) -> None:
    results_folder(data / "traditional", n_slots=0)
    page = opened("coactivation", {"data": "traditional"})
    assert ways(page) == ["Free features", "Relations in numbers", "One feature in all layers"]
    chosen(page, "below", "relations")
    assert list(cards(page)) == [DENSE, NUMBERS]
    assert said(page) == [NO_SHARES.format("traditional").replace("Consistency", "Common features")]
    chosen(page, "below", "feature")
    assert list(cards(page)) == [DENSE, MATCH]
    assert not page.error


def test_the_original_counts_of_common_features_are_shown(data: Path) -> None:
    results_folder(data / "original")
    page = opened("coactivation", {"data": "original", "below": "relations"})
    assert not page.error
    assert list(cards(page)) == [*(SEPARATION, SLOTS, DENSE), NUMBERS, COMMON]
    assert not said(page)


def test_a_threshold_is_chosen_where_there_are_samples_alone() -> None:
    assert "above" in keys(opened("coactivation", SAMPLES))
    page = opened("coactivation", RESULTS)
    assert "above" not in keys(page)
    assert "share" in keys(page)
    assert "above 0.1" in cards(page)[CONSISTENT].caption


def test_features_together_are_offered_where_there_are_samples_alone() -> None:
    assert "Active together" in ways(opened("coactivation", SAMPLES))
    assert "Active together" not in ways(opened("coactivation", RESULTS))


def test_a_dump_without_relations_says_so_and_shows_what_is_active_together(data: Path) -> None:
    (data / "lively.json").write_bytes(LIVELY)
    page = opened("coactivation", {"data": "lively.json"})
    assert not page.error
    assert said(page) == [
        "Relations of lively.json: none of its prompts has a group. Name the group of each prompt: "
        "`group` of a probe in a dump, `prompt_label` in a list of active prompts, the column "
        "`group` in a long table."
    ]
    assert titles(page) == ["3 features active together"]
    assert ways(page) == ["Active together"]


def test_data_with_holes_says_so_once(data: Path) -> None:
    holes = probe("p", ["a", "b"], {"1-x:1": [1, None]}) | {"group": "births"}
    (data / "holes.json").write_bytes(dump(holes))
    page = opened("coactivation", {"data": "holes.json"})
    assert not page.error
    assert titles(page) == []
    (message,) = said(page)
    assert message.startswith("Relations: holes.json does not hold every feature on every token.")


def test_without_data_the_page_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("ACTCORE_DATA", str(tmp_path / "empty"))
    page = opened("coactivation")
    assert said(page)[0].startswith("There is no data yet. Add a file in the sidebar.")
    assert titles(page) == []


# ---- layers


def test_one_layer_alone_has_no_slider(data: Path) -> None:
    results_folder(data / "one", layers=[3], ours=True)
    page = opened("coactivation", {"data": "one"})
    assert not page.error
    assert "layer" not in keys(page)
    assert titles(page)[:3] == ["Separation", "Slots of layer 3", "All 11 features of layer 3"]
    assert cards(page)[SLOTS].settings == {}


def test_layers_may_differ_in_width_and_slots(data: Path) -> None:
    mixed = results_folder(data / "mixed", layers=[0], n_free=5, ours=True)
    other = results_folder(data / "other", layers=[6], n_free=12, ours=True)
    for file in other.glob("layer06_*"):
        shutil.copy(file, mixed)
    page = opened("coactivation", {"data": "mixed", "below": "layers", "layer": "6"})
    assert not page.error
    assert "All 15 features of layer 6" in titles(page)
    chosen(page, "layer", "0")
    assert not page.error
    assert "All 8 features of layer 0" in titles(page)


def test_a_layer_without_a_number_beside_one_that_has_one_leaves_the_page_whole(
    data: Path,
) -> None:
    shutil.copy(data / "bare.npy", data / "layer_2.npy")
    page = opened("coactivation", BARE | {"with": "layer_2.npy"})
    assert not page.error
    assert titles(page)[0] == "All 11 features of layer 2"


# ---- folders, zips and uploads


def options(page: AppTest) -> list[str]:
    return list(page.selectbox(key="data").options)


def facts(page: AppTest) -> str:
    return read_as(page.sidebar.caption[0].value)


def test_a_folder_of_results_is_one_entry_and_a_model_is_none(data: Path) -> None:
    for name in ("model", "saes/layer_0", "deep/run 2"):
        (data / name).mkdir(parents=True)
    for name in ("model", "saes/layer_0"):
        (data / name / "weights.safetensors").write_bytes(b"")
        (data / name / "config.json").write_bytes(b"{}")
    results_folder(data / "deep/run 2/out")
    assert options(opened("coactivation", BARE)) == [
        "bare.npy",
        "deep/run 2/out",
        "results",
        "samples.npz",
    ]
    page = opened("coactivation", {"data": "deep/run 2/out"})
    assert facts(page).startswith("Read as **co-activation results**")


def test_the_folder_of_all_data_may_be_typed_where_it_is_itself_results(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTCORE_DATA", str(data / "results"))
    page = opened("coactivation", {"data": "."})
    assert not page.error
    assert "Slots of layer 6" in titles(page)


def test_a_folder_without_results_is_no_data(data: Path) -> None:
    (data / "empty").mkdir()
    page = opened("coactivation", {"data": "empty"})
    assert [read_as(error.value) for error in page.error] == [
        "empty: there is no such file. "
        f"Name a file below {data.name}; ACTCORE_DATA names other folders."
    ]


def test_results_that_changed_are_read_again(data: Path) -> None:
    page = opened("coactivation", RESULTS)
    assert page.select_slider(key="layer").options == ["0", "3", "6"]
    before = cards(page)
    for file in (data / "results").glob("layer03_*"):
        file.unlink()
    page.run()
    assert not page.error
    assert page.select_slider(key="layer").options == ["0", "6"]
    assert SEPARATION in differing(before, cards(page))
    matrix = data / "results/layer06_activation_matrix.npy"
    np.save(matrix, np.load(matrix) * 2)
    before = cards(page)
    assert DENSE in differing(before, cards(page.run()))


def zipped(folder: Path) -> bytes:
    packed_up = io.BytesIO()
    with zipfile.ZipFile(packed_up, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    return packed_up.getvalue()


def test_an_uploaded_zip_shows_what_its_folder_does(data: Path) -> None:
    page = opened("coactivation", BARE)
    page.file_uploader[0].upload("run.zip", zipped(data / "results")).run()
    assert not page.exception
    assert not page.error
    pictures = {name: card.pictures for name, card in cards(page).items()}
    folder = cards(opened("coactivation", RESULTS))
    assert pictures == {name: card.pictures for name, card in folder.items()}


def test_several_matrices_uploaded_together_are_the_layers_of_one(data: Path) -> None:
    files = {
        name: (data / "results" / name).read_bytes()
        for name in ("layer00_activation_matrix.npy", "layer06_activation_matrix.npy")
    }
    page = opened("coactivation", BARE)
    uploader = page.file_uploader[0]
    for name, content in files.items():
        uploader.upload(name, content)
    uploader.run()
    assert not page.exception
    assert not page.error
    assert page.select_slider(key="layer").options == ["0", "6"]
    assert facts(page).startswith(f"Read as one: {' + '.join(files)}")


# ---- what is taken home


WAYS: list[Link] = [
    *(SAMPLES | CHOSEN | {"below": way} for way in ("free", "relations", "layers", "feature")),
    SAMPLES | CHOSEN | {"below": "together"},
    *(RESULTS | {"below": way} for way in ("free", "relations", "layers", "feature")),
    BARE | {"slots": "3"},
]


@pytest.mark.parametrize("link", WAYS)
def test_what_the_panels_say_gives_the_numbers_of_the_page(
    link: Link, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data)
    page = opened("coactivation", link)
    assert not page.error
    dataset = read(Path(link["data"]))
    for name, card in cards(page).items():
        numbers, file = csv_bytes(draw(name, dataset, **card.settings).table), Path(f"{name}.csv")
        assert main(shlex.split(card.shell.removesuffix(".png") + ".csv")[3:]) == 0
        assert file.read_bytes() == numbers
        file.unlink()
        exec(card.python.replace(f'{name}.png"', f'{name}.csv"'), {})
        assert file.read_bytes() == numbers


# ---- hostile names

ODD = "</style><img src=x onerror='alert(1)'> {} \"x\" a_b.c $y$ [z](javascript:1) " + "long " * 20


def test_the_name_of_a_relation_and_of_a_folder_enter_no_markup(data: Path) -> None:
    folder = ODD.replace("/", "⁄").strip()
    results_folder(data / folder, relations=(ODD, f"{ODD} 2", "plain"), ours=True)
    for below in ("free", "relations", "layers", "feature"):
        page = opened("coactivation", {"data": folder, "below": below, "feature": "6/resid_pre/8"})
        assert not page.error
        assert {SEPARATION, SLOTS, DENSE} < set(cards(page))
        markup = " ".join(html.proto.body for html in page.get("html"))
        assert "st-key-scroll_separation" in markup
        assert "onerror" not in markup
        about = [read_as(words.value) for words in page.main.markdown]
        assert any("onerror='alert(1)'" in words and "slot" in words for words in about)
