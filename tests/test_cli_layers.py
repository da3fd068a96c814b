"""`layers`: the files it writes, the numbers in them, and what it says of bad input."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow.csv
import pytest

from actcore.dataset import together
from actcore.export import encode
from actcore.figures import draw
from actcore.readers import read
from tests.commands import Command, added, as_process, files, filled, is_offline, read_back
from tests.tiny import DESCRIBED, LIVELY, RUN_A, RUN_B, RUN_C, dump, probe, runs

INPUTS = {
    "a.csv": RUN_A,
    "b.csv": RUN_B,
    "c.csv": RUN_C,
    "lively.json": LIVELY,
    "described.csv": DESCRIBED,
    "boost.csv": b"Layer,Neuron_ID,Old_Norm,New_Norm\n22,94,0.12,0.16\n",
    "flat.csv": b"prompt,position,text,feature,value\np,0,t,1,2.0\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with small files of every kind in it."""
    return filled(tmp_path, INPUTS, monkeypatch)


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command line in that folder."""
    assert folder == Path.cwd()
    return Command(capsys)


def written(folder: Path) -> list[str]:
    """What a command left beside the inputs."""
    return added(folder, INPUTS)


def of_run(*names: str) -> list[str]:
    """The files of runs."""
    every = [f"downproj_activity_3d_{name}.html" for name in names]
    every += [f"downproj_heatmap_{name}.{suffix}" for name in names for suffix in ("csv", "png")]
    return sorted(every)


def of_pairs(*names: str) -> list[str]:
    """The files of differences."""
    return [f"downproj_diff_{name}.{suffix}" for name in names for suffix in ("csv", "png")]


# ---- which files


def test_one_run_has_its_three_files_and_no_difference(folder: Path, run: Command) -> None:
    assert run("layers", "a.csv") == (0, "3 pictures in output/layers\n", "")
    assert files(folder / "output/layers") == of_run("a")


def test_of_several_runs_the_first_is_compared_with_each_other(folder: Path, run: Command) -> None:
    assert run("layers", "b.csv", "a.csv", "-o", "two") == (0, "8 pictures in two\n", "")
    assert files(folder / "two") == sorted([*of_run("a", "b"), *of_pairs("b_vs_a")])
    assert run("layers", "a.csv", "b.csv", "c.csv", "-o", "three").out == "13 pictures in three\n"
    pairs = of_pairs("a_vs_b", "a_vs_c")
    assert files(folder / "three") == sorted([*of_run("a", "b", "c"), *pairs])


def test_a_dump_of_many_prompts_has_no_differences(folder: Path, run: Command) -> None:
    assert run("layers", "lively.json", "-o", "o") == (0, "6 pictures in o\n", "")
    assert files(folder / "o") == of_run("p0", "p1")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("deep/a.csv", "a"),
        ("run.v2.csv", "run.v2"),
        ("packed.csv.gz", "packed"),
        ("LOUD.CSV", "LOUD"),
        ("two words & é.csv", "two_words"),
        ("..hidden.csv", "hidden"),
        ("漢字.csv", "unnamed"),
        (f"{'n' * 200}.csv", "n" * 100),
    ],
)
def test_a_run_is_named_by_its_file(folder: Path, run: Command, file: str, name: str) -> None:
    (folder / "deep").mkdir()
    data = gzip.compress(RUN_A) if file.endswith(".gz") else RUN_A
    (folder / file).write_bytes(data)
    assert run("layers", file, "b.csv", "-o", "o").status == 0
    assert files(folder / "o") == sorted([*of_run("b", name), *of_pairs(f"{name}_vs_b")])


def test_runs_whose_files_would_have_one_name_are_refused(folder: Path, run: Command) -> None:
    for name in ("a b.csv", "a&b.csv", "a_b.csv"):
        (folder / name).write_bytes(RUN_B)
    for first, second in (("a b", "a&b"), ("a&b", "a_b")):
        called = run("layers", "a.csv", f"{first}.csv", f"{second}.csv", "-o", "o")
        assert called == (
            2,
            "",
            f"actcore layers: The runs '{first}' and '{second}' would have the same files. "
            "Rename one of them.\n",
        )
    assert not (folder / "o").exists()


def test_prompts_of_a_dump_with_nothing_measured_are_left_out(folder: Path, run: Command) -> None:
    probes = [
        probe("p", ["t"], {"1-x:1": [2.0]}),
        probe("q", ["t"], {"1-x:1": [None]}),
        probe("r", [], {"1-x:1": []}),
    ]
    (folder / "holes.json").write_bytes(dump(*probes))
    status, out, err = run("layers", "holes.json", "--colours", "layer", "-o", "o")
    assert (status, out) == (0, "3 pictures in o\n")
    assert files(folder / "o") == of_run("p")
    wrong = "no feature was measured on it. Choose another prompt."
    assert err.splitlines() == [
        f"actcore layers: left out: Layers of holes.json, prompt {number}: {wrong}"
        for number in (1, 2)
    ]
    (folder / "none.json").write_bytes(dump(*probes[1:]))
    message = f"actcore layers: Layers of none.json, prompt 1: {wrong}\n"
    assert run("layers", "none.json", "-o", "p") == (2, "", message)
    assert not (folder / "p").exists()


# ---- what is in them


def test_the_files_hold_the_figures(folder: Path, run: Command) -> None:
    assert run("layers", "a.csv", "b.csv", "c.csv", "-o", "o").status == 0
    dataset, out = runs(), folder / "o"
    for name in "abc":
        view, space = (
            draw(figure, dataset, prompt=name) for figure in ("layer_by_token", "token_layer_space")
        )
        csv = out / f"downproj_heatmap_{name}.csv"
        assert read_back(csv, view.table).to_pydict() == view.table.to_pydict()
        assert (out / f"downproj_heatmap_{name}.png").read_bytes() == encode(view, "png")
        assert (out / f"downproj_activity_3d_{name}.html").read_text() == space.html()
    for other in "bc":
        view = draw("layer_difference", dataset, a="a", b=other)
        stem = f"downproj_diff_a_vs_{other}"
        table = read_back(out / f"{stem}.csv", view.table)
        assert table.to_pydict() == view.table.to_pydict()
        assert (out / f"{stem}.png").read_bytes() == encode(view, "png")


def test_the_columns_are_those_that_others_rely_on(folder: Path, run: Command) -> None:
    assert run("layers", "a.csv", "b.csv", "-o", "o").status == 0
    names = {
        "heatmap_a": ["prompt", "layer", "position", "text", "value", "n"],
        "diff_a_vs_b": ["layer", "position_a", "position_b", "text_a", "text_b", "value"],
    }
    for stem, wanted in names.items():
        table = pyarrow.csv.read_csv(folder / "o" / f"downproj_{stem}.csv")
        assert table.column_names[: len(wanted)] == wanted


def test_the_3d_page_is_small_and_asks_for_nothing(folder: Path, run: Command) -> None:
    many = {f"{at % 26}-x:{at}": [1.0 + at] * 8 for at in range(800)}
    (folder / "many.json").write_bytes(dump(probe("p", ["token"] * 8, many)))
    assert run("layers", "many.json", "-o", "o").status == 0
    page = folder / "o" / "downproj_activity_3d_p.html"
    assert page.stat().st_size < 6_000_000
    assert is_offline(page)
    assert "the 5,000 strongest of 6,400 points" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("flags", "heatmap", "difference"),
    [
        (["--reduce", "max"], {"reduce": "max"}, {"reduce": "max"}),
        (["--reduce", "l2"], {"reduce": "l2"}, {"reduce": "l2"}),
        (["--colours", "runs"], {"scale": "runs"}, {}),
        (["--colours", "layer"], {"scale": "layer"}, {"scale": "layer"}),
        (["--align", "text"], {}, {"align": "text"}),
        (["--include-bos"], {"specials": "include"}, {"specials": "include"}),
    ],
)
def test_every_flag_is_a_setting_of_the_figures(
    folder: Path,
    run: Command,
    flags: list[str],
    heatmap: dict[str, str],
    difference: dict[str, str],
) -> None:
    assert run("layers", "a.csv", "b.csv", "--scale", "1", *flags, "-o", "o").status == 0
    dataset = together([read("a.csv"), read("b.csv")]).dataset
    for name, figure, chosen in (
        ("heatmap_a", "layer_by_token", heatmap),
        ("diff_a_vs_b", "layer_difference", difference),
    ):
        drawn = (folder / "o" / f"downproj_{name}.png").read_bytes()
        assert drawn == encode(draw(figure, dataset, **chosen), "png", scale=1)
        plain = encode(draw(figure, dataset), "png", scale=1)
        assert (drawn != plain) == bool(chosen)


def test_special_tokens_are_in_space_too_with_include_bos(folder: Path, run: Command) -> None:
    for flags, words in ([], "all 9 points, special"), (["--include-bos"], "all 11 points."):
        assert run("layers", "a.csv", *flags, "-o", "o").status == 0
        assert words in (folder / "o" / "downproj_activity_3d_a.html").read_text()


# ---- bad input

GONE = (
    "gone.csv: the file cannot be opened (No such file or directory). "
    "Check the path and its permissions."
)
WRONG: dict[str, tuple[list[str], str]] = {
    "no input": ([], "the following arguments are required: CSV. See actcore layers --help."),
    "missing": (["gone.csv"], GONE),
    "second missing": (["a.csv", "gone.csv"], GONE),
    "the same twice": (
        ["a.csv", "a.csv"],
        "The prompt id 'a' is in two of them. Give the prompts of each file ids of their own; "
        "a run of neuron norms is named as its file.",
    ),
    "descriptions alone": (
        ["described.csv"],
        "Layers of described.csv: it has no prompts. Name a file of measurements.",
    ),
    "no layers": (
        ["flat.csv"],
        "Layers of flat.csv: no feature has a layer. "
        "Use a source that says in which layer each feature is.",
    ),
    "the folder is a file": (
        ["a.csv", "-o", "b.csv"],
        "b.csv/downproj_heatmap_a.png: File exists. Choose a folder and name that can be written.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_is_said_in_one_line_and_leaves_nothing(
    folder: Path, run: Command, case: str
) -> None:
    arguments, message = WRONG[case]
    assert run("layers", *arguments) == (2, "", f"actcore layers: {message}\n")
    assert written(folder) == []


@pytest.mark.parametrize(
    ("arguments", "begins"),
    [
        (["boost.csv"], "boost.csv: no reader knows this CSV file. Looked for: "),
        (["a.csv", "boost.csv"], "boost.csv: no reader knows this CSV file. Looked for: "),
        (["a.csv", "lively.json"], "These are measured in different units: activation, norm."),
        (["a.csv", "--reduce", "sum"], "argument --reduce: invalid choice: 'sum'"),
        (["a.csv", "--colours", "all"], "argument --colours: invalid choice: 'all'"),
        (["a.csv", "--align", "layer"], "argument --align: invalid choice: 'layer'"),
        (["a.csv", "b.csv", "--scale", "1000"], "scale is 1000.0. Allowed: 0.00"),
    ],
)
def test_what_cannot_be_read_or_drawn_leaves_no_half_of_the_files(
    folder: Path, run: Command, arguments: list[str], begins: str
) -> None:
    status, out, err = run("layers", *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"actcore layers: {begins}")
    assert written(folder) == []


def test_a_run_without_measurements_leaves_no_half_of_the_files(folder: Path, run: Command) -> None:
    (folder / "empty.csv").write_bytes(RUN_A.splitlines()[0] + b"\n0,t,1,7,\n")
    status, out, err = run("layers", "a.csv", "empty.csv", "-o", "o")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "prompt 1: no feature was measured on it." in err
    assert not (folder / "o").exists()


def test_as_a_process_it_loads_none_of_the_slow_packages(folder: Path) -> None:
    inputs = (str(folder / "a.csv"), str(folder / "b.csv"))
    called, loaded = as_process("layers", *inputs, "-o", str(folder / "o"))
    assert (called, loaded) == ((0, f"8 pictures in {folder / 'o'}", ""), [])
    assert len(files(folder / "o")) == 8
    failed, _ = as_process("layers", str(folder / "flat.csv"), "-o", str(folder / "p"))
    assert failed == (2, "", f"actcore layers: {WRONG['no layers'][1]}\n")


# ---- draw


def test_draw_takes_runs_as_prompts(folder: Path, run: Command) -> None:
    for figure, settings in {
        "layer_difference": {"a": "b", "b": "a", "align": "text"},
        "layer_by_token": {"prompt": "b", "reduce": "max"},
        "neuron_path": {"feature": "1/mlp_out/7", "a": "b"},
        "top_neurons": {"prompt": "1", "layer": "2", "position": "1"},
        "token_layer_space": {"prompt": "b", "most": "2"},
    }.items():
        chosen = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
        called = run("draw", figure, "a.csv", "b.csv", *chosen, "-o", f"{figure}.csv")
        assert called == (0, f"{figure}.csv\n", "")
        dataset = together([read("a.csv"), read("b.csv")]).dataset
        wanted = draw(figure, dataset, **settings).table
        found = read_back(folder / f"{figure}.csv", wanted)
        assert found.to_pydict() == wanted.to_pydict()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.csv"], "the number of prompts is 1. Allowed: 2 or more; add a run."),
        (["a.csv", "b.csv", "--set", "b=a"], "b is 'a'. Allowed: a prompt other than a."),
        (
            ["a.csv", "b.csv", "--set", "b=d"],
            "No prompt with the id or number 'd'. Nearest: 'a', 'b'.",
        ),
        (
            ["a.csv", "b.csv", "--set", "align=words"],
            "align is 'words'. Allowed: position, text.",
        ),
        (["a.csv", "b.csv", "--set", "scale=runs"], "scale is 'runs'. Allowed: shared, layer."),
    ],
)
def test_a_difference_that_cannot_be_drawn_is_said(
    folder: Path, run: Command, arguments: list[str], message: str
) -> None:
    called = run("draw", "layer_difference", *arguments, "-o", "new/x.csv")
    assert called == (2, "", f"actcore draw: {message}\n")
    assert written(folder) == []
