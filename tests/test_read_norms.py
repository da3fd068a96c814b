"""CSVs of neuron norms against the csv module, and what is refused in them."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actcore.dataset import Dataset, concat
from actcore.errors import ReadError
from actcore.readers import norms, read
from actcore.readers.content import Content
from actcore.sites import FeatureId
from tests.strategies import texts, values
from tests.test_dataset import same

COLUMNS = ("Token_Pos", "Token", "Layer", "Neuron_ID", "Activation_Norm")
#: A comma, line breaks, equal texts apart, a gap after position 2, a layer that one token lacks.
ROWS = (
    ("0", "<s>", "22", "7", "1.5"),
    ("1", "▁a,", "22", "7", "0.1"),
    ("1", "▁a,", "22", "3", "-2"),
    ("2", "\n", "31", "7", "3e38"),
    ("5", "▁a,", "22", "7", "0"),
)


def written(rows: Sequence[Sequence[str]], header: Sequence[str] = COLUMNS) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue().encode()


def opened(data: bytes, name: str = "run.csv") -> Dataset:
    content = Content(data, name)
    assert norms.claims(content)
    return norms.read(content)


def refusal(data: bytes) -> str:
    with pytest.raises(ReadError) as caught:
        opened(data)
    return str(caught.value)


def by_the_csv_module(data: bytes) -> set[tuple[int, str, FeatureId, float]]:
    """Position, text, neuron and value of every row that has one."""
    rows = csv.DictReader(io.StringIO(data.decode(), newline=""))
    return {
        (
            int(row["Token_Pos"]),
            row["Token"],
            FeatureId(int(row["Layer"]), "mlp_out", int(row["Neuron_ID"])),
            float(np.float32(row["Activation_Norm"])),
        )
        for row in rows
        if row["Activation_Norm"] not in ("", "nan")
    }


def found(dataset: Dataset) -> set[tuple[int, str, FeatureId, float]]:
    """The same of a Dataset."""
    tokens, features = dataset.tokens.to_pylist(), dataset.feature_ids
    return {
        (tokens[token]["position"], tokens[token]["text"], features[feature], float(value))
        for token, feature, value in zip(*dataset.cells, strict=True)
    }


def test_a_run_is_a_prompt_of_neurons_by_position() -> None:
    dataset = opened(written(ROWS))
    assert dataset.prompts.to_pylist() == [{"id": "run", "text": None, "group": "run"}]
    tokens = [tuple(token.values()) for token in dataset.tokens.to_pylist()]
    assert tokens == [
        (0, 0, "<s>", True),
        (0, 1, "▁a,", False),
        (0, 2, "\n", False),
        (0, 5, "▁a,", False),
    ]
    assert list(map(str, dataset.feature_ids)) == ["22/mlp_out/3", "22/mlp_out/7", "31/mlp_out/7"]
    cells = [(token, feature) for token, feature, _ in zip(*dataset.cells, strict=True)]
    assert cells == [(0, 1), (1, 0), (1, 1), (2, 2), (3, 1)]
    assert dataset.activations["value"].to_numpy().tolist() == [
        *(1.5, -2.0, np.float32(0.1), np.float32(3e38), 0.0)
    ]
    source = dataset.source
    assert (source.unit, source.absent, source.reader) == ("norm", "unmeasured", "neuron norms")


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("critical_run_2.csv", "critical_run_2"),
        ("neutral.CSV.gz", "neutral"),
        ("a.csv.csv", "a.csv"),
        ("notes.txt", "notes.txt"),
        (".csv", ".csv"),
    ],
)
def test_the_name_of_the_file_is_the_run(name: str, run: str) -> None:
    prompt = opened(written(ROWS), name).prompts.to_pylist()[0]
    assert (prompt["id"], prompt["group"]) == (run, run)


def test_several_runs_go_together_as_prompts() -> None:
    both = concat([opened(written(ROWS), "a.csv"), opened(written(ROWS[:2]), "b.csv")])
    assert both.prompts["group"].to_pylist() == ["a", "b"]
    assert (both.n_measured, len(both.feature_ids)) == (7, 3)


def turned(rows: Sequence[Sequence[str]]) -> bytes:
    """The columns in another order, and one more before and after them."""
    backwards = [["note", *reversed(row), "x,y"] for row in rows]
    return written(backwards, ["", *reversed(COLUMNS), "Note"])


def quoted(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([COLUMNS, *rows])
    return text.getvalue().encode()


@pytest.mark.parametrize(
    "write",
    [
        turned,
        quoted,
        lambda rows: gzip.compress(written(rows)),
        lambda rows: written(rows)[:-1],
        lambda rows: written(rows[::-1]),
    ],
)
def test_the_way_a_csv_is_written_does_not_matter(
    write: Callable[[Sequence[Sequence[str]]], bytes],
) -> None:
    assert same(opened(write(ROWS)), opened(written(ROWS)))


def test_line_ends_of_windows_do_not_matter() -> None:
    rows = [row for row in ROWS if row[1] != "\n"]
    assert same(opened(written(rows).replace(b"\n", b"\r\n")), opened(written(rows)))


@pytest.mark.parametrize("empty", ["", "nan", "NaN"])
def test_a_row_without_a_value_only_declares_its_token_and_neuron(empty: str) -> None:
    dataset = opened(written([*ROWS, ("9", "z", "31", "8", empty)]))
    assert dataset.n_measured == len(ROWS)
    assert dataset.tokens["position"].to_pylist() == [0, 1, 2, 5, 9]
    assert dataset.feature_ids[-1] == FeatureId(31, "mlp_out", 8)


def test_a_token_may_be_an_empty_text() -> None:
    assert opened(written([("0", "", "1", "2", "3")])).tokens["text"].to_pylist() == [""]


def test_a_run_with_every_neuron_on_every_token_is_complete() -> None:
    pairs = [(position, neuron) for position in "01" for neuron in "57"]
    dataset = opened(written([(at, "a", "3", neuron, at) for at, neuron in pairs]))
    assert (dataset.source.absent, dataset.n_measured, dataset.n_active) == ("zero", 4, 2)


@pytest.mark.parametrize("name", ["critical_sample.csv", "neutral_sample.csv"])
def test_a_real_run_is_what_the_csv_module_reads(name: str, real_data: Path) -> None:
    path = real_data / "002" / name
    dataset = opened(path.read_bytes(), name)
    assert dataset.n_measured == 140
    assert found(dataset) == by_the_csv_module(path.read_bytes())


@pytest.mark.parametrize("run", ["birth_city", "university"])
def test_a_demo_run_is_what_the_csv_module_reads(run: str, sample: Callable[[str], Path]) -> None:
    data = sample(f"demo_neurons_{run}.csv").read_bytes()
    assert found(opened(data)) == by_the_csv_module(data)


cell = st.tuples(st.integers(0, 9), st.integers(0, 2), st.integers(0, 5))


@given(st.dictionaries(cell, values, min_size=1), st.lists(texts, min_size=10, max_size=10))
def test_any_run_is_read_as_the_csv_module_reads_it(
    cells: dict[tuple[int, int, int], float], tokens: list[str]
) -> None:
    rows = [
        (str(position), tokens[position], str(layer), str(neuron), repr(value))
        for (position, layer, neuron), value in cells.items()
    ]
    data = quoted(rows)
    dataset = opened(data)
    wanted = by_the_csv_module(data)
    if dataset.source.absent == "zero":
        wanted = {row for row in wanted if row[3]}
    assert found(dataset) == wanted


def changed(row: int, column: str, cell: str) -> bytes:
    """The rows with one cell changed; rows are told as a spreadsheet counts them."""
    rows = [list(cells) for cells in ROWS]
    rows[row - 2][COLUMNS.index(column)] = cell
    return written(rows)


WHOLE = "Write a whole number from 0 up."
KNOWN = "Leave the cell empty if it is not known."


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            written([*ROWS, ROWS[1]]),
            "row 7: the same feature on the same token as in row 3. Keep one of the two.",
        ),
        (
            changed(4, "Token", "b"),
            "row 4: text is 'b', but '▁a,' in row 3. Both rows name the same; make them agree.",
        ),
        (
            changed(4, "Token", ""),
            "row 4: text is '', but '▁a,' in row 3. Both rows name the same; make them agree.",
        ),
        (
            changed(3, "Layer", "-1"),
            "row 3: Layer is -1. Write a whole number from 0 to 32,767.",
        ),
        (
            changed(3, "Layer", "32768"),
            "row 3: Layer is 32768. Write a whole number from 0 to 32,767.",
        ),
        (
            changed(5, "Token_Pos", ""),
            "row 5: Token_Pos is empty. Write a whole number from 0 to 2,147,483,647.",
        ),
        (
            changed(6, "Neuron_ID", "-7"),
            "row 6: Neuron_ID is -7. Write a whole number from 0 to 9,223,372,036,854,775,807.",
        ),
        (
            changed(6, "Neuron_ID", "1.0"),
            f"row 6, column Neuron_ID: '1.0' is not a whole number. {WHOLE}",
        ),
        (
            changed(2, "Token_Pos", "x"),
            f"row 2, column Token_Pos: 'x' is not a whole number. {WHOLE}",
        ),
        (
            changed(5, "Activation_Norm", "n/a"),
            f"row 5, column Activation_Norm: 'n/a' is not a number. {KNOWN}",
        ),
        (
            changed(5, "Activation_Norm", "1,5"),
            f"row 5, column Activation_Norm: '1,5' is not a number. {KNOWN}",
        ),
        (
            changed(4, "Activation_Norm", "-inf"),
            "row 4: -inf is beyond float32. Values up to 3.4e38 can be held.",
        ),
        (
            changed(4, "Activation_Norm", "3.5e38"),
            "row 4: 3.5e+38 is beyond float32. Values up to 3.4e38 can be held.",
        ),
        (
            written(ROWS).replace(b"22,3,-2", b"22,3"),
            "row 4: Expected 5 columns, got 4. Mend or remove that row.",
        ),
        (
            written([(*row, "1") for row in ROWS], [*COLUMNS, "Layer"]),
            "the header: the column Layer is there twice. Rename one of them.",
        ),
        (
            changed(3, "Token", "é").decode().encode("latin-1", "replace"),
            "row 3, column Token: invalid UTF8 data. Save the file as UTF-8.",
        ),
        (written([]), "there is no row below the header. Export it again."),
        (
            b'Layer,Neuron_ID,Activation_Norm,Token_Pos,Token\n1,2,3,0,"a\n1,3,3,1,b\n1,3,3,2,c\n',
            "line 2: a quotation mark is never closed. "
            "Close it, or double each quotation mark within a cell.",
        ),
        (
            changed(3, "Token", "a" * 10_001),
            "row 3: this text is too long for a token. "
            "The longest that is read has 10,000 characters.",
        ),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_with_what_is_wrong(data: bytes, said: str) -> None:
    separator = ", " if said.startswith(("row", "line", "the header")) else ": "
    assert refusal(data) == f"run.csv{separator}{said}"


@pytest.mark.parametrize(
    "header",
    [
        "Layer,Neuron_ID,Old_Norm,New_Norm",
        "token_pos,token,layer,neuron_id,activation_norm",
    ],
)
def test_other_tables_are_not_taken_for_norms(header: str) -> None:
    assert not norms.claims(Content(f"{header}\n0,1,2,3,4\n".encode(), "x.csv"))


def test_the_boost_log_is_read_by_no_reader(real_data: Path) -> None:
    with pytest.raises(ReadError) as caught:
        read(real_data / "002" / "mlp_boost_log.csv")
    assert "no reader knows this CSV file. Looked for: " in str(caught.value)
    assert "Activation_Norm" in str(caught.value)


@pytest.mark.parametrize("name", COLUMNS)
def test_a_missing_column_is_named(name: str) -> None:
    names = [other for other in COLUMNS if other != name]
    said = refusal((",".join(names) + "\n" + ",".join("1111") + "\n").encode())
    assert said == (
        f"run.csv, the header: there is no column {name}. "
        "Neuron norms need Token_Pos, Token, Layer, Neuron_ID, Activation_Norm."
    )
