"""The data picker of a page: samples, uploads, typed paths and links."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from actcore.errors import ReadError
from actcore.ui.picker import within_roots
from tests.tiny import LIVELY, TINY, dump, probe, read_as

PAGE = Path(__file__).parent.parent / "pages" / "tokens.py"
EMPTY = (
    "There is no data yet. Add a file in the sidebar. Activation dumps (JSON, also gzipped) and "
    "long tables (CSV, Parquet) can be read."
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
    page.file_uploader[0].upload("same.json", LIVELY).upload("same.json", TINY).run()
    assert not page.exception
    names = options(page)
    assert len(set(names)) == 2
    assert all(name.startswith("same.json · ") for name in names)
    assert page.selectbox(key="prompt").value == "p", "the newest is shown"
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


def test_the_address_of_an_upload_is_not_that_of_the_first_sample(
    open_page: Open, data: Path
) -> None:
    (data / "sample.json").write_bytes(TINY)
    page = open_page()
    assert "data" not in page.query_params
    page.file_uploader[0].upload("lively.json", LIVELY).run()
    assert page.selectbox(key="prompt").value == "p0"
    assert page.query_params["data"] == page.selectbox(key="data").value
    page.selectbox(key="data").select("sample.json").run()
    assert page.selectbox(key="prompt").value == "p"
    assert "data" not in page.query_params


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


def test_a_file_without_prompts_is_said(open_page: Open, data: Path) -> None:
    (data / "bare.csv").write_text("prompt,position,text,feature,value\n,,,5,\n")
    assert [info.value for info in open_page().info] == [
        "There is no prompt in this file. Choose another one in the sidebar."
    ]
