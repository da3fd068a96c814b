"""The command line: the files it writes, the numbers in them, and what it says of bad input."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest

from actcore.cli import main
from actcore.figures import FIGURES, draw
from actcore.readers import read
from tests.matrices import samples_file
from tests.test_figures import OF_GROUPS, OF_RELATIONS, OF_SAID
from tests.tiny import LISTED, LIVELY, TINY, dump, probe

ROOT = Path(__file__).parent.parent

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with two small dumps in it."""
    here = tmp_path / "here"
    here.mkdir()
    (here / "lively.json").write_bytes(LIVELY)
    (here / "tiny.json").write_bytes(TINY)
    monkeypatch.chdir(here)
    return here


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command line in that folder: status, output, messages."""
    assert folder == Path.cwd()

    def command(*arguments: str) -> tuple[int, str, str]:
        try:
            status = main(arguments)
        except SystemExit as left:
            status = int(str(left.code))
        out, err = capsys.readouterr()
        return status, out, err

    return command


def written(folder: Path) -> list[str]:
    """Everything in the working folder but its two dumps, empty folders too."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    return sorted(name for name in found if name not in ("lively.json", "tiny.json"))


def files(folder: Path) -> list[str]:
    return [name for name in written(folder) if (folder / name).is_file()]


# ---- tokens


def test_tokens_writes_the_pictures_of_one_probe_where_the_original_did(
    folder: Path, run: Run
) -> None:
    status, out, err = run("tokens", "lively.json", "-k", "2")
    assert (status, out, err) == (0, "3 pictures in output/activation_heatmaps\n", "")
    assert files(folder) == [
        "output/activation_heatmaps/probe_0/combined_heatmap.png",
        "output/activation_heatmaps/probe_0/feature_1-x_5_rank1.png",
        "output/activation_heatmaps/probe_0/feature_3-x_1_rank2.png",
    ]
    assert all((folder / name).read_bytes().startswith(b"\x89PNG") for name in files(folder))


def test_tokens_of_all_probes_or_of_one(folder: Path, run: Run) -> None:
    assert run("tokens", "lively.json", "--all-probes", "--combined-only", "-o", "a")[0] == 0
    assert run("tokens", "lively.json", "--probe-index", "1", "-k", "1", "-o", "b")[0] == 0
    assert files(folder) == [
        "a/probe_0/combined_heatmap.png",
        "a/probe_1/combined_heatmap.png",
        "b/probe_1/combined_heatmap.png",
        "b/probe_1/feature_2-x_3_rank1.png",
    ]


def test_a_prompt_of_special_tokens_alone_is_left_out_of_all(folder: Path, run: Run) -> None:
    probes = [probe("a", ["<bos>"], {"1-x:1": [3.0]}), probe("b", ["x"], {"1-x:1": [1.0]})]
    (folder / "two.json").write_bytes(dump(*probes))
    status, out, err = run("tokens", "two.json", "--all-probes", "--combined-only", "-o", "a")
    assert (status, out) == (0, "1 picture in a\n")
    assert err.startswith("actcore tokens: left out: Peaks of two.json, prompt 0: no feature was")
    assert files(folder / "a") == ["probe_1/combined_heatmap.png"]


@pytest.mark.parametrize("id", ["3-x:1", "1", "3/x/1"])
def test_one_feature_is_stacked_over_all_prompts(folder: Path, run: Run, id: str) -> None:
    name = {"3-x:1": "3-x_1", "1": "1", "3/x/1": "3_x_1"}[id]
    assert run("tokens", "lively.json", "--feature-id", id, "-o", ".", "--format", "csv")[0] == 0
    assert files(folder) == [f"feature_{name}_stacked.csv"]
    table = pyarrow.csv.read_csv(folder / f"feature_{name}_stacked.csv")
    assert set(table["prompt"].to_pylist()) == {"p0", "p1"}
    assert table["value"].to_pylist() == [0, 0, 4, 4, 4, 0, 1, 0]


@pytest.mark.parametrize(
    "flags",
    [
        ["--tokens-per-row", "2"],
        ["--no-values"],
        ["--include-bos"],
        ["--scale", "1"],
        ["--probe-index", "1"],
    ],
)
def test_every_flag_of_tokens_changes_the_pictures(
    folder: Path, run: Run, flags: list[str]
) -> None:
    common = ("tokens", "lively.json", "-k", "1", "-o")
    assert run(*common, "plain")[0] == run(*common, "other", *flags)[0] == 0
    plain, other = (
        {path.read_bytes() for path in (folder / name).rglob("*.png")}
        for name in ("plain", "other")
    )
    assert plain != other


def test_special_tokens_lead_the_ranks_with_include_bos(folder: Path, run: Run) -> None:
    assert run("tokens", "tiny.json", "-k", "1", "--include-bos", "-o", "o")[0] == 0
    assert "o/probe_0/feature_3-x_7_rank1.png" in files(folder)


@pytest.mark.parametrize("format", ["png", "svg", "html", "csv", "parquet", "json"])
def test_tokens_writes_every_format(folder: Path, run: Run, format: str) -> None:
    assert run("tokens", "tiny.json", "-k", "1", "-o", "o", "--format", format)[0] == 0
    assert files(folder) == [
        f"o/probe_0/combined_heatmap.{format}",
        f"o/probe_0/feature_3-x_8_rank1.{format}",
    ]


def test_file_names_of_hostile_sources_stay_inside_the_folder(folder: Path, run: Run) -> None:
    sources = ["../../../etc/x", "/abs", "a\0b", "<img src=x>", "n" * 400, "..", "a:b\\c", "3-é‮x"]
    features = {f"{source}:{index}": [1.0 + index] for index, source in enumerate(sources)}
    (folder / "hostile.json").write_bytes(dump(probe("../p", ["a"], features)))
    assert run("tokens", "hostile.json", "-o", "out/deep")[0] == 0
    assert (
        run("tokens", "hostile.json", "-o", "out/deep", "--feature-id", "../../../etc/x:0")[0] == 0
    )
    made = [name for name in files(folder) if name != "hostile.json"]
    assert len(made) == 1 + len(sources) + 1
    assert all(name.startswith("out/deep/") for name in made)
    assert all(Path(name).name.isascii() and len(Path(name).name) < 160 for name in made)


# ---- draw


def test_draw_writes_the_columns_that_others_rely_on_at_full_precision(
    folder: Path, run: Run
) -> None:
    needed = {
        "top_features": ["prompt", "rank", "layer", "site", "index", "peak", "position", "text"],
        "feature_by_token": ["prompt", "layer", "site", "index", "position", "text", "value"],
    }
    for figure, columns in needed.items():
        assert run("draw", figure, "tiny.json", "-o", f"{figure}.csv") == (0, f"{figure}.csv\n", "")
        found = pyarrow.csv.read_csv(folder / f"{figure}.csv").column_names
        assert found[: len(columns)] == columns
    values = pyarrow.csv.read_csv(folder / "feature_by_token.csv")["value"].to_numpy()
    assert values.astype(np.float32).tolist() == [0, 0, 4, 9, 1.5, np.float32(0.1)]
    assert '" b",4,false\n' in (folder / "feature_by_token.csv").read_text()


@pytest.mark.parametrize("figure", FIGURES)
def test_draw_draws_what_python_draws(folder: Path, run: Run, figure: str) -> None:
    name = "listed.jsonl" if figure in OF_GROUPS else "lively.json"
    if figure in OF_SAID:
        code, _, refused = run("draw", figure, name, "-o", "x.svg")
        assert (code, "no model was asked" in refused) == (2, True)
        return
    if figure in OF_RELATIONS:
        name = samples_file(folder / "samples.npz").name
    (folder / "listed.jsonl").write_bytes(LISTED)
    assert run("draw", figure, name, "-o", "new/folder/x.svg")[0] == 0
    drawn = (folder / "new/folder/x.svg").read_text(encoding="utf-8")
    assert drawn == draw(figure, read(name)).svg()


def test_draw_takes_settings_and_several_inputs(folder: Path, run: Run) -> None:
    settings = ["--set", "prompt=p", "--set", "k=all", "--set", "order=id", "--set", "find=3/"]
    assert (
        run("draw", "top_features", "lively.json", "tiny.json", *settings, "-o", "x.parquet")[0]
        == 0
    )
    table = pyarrow.parquet.read_table(folder / "x.parquet")
    assert table["index"].to_pylist() == [7, 8]
    assert set(table["prompt"].to_pylist()) == {"p"}


def test_a_setting_may_hold_an_equals_sign(folder: Path, run: Run) -> None:
    (folder / "eq.json").write_bytes(dump(probe("a=b", ["t"], {"1-x:1": [1]})))
    assert run("draw", "token_strip", "eq.json", "--set", "prompt=a=b", "-o", "x.svg")[0] == 0


def test_scale_multiplies_the_pixels_of_a_png(folder: Path, run: Run) -> None:
    for scale in ("1", "2"):
        assert (
            run("draw", "top_features", "tiny.json", "--scale", scale, "-o", f"{scale}.png")[0] == 0
        )
    widths = [int.from_bytes((folder / f"{s}.png").read_bytes()[16:20]) for s in (1, 2)]
    assert widths[1] == pytest.approx(2 * widths[0], abs=1)


# ---- info and convert


def test_info_as_json_has_exactly_the_promised_keys(run: Run) -> None:
    status, out, _ = run("info", "--json", "tiny.json", "lively.json")
    first, second = (json.loads(line) for line in out.splitlines())
    assert status == 0
    assert first.pop("digest") == read(TINY, name="tiny.json").source.digest
    assert first == {
        "reader": "activation dump",
        "unit": "activation",
        "absent": "zero",
        "n_prompts": 1,
        "n_tokens": 3,
        "n_features": 2,
        "n_measured": 6,
        "n_active": 4,
        "n_special": 1,
    }
    assert second["n_prompts"] == 2


def test_info_says_the_same_in_words(run: Run) -> None:
    status, out, _ = run("info", "tiny.json")
    lines = out.splitlines()
    assert (status, lines[0]) == (0, "tiny.json")
    assert "  n_measured  6" in lines
    assert "  reader      activation dump" in lines


def test_what_a_file_says_cannot_steer_the_terminal(folder: Path, run: Run) -> None:
    row = "prompt,position,text,feature,value,unit\np,0,a,1,2.0,\x1b[2Jbad\n"
    (folder / "steer.csv").write_text(row)
    status, out, _ = run("info", "steer.csv")
    assert status == 0
    assert "\x1b" not in out
    (folder / "two\nlines\x1b.json").write_text("{")
    status, _, err = run("info", "two\nlines\x1b.json")
    assert status == 2
    assert "\x1b" not in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("suffix", ["csv", "parquet", "json"])
def test_convert_writes_what_reads_back_as_the_same_dataset(run: Run, suffix: str) -> None:
    assert run("convert", "lively.json", "-o", f"there.{suffix}")[0] == 0
    assert run("convert", f"there.{suffix}", "-o", "back.parquet")[0] == 0
    first, back = read("lively.json"), read("back.parquet")
    for table in ("prompts", "tokens", "features", "activations"):
        assert getattr(first, table).to_pydict() == getattr(back, table).to_pydict()
    assert (first.source.unit, first.source.absent) == (back.source.unit, back.source.absent)


def test_convert_puts_several_inputs_together(folder: Path, run: Run) -> None:
    assert run("convert", "lively.json", "tiny.json", "-o", "all.csv")[0] == 0
    assert read(folder / "all.csv").prompts["id"].to_pylist() == ["p0", "p1", "p"]


# ---- bad input

GOOD = json.loads(LIVELY)


def changed(**parts: object) -> bytes:
    """A dump whose first probe has other parts."""
    return json.dumps({**GOOD, "results": [{**GOOD["results"][0], **parts}]}).encode()


ROW = {"source": "1-x", "index": 5, "values": [0.0] * 5}
BAD_FILES = {
    "truncated.json": LIVELY[:-20],
    "empty.json": b"",
    "blank.json": b"  \n",
    "list.json": b"[1, 2]",
    "number.json": b"7",
    "no_results.json": b'{"model": "m"}',
    "no_probe.json": b'{"results": []}',
    "tokens_text.json": changed(tokens="abc"),
    "token_number.json": changed(tokens=["a", 1, "b", "c", "d"]),
    "short_values.json": changed(activations=[{**ROW, "values": [1.0]}]),
    "text_value.json": changed(activations=[{**ROW, "values": ["1", 0, 0, 0, 0]}]),
    "negative_index.json": changed(activations=[{**ROW, "index": -1}]),
    "twice.json": changed(activations=[ROW, ROW]),
    "nan.json": LIVELY.replace(b"50", b"NaN"),
    "infinity.json": LIVELY.replace(b"50", b"1e999"),
    "huge.json": LIVELY.replace(b"50", b"1e300"),
    "deep.json": b'{"results": ' + b"[" * 100_000,
    "long_token.json": changed(tokens=["x" * 10_000_000, "a", "b", "c", "d"]),
    "mark.json": b"\xef\xbb\xbf" + LIVELY,
    "utf16.json": LIVELY.decode().encode("utf-16"),
    "latin.json": LIVELY.replace(b'"m"', b'"\xe9"'),
    "table.json": b"prompt,position,text,feature,value\np,0,a,1,2.0\n",
    "dump.csv": LIVELY,
    "words.csv": b"prompt,position,text,feature,value\np,0,a,1,much\n",
    "columns.csv": b"a,b\n1,2\n",
    "bytes.parquet": b"PAR1" + bytes(40),
    "picture.png": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "broken.json.gz": gzip.compress(LIVELY)[:-10],
    "bomb.json.gz": gzip.compress(bytes(100 << 20)),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_said_in_one_line_and_leaves_nothing(
    folder: Path, run: Run, name: str
) -> None:
    (folder / name).write_bytes(BAD_FILES[name])
    status, out, err = run("tokens", name, "-o", "out/deep")
    assert (status, out) == (2, "")
    assert err.startswith(f"actcore tokens: {name}")
    assert err.endswith(".\n")
    assert err.count("\n") == 1
    assert len(err) < 600
    assert written(folder) == [name]


WRONG_USE: dict[str, tuple[list[str], str]] = {
    "no command": ([], "actcore: the following arguments are required: COMMAND. See"),
    "unknown command": (["tokns"], "actcore: argument COMMAND: invalid choice: 'tokns'"),
    "no input": (["tokens"], "actcore tokens: the following arguments are required: dump."),
    "missing file": (["info", "gone.json"], "actcore info: gone.json: the file cannot be opened"),
    "a folder": (
        ["info", "."],
        "actcore info: here: no reader knows this folder. Looked for: activation dump",
    ),
    "probe too far": (
        ["tokens", "lively.json", "--probe-index", "2"],
        "actcore tokens: --probe-index is 2. Allowed: 0 to 1.",
    ),
    "negative probe": (
        ["tokens", "lively.json", "--probe-index", "-1"],
        "actcore tokens: --probe-index is -1. Allowed: 0 to 1.",
    ),
    "both probes": (
        ["tokens", "lively.json", "--probe-index", "1", "--all-probes"],
        "actcore tokens: argument --all-probes: not allowed with argument --probe-index.",
    ),
    "no features": (["tokens", "lively.json", "-k", "0"], "actcore tokens: k is 0."),
    "k in words": (["tokens", "lively.json", "-k", "two"], "actcore tokens: argument -k/--top-k"),
    "negative row": (
        ["tokens", "lively.json", "--tokens-per-row", "-1"],
        "actcore tokens: tokens_per_row is -1. Allowed: 0 or more.",
    ),
    "unknown feature": (
        ["tokens", "lively.json", "--feature-id", "9-x:9"],
        "actcore tokens: No feature '9-x:9'. Nearest:",
    ),
    "format": (["tokens", "lively.json", "--format", "gif"], "actcore tokens: argument --format"),
    "no scale": (["tokens", "lively.json", "--scale", "0"], "actcore tokens: scale is 0.0."),
    "scale nan": (["tokens", "lively.json", "--scale", "nan"], "actcore tokens: scale is nan."),
    "scale too large": (
        ["tokens", "lively.json", "--scale", "1000"],
        "actcore tokens: scale is 1000.0. Allowed: 0.00",
    ),
    "unknown figure": (
        ["draw", "strip", "lively.json", "-o", "x.png"],
        "actcore draw: argument FIGURE: invalid choice: 'strip'",
    ),
    "unknown setting": (
        ["draw", "token_strip", "lively.json", "--set", "colour=1", "-o", "new/x.png"],
        "actcore draw: No setting 'colour'.",
    ),
    "setting without value": (
        ["draw", "token_strip", "lively.json", "--set", "k", "-o", "new/x.png"],
        "actcore draw: --set is 'k'. Allowed: NAME=VALUE, such as k=5.",
    ),
    "value of a setting": (
        ["draw", "token_strip", "lively.json", "--set", "log=maybe", "-o", "new/x.png"],
        "actcore draw: log is 'maybe'. Allowed: yes or no.",
    ),
    "suffix": (
        ["draw", "token_strip", "lively.json", "-o", "new/x.gif"],
        "actcore draw: No picture format '.gif'. Nearest:",
    ),
    "no suffix": (
        ["draw", "token_strip", "lively.json", "-o", "new/x"],
        "actcore draw: No picture format ''. Nearest:",
    ),
    "output below a file": (
        ["draw", "token_strip", "lively.json", "-o", "tiny.json/x.png"],
        "actcore draw: tiny.json/x.png: ",
    ),
    "output folder is a file": (
        ["tokens", "lively.json", "-o", "tiny.json"],
        "actcore tokens: tiny.json/probe_0/combined_heatmap.png: ",
    ),
    "output name too long": (
        ["draw", "token_strip", "lively.json", "-o", f"new/{'x' * 300}.svg"],
        "actcore draw: new/xxx",
    ),
    "same prompts twice": (
        ["convert", "lively.json", "lively.json", "-o", "new/x.csv"],
        "actcore convert: The prompt id 'p0' is in two of them.",
    ),
    "dataset format": (
        ["convert", "lively.json", "-o", "new/x.png"],
        "actcore convert: No dataset format '.png'. Nearest:",
    ),
}


@pytest.mark.parametrize("case", WRONG_USE)
def test_wrong_use_is_said_in_one_line_and_leaves_nothing(
    folder: Path, run: Run, case: str
) -> None:
    arguments, begins = WRONG_USE[case]
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith(begins)
    assert err.endswith(".\n")
    assert err.count("\n") == 1
    assert written(folder) == []


def test_a_failure_leaves_an_older_picture_as_it_was(folder: Path, run: Run) -> None:
    assert run("draw", "token_strip", "lively.json", "-o", "x.svg")[0] == 0
    before = (folder / "x.svg").read_bytes()
    assert run("draw", "token_strip", "lively.json", "--set", "k=0", "-o", "x.svg")[0] == 2
    assert (folder / "x.svg").read_bytes() == before


# ---- the process itself


def test_as_a_process_it_loads_none_of_the_slow_packages(folder: Path) -> None:
    slow = ("pandas", "altair", "streamlit", "torch", "transformers", "plotly", "matplotlib")
    code = (
        "import runpy, sys\n"
        "try: runpy.run_module('actcore', run_name='__main__', alter_sys=True)\n"
        "except SystemExit as left: print(left.code)\n"
        f"print([name for name in {slow} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "tokens", folder / "lively.json", "-o", folder / "out"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[1:] == ["0", "[]"]
    assert done.stderr == ""
    assert len(files(folder)) == 4


def test_a_failing_process_exits_with_2_and_no_traceback(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "actcore", "info", folder / "gone.json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_a_process_whose_output_nobody_reads_ends_without_a_word(folder: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "actcore", "info", "lively.json"],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_an_interrupted_start_ends_without_a_traceback() -> None:
    code = (
        "import sys, actcore.__main__\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'actcore.cli': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "sys.modules.pop('actcore.cli', None)\n"
        "actcore.__main__.run()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
