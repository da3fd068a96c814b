"""`categories`: the files it writes, the numbers in them, and what it says of bad input."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow.csv
import pytest

from actcore.export import encode
from actcore.figures import draw
from actcore.readers import read
from tests.commands import Command, added, as_process, files, filled, is_offline, read_back
from tests.tiny import DESCRIBED, LISTED, LIVELY, RUN_A, active, dump, listed, listed_line, probe

GROUPED = dump(
    probe("q0", [" a", " b"], {"3-x:7": [1.0, 2.0]}) | {"group": "g"},
    probe("q1", [" c"], {"3-x:7": [0.5]}) | {"group": "h"},
)
PICTURES = [
    "prompt_activation_heatmap.csv",
    "prompt_activation_heatmap.html",
    "prompt_activation_heatmap.png",
    "prompt_count.html",
]
INPUTS = {
    "listed.jsonl": LISTED,
    "described.csv": DESCRIBED,
    "grouped.json": GROUPED,
    "lively.json": LIVELY,
    "a.csv": RUN_A,
    "boost.csv": b"Layer,Neuron_ID,Old_Norm,New_Norm\n22,94,0.12,0.16\n",
    "short.csv": b"feature_id,source\n1\n",
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


# ---- categories


def test_it_writes_the_files_of_the_original_and_a_table(folder: Path, run: Command) -> None:
    called = run("categories", "listed.jsonl", "--descriptions", "described.csv")
    assert called == (0, "4 pictures in output/categories\n", "")
    assert files(folder / "output") == [f"categories/{name}" for name in PICTURES]


def test_the_files_hold_the_two_figures(folder: Path, run: Command) -> None:
    arguments = ("categories", "listed.jsonl", "--descriptions", "described.csv", "-o", "o")
    assert run(*arguments).status == 0
    heatmap, counts = (draw(name, listed()) for name in ("feature_by_group", "prompts_per_feature"))
    out = folder / "o"
    assert read_back(out / PICTURES[0], heatmap.table).to_pydict() == heatmap.table.to_pydict()
    header = (out / PICTURES[0]).read_text().splitlines()[0]
    assert header.replace('"', "").split(",")[:6] == [
        *("layer", "site", "index", "group", "value", "n")
    ]
    for name, view in zip(PICTURES[1:], [heatmap, heatmap, counts], strict=True):
        assert (out / name).read_bytes() == encode(view, name.rpartition(".")[2])
    assert is_offline(out / PICTURES[1])
    assert is_offline(out / PICTURES[3])


def test_packed_files_and_several_of_each_are_read_together(folder: Path, run: Command) -> None:
    (folder / "packed.jsonl.gz").write_bytes(gzip.compress(LISTED))
    (folder / "packed.csv.gz").write_bytes(gzip.compress(DESCRIBED))
    more = listed_line(9, "n_layer4", [active(90, "w", 1.5, ["t"], [1.5])])
    (folder / "more.jsonl").write_bytes(more)
    (folder / "more.csv").write_bytes(b"feature_id,source,token,type\n9,n_layer4,end,late\n")
    about = ("--descriptions", "packed.csv.gz", "--descriptions", "more.csv")
    assert run("categories", "packed.jsonl.gz", "more.jsonl", *about, "-o", "o").status == 0
    table = pyarrow.csv.read_csv(folder / "o" / PICTURES[0])
    assert table.num_rows == 11
    last = table.slice(10).select(["layer", "site", "index", "group", "value", "n", "kind"])
    assert list(last.to_pylist()[0].values()) == [4, "n/end", 9, "w", 1.5, 1, "late"]
    assert table["kind"][0].as_py() == "syntax"


@pytest.mark.parametrize("name", ["grouped.json", "a.csv"])
def test_any_file_with_groups_will_do(folder: Path, run: Command, name: str) -> None:
    assert run("categories", name, "-o", "o").status == 0
    assert files(folder / "o") == PICTURES
    wanted = draw("feature_by_group", read(name)).table
    assert read_back(folder / "o" / PICTURES[0], wanted).to_pydict() == wanted.to_pydict()


def test_descriptions_that_are_not_used_are_said_and_the_pictures_written(
    folder: Path, run: Command
) -> None:
    about = DESCRIBED.replace(b"m_layer1", b"n_layer1").replace(b"1,m_layer2", b"8,m_layer2")
    (folder / "other.csv").write_bytes(about)
    status, out, err = run("categories", "listed.jsonl", "--descriptions", "other.csv", "-o", "o")
    assert (status, out) == (0, "4 pictures in o\n")
    only_index, strange = err.splitlines()
    assert only_index.startswith(
        "other.csv: 2 descriptions were not used, because only the index is that of a feature in "
        "listed.jsonl, not its source: '1/n/end/1' is described, "
    )
    assert strange == (
        "other.csv: 1 description was not used, because listed.jsonl does not have the feature."
    )
    assert pyarrow.csv.read_csv(folder / "o" / PICTURES[0])["kind"].null_count == 10


@pytest.mark.parametrize(
    "setting",
    ["reduce=max", "order=mean", "k=2", "per_prompt=peak", "kind=syntax"],
)
def test_a_setting_is_that_of_the_matrix(folder: Path, run: Command, setting: str) -> None:
    about = ("--descriptions", "described.csv")
    assert run("categories", "listed.jsonl", *about, "--set", setting, "-o", "o").status == 0
    name, _, value = setting.partition("=")
    wanted = draw("feature_by_group", listed(), **{name: value}).table
    assert read_back(folder / "o" / PICTURES[0], wanted).to_pydict() == wanted.to_pydict()
    assert wanted.to_pydict() != draw("feature_by_group", listed()).table.to_pydict()


def test_a_median_is_no_mean(folder: Path, run: Command) -> None:
    prompts = [active(id, "x", value, ["t"], [value]) for id, value in enumerate([1.0, 2.0, 9.0])]
    (folder / "three.jsonl").write_bytes(listed_line(1, "a", prompts))
    for reduce, value in {"mean": 4.0, "median": 2.0, "max": 9.0}.items():
        assert run("categories", "three.jsonl", "--set", f"reduce={reduce}", "-o", "o").status == 0
        table = pyarrow.csv.read_csv(folder / "o" / PICTURES[0])
        assert table.select(["value", "n"]).to_pylist() == [{"value": value, "n": 3}]


def test_settings_may_be_several_and_say_how_many_prompts_were_asked(
    folder: Path, run: Command
) -> None:
    settings = ("--set", "reduce=share", "--set", "asked=x=4,y=2,z=5")
    assert run("categories", "listed.jsonl", *settings, "-o", "o").status == 0
    values = pyarrow.csv.read_csv(folder / "o" / PICTURES[0])["value"].to_pylist()
    assert values == [0.5, 1.0, 0.2, 0.5, 0.5, 0.2, 1.0, 0.4, 0.5, 0.4]


def test_scale_multiplies_the_pixels_of_the_png(folder: Path, run: Command) -> None:
    for scale in ("1", "2"):
        assert run("categories", "listed.jsonl", "--scale", scale, "-o", scale).status == 0
    heads = [(folder / scale / PICTURES[2]).read_bytes()[16:20] for scale in ("1", "2")]
    assert int.from_bytes(heads[1]) == pytest.approx(2 * int.from_bytes(heads[0]), abs=1)


NO_GROUP = (
    "none of its prompts has a group. Name the group of each prompt: `group` of a probe in a dump, "
    "`prompt_label` in a list of active prompts, the column `group` in a long table."
)
WRONG: dict[str, tuple[list[str], str]] = {
    "no input": (
        [],
        "the following arguments are required: prompts. See actcore categories --help.",
    ),
    "no groups": (["lively.json"], f"Groups of lively.json: {NO_GROUP}"),
    "descriptions alone": (["described.csv"], f"Groups of described.csv: {NO_GROUP}"),
    "missing": (
        ["gone.jsonl"],
        "gone.jsonl: the file cannot be opened (No such file or directory). "
        "Check the path and its permissions.",
    ),
    "missing descriptions": (
        ["listed.jsonl", "--descriptions", "gone.csv"],
        "gone.csv: the file cannot be opened (No such file or directory). "
        "Check the path and its permissions.",
    ),
    "unknown setting": (
        ["listed.jsonl", "--set", "reduced=max"],
        "No setting 'reduced'. Nearest: 'reduce', 'order', 'source' (13 in all).",
    ),
    "value of a setting": (
        ["listed.jsonl", "--set", "reduce=sum"],
        "reduce is 'sum'. Allowed: mean, max, median, share.",
    ),
    "setting without value": (
        ["listed.jsonl", "--set", "reduce"],
        "--set is 'reduce'. Allowed: NAME=VALUE, such as k=5.",
    ),
    "share of unknown": (
        ["listed.jsonl", "--set", "reduce=share"],
        "Share of active prompts of listed.jsonl: how many prompts of the group 'x' were asked is "
        "not known. Set asked to 40 for every group, or to GROUP=40,... by group.",
    ),
    "unknown kind": (
        ["listed.jsonl", "--descriptions", "described.csv", "--set", "kind=other"],
        "No kind 'other'. Nearest: 'meaning', 'syntax'.",
    ),
    "the same twice": (
        ["listed.jsonl", "listed.jsonl"],
        "The prompt id '0' is in two of them. Give the prompts of each file ids of their own; "
        "a run of neuron norms is named as its file.",
    ),
    "the folder is a file": (
        ["listed.jsonl", "-o", "a.csv"],
        "a.csv/prompt_activation_heatmap.html: File exists. "
        "Choose a folder and name that can be written.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_is_said_in_one_line_and_leaves_nothing(
    folder: Path, run: Command, case: str
) -> None:
    arguments, message = WRONG[case]
    assert run("categories", *arguments) == (2, "", f"actcore categories: {message}\n")
    assert written(folder) == []


@pytest.mark.parametrize(
    ("arguments", "begins"),
    [
        (["boost.csv"], "boost.csv: no reader knows this CSV file. Looked for: "),
        (["listed.jsonl", "--descriptions", "boost.csv"], "boost.csv: no reader knows this CSV"),
        (["listed.jsonl", "--descriptions", "short.csv"], "short.csv, "),
        (["listed.jsonl", "--scale", "1000"], "scale is 1000.0. Allowed: 0.00"),
    ],
)
def test_what_cannot_be_read_or_drawn_leaves_no_half_of_the_files(
    folder: Path, run: Command, arguments: list[str], begins: str
) -> None:
    status, out, err = run("categories", *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"actcore categories: {begins}")
    assert written(folder) == []


def test_a_folder_in_the_place_of_a_file_leaves_no_half_of_the_files(
    folder: Path, run: Command
) -> None:
    taken = folder / "o" / PICTURES[-1]
    taken.mkdir(parents=True)
    status, out, err = run("categories", "listed.jsonl", "-o", "o")
    said = f"o/{PICTURES[-1]}: there is a folder of this name. Move it away."
    assert (status, out, err) == (2, "", f"actcore categories: {said}\n")
    assert [path.name for path in (folder / "o").iterdir()] == [PICTURES[-1]]


def test_as_a_process_it_loads_none_of_the_slow_packages(folder: Path) -> None:
    inputs = (str(folder / "listed.jsonl"), "--descriptions", str(folder / "described.csv"))
    called, loaded = as_process("categories", *inputs, "-o", str(folder / "o"))
    assert (called, loaded) == ((0, f"4 pictures in {folder / 'o'}", ""), [])
    assert files(folder / "o") == PICTURES
    failed, _ = as_process("categories", str(folder / "lively.json"), "-o", str(folder / "p"))
    assert failed == (2, "", f"actcore categories: Groups of lively.json: {NO_GROUP}\n")


# ---- draw


def test_draw_takes_prompts_with_their_descriptions(folder: Path, run: Command) -> None:
    inputs = ("listed.jsonl", "described.csv")
    for figure in ("feature_by_group", "prompts_per_feature", "group_profile", "group_effect"):
        called = run("draw", figure, *inputs, "-o", f"new/{figure}.csv")
        assert called == (0, f"new/{figure}.csv\n", "")
        wanted = draw(figure, listed()).table
        found = read_back(folder / "new" / f"{figure}.csv", wanted)
        assert found.to_pydict() == wanted.to_pydict()
    shown = ("--set", "find=cats", "--set", "reduce=max")
    assert run("draw", "feature_by_group", *inputs, *shown, "-o", "x.csv").status == 0
    assert pyarrow.csv.read_csv(folder / "x.csv")["value"].to_pylist() == [3.5, 1.5, 5.0]


def test_draw_shows_the_prompts_behind_a_cell(folder: Path, run: Command) -> None:
    cell = ("--set", "feature=1/m/end/1", "--set", "group=x")
    assert run("draw", "group_prompts", "listed.jsonl", *cell, "-o", "x.csv").status == 0
    table = pyarrow.csv.read_csv(folder / "x.csv")
    assert table["prompt"].to_pylist() == [0] * 4 + [1] * 4
    none = ("--set", "feature=1/m/end/3", "--set", "group=x")
    assert run("draw", "group_prompts", "listed.jsonl", *none, "-o", "y.csv") == (
        2,
        "",
        "actcore draw: Prompts of 1/m/end/3: it was not measured on a prompt of the group 'x'. "
        "Choose another.\n",
    )
    assert written(folder) == ["x.csv"]
