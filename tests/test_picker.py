"""The data picker of a page: samples, uploads, typed paths and links."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from actcore.errors import ReadError
from actcore.ui.folders import within_roots
from tests.tiny import LIVELY, TINY, dump, probe, read_as

PAGE = Path(__file__).parent.parent / "pages" / "tokens.py"
EMPTY = (
    "There is no data yet. Add a file in the sidebar. What can be read: activation dump, prompts "
    "per feature, feature descriptions, labels, neuron norms, long table, co-activation results, "
    "activation matrix, samples. Gzipped too."
)

Open = Callable[..., AppTest]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder whose files may be opened; a file that may not lies beside it."""
    folder = tmp_path / "data"
    folder.mkdir()
    (tmp_path / "secret.json").write_bytes(TINY)
    monkeypatch.setenv("ACTCORE_DATA", str(folder))
    monkeypatch.delenv("ACTCORE_DEMO", raising=False)
    return folder


@pytest.fixture
def open_page(data: Path) -> Open:
    """The page, opened by a link with these parameters."""
    assert data.is_dir()

    def opened(**link: str) -> AppTest:
        page = AppTest.from_file(PAGE, default_timeout=30)
        for name, value in link.items():
            page.query_params[name] = value
        page.run()
        assert not page.exception
        return page

    return opened


def options(page: AppTest) -> list[str]:
    return list(page.selectbox(key="data").options)


def said(page: AppTest) -> list[str]:
    """Messages as they are read, without the backslashes of Markdown."""
    return [read_as(error.value) for error in page.error]


def facts(page: AppTest) -> str:
    return read_as(page.sidebar.caption[0].value)


def test_without_data_the_page_says_what_to_do_and_offers_the_upload(open_page: Open) -> None:
    page = open_page()
    assert [info.value for info in page.main.info] == [EMPTY]
    assert len(page.get("file_uploader")) == 1
    assert page.title[0].value == "Tokens"


def test_a_first_upload_is_shown(open_page: Open) -> None:
    page = open_page()
    page.file_uploader[0].upload("lively.json", LIVELY).run()
    assert not page.exception
    assert not page.info
    assert page.selectbox(key="prompt").options == ["p0: <bos>A b a.", "p1: <bos> bB"]


def test_what_was_read_is_said(open_page: Open, data: Path) -> None:
    (data / "tiny.json").write_bytes(TINY)
    assert facts(open_page()).split("  \n")[:4] == [
        "Read as **activation dump** of m · s",
        "Prompts: 1. Tokens: 3 (1 special). Features: 2.",
        "Measurements: 6 (4 active).",
        "Unit: activation. What has no entry was measured as 0.",
    ]


def test_what_a_missing_entry_means_is_said(open_page: Open, data: Path) -> None:
    (data / "holes.json").write_bytes(dump(probe("p", ["a", "b"], {"1-x:1": [1, None]})))
    assert "What has no entry was not measured." in facts(open_page())


def test_two_uploads_of_one_name_are_told_apart_and_switched_between(open_page: Open) -> None:
    page = open_page()
    page.file_uploader[0].upload("same.json", LIVELY).run()
    page.file_uploader[0].upload("same.json", TINY).run()
    assert not page.exception
    names = options(page)
    assert len(set(names)) == 2
    assert all(name.startswith("same.json · ") for name in names)
    assert page.selectbox(key="prompt").options == ["p: <bos> a b"], "the newest is shown alone"
    assert page.query_params["data"]
    page.selectbox(key="data").select_index(0).run()
    assert page.selectbox(key="prompt").value == "p0"
    page.selectbox(key="data").select_index(1).run()
    assert page.selectbox(key="prompt").value == "p"


def test_a_bad_upload_is_one_message_and_the_picker_stays_usable(
    open_page: Open, data: Path
) -> None:
    (data / "good.json").write_bytes(LIVELY)
    page = open_page()
    page.file_uploader[0].upload("cut.json", LIVELY[:-9]).run()
    assert said(page) == [
        "cut.json: the JSON ends before it is complete. Export or copy the file again."
    ]
    page.selectbox(key="data").select("good.json").run()
    assert not page.error
    assert page.selectbox(key="prompt").value == "p0"


def test_a_link_to_an_upload_says_how_to_mend_it(open_page: Open) -> None:
    page = open_page(data="upload/0123456789abcdef")
    assert said(page) == [
        "This link: it shows a file that was uploaded. "
        "Add the same file again, and this link shows it."
    ]


def test_the_address_names_the_data_once_another_was_chosen(open_page: Open, data: Path) -> None:
    (data / "sample.json").write_bytes(TINY)
    page = open_page()
    assert "data" not in page.query_params
    page.file_uploader[0].upload("lively.json", LIVELY).run()
    assert page.selectbox(key="prompt").value == "p0"
    assert page.query_params["data"] == page.selectbox(key="data").value
    page.selectbox(key="data").select("sample.json").run()
    assert page.selectbox(key="prompt").value == "p"
    assert page.query_params["data"] == "sample.json"


def test_uploading_what_a_link_shows_opens_it(open_page: Open) -> None:
    page = open_page()
    page.file_uploader[0].upload("lively.json", LIVELY).run()
    again = open_page(data=page.selectbox(key="data").value)
    assert page.query_params["data"] == again.selectbox(key="data").value
    assert again.error
    again.file_uploader[0].upload("lively.json", LIVELY).run()
    assert not again.error
    assert again.selectbox(key="prompt").value == "p0"


OUTSIDE = [
    "../secret.json",
    "sub/../../secret.json",
    "/etc/passwd",
    "link.json",
    "folder/secret.json",
    "\0",
    "a\0.json",
]


@pytest.mark.parametrize("words", OUTSIDE)
def test_a_path_out_of_the_allowed_folders_is_refused(
    open_page: Open, data: Path, words: str
) -> None:
    (data / "link.json").symlink_to(data.parent / "secret.json")
    (data / "folder").symlink_to(data.parent)
    (data / "good.json").write_bytes(LIVELY)
    page = open_page(data=words)
    (message,) = said(page)
    assert message.endswith(
        "it is outside of the folders that may be read. "
        "Name a file below data; ACTCORE_DATA names other folders."
    )
    assert options(page)[0] == "good.json"


@pytest.mark.parametrize("words", ["x" * 100_000, "x/" * 50_000])
def test_a_very_long_path_is_refused_in_few_words(data: Path, words: str) -> None:
    assert data.exists()
    with pytest.raises(ReadError) as caught:
        within_roots(words)
    assert len(str(caught.value)) < 400


def test_an_absolute_path_outside_is_refused_even_if_it_is_there(data: Path) -> None:
    with pytest.raises(ReadError, match="outside of the folders"):
        within_roots(str(data.parent / "secret.json"))


def test_a_path_below_an_allowed_folder_may_be_typed(open_page: Open, data: Path) -> None:
    (data / "deep").mkdir()
    (data / "deep" / "no_suffix").write_bytes(LIVELY)
    page = open_page(data="deep/no_suffix")
    assert page.selectbox(key="prompt").value == "p0"
    assert said(open_page(data="deep/gone.json"))[0].startswith(
        "deep/gone.json: there is no such file."
    )


def test_links_in_a_circle_and_names_that_cannot_be_shown_are_left_out(
    open_page: Open, data: Path
) -> None:
    (data / "circle.json").symlink_to("circle.json")
    (data / "a\nb.json").write_bytes(LIVELY)
    (data / "caf\udce9.json").write_bytes(LIVELY)
    (data / "good.json").write_bytes(LIVELY)
    assert options(open_page()) == ["good.json"]
    assert "there is no such file" in said(open_page(data="circle"))[0]


def test_files_of_one_name_in_two_folders_can_both_be_chosen(
    open_page: Open, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (data / "same.json").write_bytes(LIVELY)
    (other / "same.json").write_bytes(TINY)
    monkeypatch.setenv("ACTCORE_DATA", f"{data}:{other}")
    page = open_page()
    assert options(page) == ["same.json", "same.json (2)"]
    assert page.selectbox(key="prompt").value == "p0"
    page.selectbox(key="data").select("same.json (2)").run()
    assert page.selectbox(key="prompt").value == "p"


def test_a_demo_server_opens_samples_and_uploads_only(
    open_page: Open, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data / "mine.json").write_bytes(LIVELY)
    monkeypatch.setenv("ACTCORE_DEMO", "1")
    for words in ("mine.json", str(data / "mine.json"), "../README.md"):
        page = open_page(data=words)
        assert "mine.json" not in options(page)
        assert not page.error
        assert page.query_params.get("data") is None
    page.file_uploader[0].upload("lively.json", LIVELY).run()
    assert page.selectbox(key="prompt").value == "p0"


def test_a_file_that_changed_is_read_again(open_page: Open, data: Path) -> None:
    (data / "one.json").write_bytes(LIVELY)
    page = open_page()
    assert page.selectbox(key="prompt").value == "p0"
    (data / "one.json").write_bytes(TINY)
    page.run()
    assert page.selectbox(key="prompt").value == "p"


NORMS = "Token_Pos,Token,Layer,Neuron_ID,Activation_Norm\n"
ONE_RUN = (NORMS + "0,a,0,5,1.5\n1,b,1,6,2.5\n").encode()
OTHER_RUN = (NORMS + "0,c,0,5,3.5\n").encode()
#: Of a feature of LIVELY, of one with only its index, and of one that is not there.
ABOUT = b"feature_id,source,claude_desc\n5,1-x,of births\n3,9-y,of towns\n8,1-x,nothing\n"


def prompts(page: AppTest) -> list[str]:
    return list(page.selectbox(key="prompt").options)


def more(page: AppTest) -> list[str]:
    """What the data goes with, by the names in the list."""
    return [name.partition(" · ")[0] for name in map(shown(page), page.multiselect[0].value)]


def shown(page: AppTest) -> Callable[[str], str]:
    uploads = page.session_state["uploads"]
    return lambda choice: uploads[choice].name if choice in uploads else choice


@pytest.fixture
def runs(data: Path) -> Path:
    """A folder of two runs, descriptions, and a dump that they describe."""
    (data / "a.csv").write_bytes(ONE_RUN)
    (data / "b.csv").write_bytes(OTHER_RUN)
    (data / "c_about.csv").write_bytes(ABOUT)
    (data / "d.json").write_bytes(LIVELY)
    return data


def test_a_link_may_name_several_files_which_are_read_as_one(open_page: Open, runs: Path) -> None:
    assert runs.is_dir()
    page = open_page(data="a.csv")
    assert prompts(page) == ["a"]
    page.multiselect[0].select("b.csv").run()
    assert not page.exception
    assert prompts(page) == ["a", "b"]
    assert page.query_params["with"] == "b.csv"
    assert facts(page).startswith("Read as one: a.csv + b.csv  \nPrompts: 2. Tokens: 3")
    again = AppTest.from_file(PAGE, default_timeout=30)
    again.query_params.update({"data": "b.csv", "with": ["a.csv", "b.csv", "a.csv", ""]})
    again.run()
    assert prompts(again) == ["b", "a"]


def test_descriptions_are_joined_and_what_was_not_used_is_said(open_page: Open, runs: Path) -> None:
    assert runs.is_dir()
    page = open_page(**{"data": "d.json", "with": "c_about.csv", "feature": "1/x/5"})
    assert not page.error
    assert page.dataframe[0].value["label"].tolist()[0] == "of births"
    (note,) = (read_as(warning.value) for warning in page.sidebar.warning)
    assert note == (
        "c_about.csv: 1 description was not used, because only the index is that of a feature in "
        "d.json, not its source: '9/y/3' is described, '2/x/3' was measured.  \n"
        "c_about.csv: 1 description was not used, because d.json does not have the feature."
    )


def test_other_data_comes_alone(open_page: Open, runs: Path) -> None:
    assert runs.is_dir()
    page = open_page(**{"data": "a.csv", "with": "b.csv"})
    page.selectbox(key="data").select("d.json").run()
    assert not page.error
    assert prompts(page) == ["p0: <bos>A b a.", "p1: <bos> bB"]
    assert page.query_params == {"data": "d.json"}
    assert "d.json" not in page.multiselect[0].options


def test_files_that_do_not_go_together_are_explained_and_none_is_half_shown(
    open_page: Open, runs: Path
) -> None:
    assert runs.is_dir()
    page = open_page(**{"data": "a.csv", "with": "d.json"})
    assert said(page) == [
        "These are measured in different units: activation, norm. Units never share a scale; open "
        "them side by side instead. Or take a file out of With."
    ]
    assert not page.sidebar.caption
    page.multiselect[0].unselect("d.json").run()
    assert not page.error
    assert prompts(page) == ["a"]


def test_each_bad_file_is_explained(runs: Path) -> None:
    (runs / "cut.json").write_bytes(LIVELY[:-9])
    link = AppTest.from_file(PAGE, default_timeout=30)
    link.query_params.update({"data": "cut.json", "with": ["a.csv", "gone.csv", "../secret.json"]})
    link.run()
    assert not link.exception
    assert [message.partition(":")[0] for message in said(link)] == [
        "cut.json",
        "gone.csv",
        "../secret.json",
    ]


def test_uploads_that_come_together_are_read_as_one(open_page: Open, data: Path) -> None:
    (data / "d.json").write_bytes(LIVELY)
    page = open_page()
    page.file_uploader[0].upload("run_a.csv", ONE_RUN).upload("run_b.csv", OTHER_RUN).run()
    assert not page.error
    assert prompts(page) == ["run_a", "run_b"]
    assert more(page) == ["run_b.csv"]


def test_uploaded_descriptions_go_with_the_file_beside_them(open_page: Open) -> None:
    page = open_page()
    page.file_uploader[0].upload("about.csv", ABOUT).upload("lively.json", LIVELY).run()
    assert not page.error
    assert more(page) == ["about.csv"]
    assert prompts(page)[0] == "p0: <bos>A b a."


def test_descriptions_uploaded_later_go_with_what_is_shown(open_page: Open, runs: Path) -> None:
    assert runs.is_dir()
    page = open_page(**{"data": "d.json", "with": "c_about.csv"})
    page.file_uploader[0].upload("more.csv", ABOUT.replace(b"births", b"deaths")).run()
    assert not page.error
    assert page.selectbox(key="data").value == "d.json"
    assert more(page) == ["c_about.csv", "more.csv"]


def test_each_bad_upload_is_explained(open_page: Open) -> None:
    page = open_page()
    page.file_uploader[0].upload("cut.json", LIVELY[:-9]).upload("odd.csv", b"x,y\n1,2\n").run()
    assert [message.partition(":")[0] for message in said(page)] == ["cut.json", "odd.csv"]


@pytest.mark.parametrize("upload", [False, True])
def test_descriptions_alone_say_what_they_go_with(
    open_page: Open, data: Path, upload: bool
) -> None:
    if not upload:
        (data / "about.csv").write_bytes(ABOUT)
    page = open_page()
    if upload:
        page.file_uploader[0].upload("about.csv", ABOUT).run()
    assert [read_as(info.value) for info in page.info] == [
        "There is no prompt in about.csv. What describes features goes with the file that "
        "measures them: choose that one as Data, and this one under With."
    ]


def test_a_folder_that_changed_is_listed_again(open_page: Open, data: Path) -> None:
    (data / "deep").mkdir()
    (data / "one.json").write_bytes(LIVELY)
    page = open_page()
    assert options(page) == ["one.json"]
    (data / "deep" / "two.jsonl").write_bytes(b"")
    (data / "deep" / "three.ndjson.gz").write_bytes(b"")
    page.run()
    assert options(page) == ["deep/three.ndjson.gz", "deep/two.jsonl", "one.json"]
    (data / "one.json").unlink()
    assert options(open_page()) == ["deep/three.ndjson.gz", "deep/two.jsonl"]


def test_a_folder_that_did_not_change_is_not_listed_again(open_page: Open, data: Path) -> None:
    (data / "one.json").write_bytes(LIVELY)
    page = open_page()
    then = data.stat()
    (data / "two.json").write_bytes(LIVELY)
    os.utime(data, ns=(then.st_atime_ns, then.st_mtime_ns))
    assert options(page.run()) == ["one.json"]
    os.utime(data)
    assert options(page.run()) == ["one.json", "two.json"]


def choosing() -> None:
    import streamlit as st

    from actcore.ui import picker

    picker.choose(("a.csv", "c_about.csv"))
    st.session_state["seen"] = picker.as_chosen()


def test_what_is_chosen_is_named_for_other_pages_the_sample_too(runs: Path) -> None:
    assert runs.is_dir()
    app = AppTest.from_function(choosing).run()
    assert app.query_params == {}
    assert app.session_state["seen"] == {"data": ["a.csv"], "with": ["c_about.csv"]}
    app.selectbox(key="data").select("b.csv").run()
    assert app.session_state["seen"] == {"data": ["b.csv"]}
