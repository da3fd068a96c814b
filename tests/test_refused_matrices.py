"""What is wrong with matrices of the co-activation job is said with its file and its remedy."""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actcore.errors import ReadError
from actcore.readers import read
from tests.matrices import results_folder, samples_file
from tests.test_content import archive
from tests.test_mutated_dumps import broken, survives
from tests.test_read import refusal
from tests.test_read_matrices import edit, npy, remove, without, zipped

GOOD = npy(np.arange(6.0).reshape(2, 3))
RUN = "Take the files of one run."
AGAIN = "Export the file again."
COPY = "Export or copy the file again."
NUMPY = "Write it with numpy.save."
ENDS = f"the array ends before it is complete. {COPY}"
HEADER = f"its header is not that of a NumPy array. {NUMPY}"
PICKLED = "it holds pickled Python objects, which are never opened. Save it as numbers or text."
FIELDS, FLOAT = "Save one array for each field.", "Save float32 or float64."
AXES = "[relations, features] or [layers, relations, features]"


def pickled(array: object) -> bytes:
    file = io.BytesIO()
    np.save(file, np.asarray(array, object), allow_pickle=True)
    return file.getvalue()


def headed(header: str, numbers: bytes = bytes(48)) -> bytes:
    """A file with that header, written by hand."""
    words = header.encode("latin-1")
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(words)) + words + numbers


def header(descr: str = "'<f8'", shape: str = "(2, 3)", fortran: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (pickled([[1, 2]]), PICKLED),
        (npy(np.ones((2, 3), complex)), "it holds complex numbers. Save real ones."),
        (npy(np.ones(2, "f4,f4")), f"it holds records of several fields. {FIELDS}"),
        (npy(np.zeros((2, 2), "V3")), f"it holds records of several fields. {FIELDS}"),
        (npy([[b"a"]]), "it holds text as bytes. Save it as text: array.astype(str)."),
        (npy([["a"]]), f"it holds text. Save numbers {AXES}."),
        (npy(np.zeros((1, 1), "M8[s]")), f"it holds values of the type '<M8[s]'. {FLOAT}"),
        (npy(np.ones((2, 2), "g")), f"it holds values of the type '<f16'. {FLOAT}"),
        (npy(5.0), f"it is a single number. Save an array {AXES}."),
        (npy([1.0, 2.0]), f"its shape is (2,). Save an array {AXES}."),
        (npy(np.ones((1, 1, 1, 1))), f"its shape is (1, 1, 1, 1). Save an array {AXES}."),
        (npy(np.ones((0, 3))), "it is empty: its shape is (0, 3). Save it with what was measured."),
        (GOOD[:-1], ENDS),
        (GOOD[:50], ENDS),
        (GOOD[:9], ENDS),
        (GOOD + b"\0", f"more bytes follow than the shape (2, 3) takes. {NUMPY}"),
        (headed(header(shape="(999999999999, 999999999999)")), ENDS),
        (headed(header(shape="(" + "9" * 19 + ", 3)")), HEADER),
        (headed(header(shape="(-2, 3)")), HEADER),
        (headed(header(shape="(2.0, 3)")), HEADER),
        (headed(header(shape="(" + "1," * 40 + ")")), HEADER),
        (headed(header(fortran="__import__('os')")), HEADER),
        (headed("{'descr': '<f8', 'shape': (2, 3)}"), HEADER),
        (headed(header() + "x"), HEADER),
        (headed(" " * 20_000), HEADER),
        (headed(""), HEADER),
        (headed(header(descr="'<f8")), HEADER),
        (headed(header(descr="'|U0'")), f"it holds values of the type '|U0'. {FLOAT}"),
    ],
)
def test_an_array_that_is_no_matrix_says_why(data: bytes, said: str) -> None:
    assert refusal(data, "x.npy") == f"x.npy: {said}"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.nan, "nan is no measurement. Save a finite number there."),
        (-np.inf, "-inf is no measurement. Save a finite number there."),
        (1e39, "1e+39 is beyond float32. Values up to 3.4e38 can be held."),
    ],
)
def test_a_value_that_is_no_measurement_is_placed(value: float, said: str) -> None:
    every = np.zeros((2, 3, 4))
    every[1, 2, 3] = value
    where = "row 2, column 3 (counted from 0)"
    assert refusal(npy(every[1]), "x.npy") == f"x.npy, {where}: {said}"
    assert refusal(npy(every), "x.npy") == f"x.npy, layer 1, {where}: {said}"


def test_a_bad_value_in_a_later_block_is_placed() -> None:
    matrix = np.zeros((70, 70_000), np.float32)
    matrix[69, 5] = np.nan
    where = "row 69, column 5 (counted from 0)"
    said = "nan is no measurement. Save a finite number there."
    assert refusal(npy(matrix), "x.npy") == f"x.npy, {where}: {said}"


def test_samples_without_labels_are_no_relations() -> None:
    said = (
        "x.npy: 1,001 rows look like samples, not like relations. Save them as an .npz with a "
        "second array, `labels`: the relation of each sample."
    )
    assert refusal(npy(np.ones((1001, 3))), "x.npy") == said
    assert read(npy(np.ones((1000, 3))), name="x.npy").prompts.num_rows == 1000


def test_too_many_layers_are_refused() -> None:
    said = "x.npy: 1,001 layers. At most 1,000 are read from one array."
    assert refusal(npy(np.ones((1001, 2, 3))), "x.npy") == said


def test_an_array_in_a_file_of_another_name_is_told_its_name() -> None:
    said = "the name says CSV, but the content is NumPy array. Rename it to 'x.npy'."
    assert refusal(GOOD, "x.csv") == f"x.csv: {said}"
    said = "the name says NumPy array, but the content is CSV. Rename it to 'x.csv'."
    assert refusal(b"a,b\n1,2\n", "x.npy") == f"x.npy: {said}"


def with_array(name: str, array: object) -> Callable[[Path], object]:
    return lambda folder: np.save(folder / name, np.asarray(array))


def with_bytes(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(data)


def with_json(name: str, content: object) -> Callable[[Path], object]:
    return with_bytes(name, json.dumps(content).encode())


def but_row_1(folder: Path) -> None:
    for layer in ("layer00", "layer06"):
        edit(folder / f"{layer}_common_features.json", without("birth_city"))
    remove(folder, "sample_relations.npy")


NAN = np.where(np.arange(33).reshape(3, 11) == 14, np.nan, 1.0)
MATRIX, STATISTICS = "layer06_activation_matrix.npy", "layer06_statistics.json"
COMMON, SHARES = "layer06_common_features.json", "layer06_consistency.npy"
SLOTS, RELATION = "layer06_slot_samples.npy", "sample_relations.npy"
SUMMARY = "analysis_summary.json"
SEE = "See the README for the format."
OTHER_NAMES = f"its relations are not those of the other files, or in another order. {RUN}"
OTHER_NUMBERS = f"its numbers of samples are not those of layer00_common_features.json. {RUN}"
SHAPE = "as the other files say"
ONE = {"relation_slots": [0.0] * 3}
FEW = {"n_samples": 5, "n_consistent_features": 1, "n_consistent_free": 1}
THREE = ("birth_date", "birth_city", "employer")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            with_array(MATRIX, NAN),
            f"/{MATRIX}, row 1, column 3 (counted from 0): nan is no measurement. Save a finite "
            "number there.",
        ),
        (
            with_bytes(MATRIX, pickled(np.ones((3, 11)))),
            f"/{MATRIX}: {PICKLED}",
        ),
        (
            with_array(MATRIX, np.ones(33)),
            f"/{MATRIX}: its shape is (33,). Save an array [relations, features].",
        ),
        (
            with_array(MATRIX, np.ones((1, 3, 11))),
            f"/{MATRIX}: its shape is (1, 3, 11). Save an array [relations, features].",
        ),
        (
            with_array(MATRIX, np.ones((4, 11))),
            f"/{MATRIX}: 4 rows, but 3 in layer00_activation_matrix.npy. {RUN}",
        ),
        (
            with_array(MATRIX, np.ones((3, 3))),
            f"/{MATRIX}: 3 columns, of which 3 are slots. Slots are the last columns; there must "
            "be free features before them.",
        ),
        (
            with_array(MATRIX, np.ones((1001, 3))),
            f"/{MATRIX}: 1,001 rows. At most 1,000 relations are read.",
        ),
        (with_bytes(MATRIX, b"x" * 30), f"/{MATRIX}: this is no NumPy array. {NUMPY}"),
        (with_bytes(MATRIX, b""), f"/{MATRIX}: this is no NumPy array. {NUMPY}"),
        (
            with_array("layer6_activation_matrix.npy", np.ones((3, 11))),
            f"/layer6_activation_matrix.npy: it is of the same layer as {MATRIX}. Keep one of the "
            "two.",
        ),
        (
            with_json("layer07_statistics.json", {}),
            "/layer07_statistics.json: there is no matrix of layer 7 beside it. Add "
            "layer07_activation_matrix.npy, or take this file away.",
        ),
        (with_json(STATISTICS, {}), f"/{STATISTICS}: there is no relation in it. {AGAIN}"),
        (with_json(STATISTICS, [1]), f"/{STATISTICS}: Expected `object`, got `array`. {SEE}"),
        (
            with_json(STATISTICS, {name: {"relation_slots": 3} for name in THREE}),
            f"/{STATISTICS}, birth_date.relation_slots: Expected `array | null`, got `int`. {SEE}",
        ),
        (
            with_json(STATISTICS, {"birth_date": {}}),
            f"/{STATISTICS}, birth_date: there is neither relation_slots nor all_features_mean. "
            f"{AGAIN}",
        ),
        (
            with_json(STATISTICS, {"a": ONE, "b": {"relation_slots": [1.0]}}),
            f"/{STATISTICS}, b: 1 slots, but 3 in a. All relations of a layer have the same slots.",
        ),
        (
            with_json(STATISTICS, {"a": ONE, "b": ONE}),
            f"/{STATISTICS}: 2 relations, but the matrices have 3 rows. {RUN}",
        ),
        (with_json(STATISTICS, dict.fromkeys("abc", ONE)), f"/{STATISTICS}: {OTHER_NAMES}"),
        (
            with_bytes(STATISTICS, b'{"a": '),
            f"/{STATISTICS}: the JSON ends before it is complete. {COPY}",
        ),
        (
            with_bytes(STATISTICS, b""),
            f"/{STATISTICS}: the file is empty. Export or copy it again.",
        ),
        (
            with_bytes(STATISTICS, b'{"a": {"relation_slots": [NaN]}}'),
            f"/{STATISTICS}, line 1, column 27: NaN is no number in JSON. Where nothing was "
            "measured, write null.",
        ),
        (with_json(SUMMARY, {"relations": ["a", "b", "c"]}), f"/{SUMMARY}: {OTHER_NAMES}"),
        (
            with_json(SUMMARY, {"n_relation": -1}),
            f"/{SUMMARY}, n_relation: Expected `int` >= 0. {SEE}",
        ),
        (
            with_json(COMMON, dict.fromkeys((*THREE, "major"), FEW)),
            f"/{COMMON}: 'major' is no relation of the other files. {RUN}",
        ),
        (
            with_json(COMMON, {"employer": {"n_samples": 5}}),
            f"/{COMMON}, employer: Object missing required field `n_consistent_features`. {SEE}",
        ),
        (
            with_json(COMMON, dict.fromkeys(THREE, FEW | {"n_samples": 4})),
            f"/{COMMON}: {OTHER_NUMBERS}",
        ),
        (
            with_array(RELATION, np.arange(15) % 2),
            f"/{RELATION}: {OTHER_NUMBERS}",
        ),
        (
            with_array(RELATION, np.arange(15)),
            f"/{RELATION}, sample 3: 3 is no row of the matrices, which have 3. Rows and samples "
            "count from 0.",
        ),
        (with_array(RELATION, np.ones(15)), f"/{RELATION}: it holds float64. Save int64."),
        (
            with_array(SHARES, np.ones((3, 10))),
            f"/{SHARES}: its shape is (3, 10), not (3, 11) {SHAPE}. {RUN}",
        ),
        (
            with_array(SHARES, np.where(np.isnan(NAN), 1.5, 1.0)),
            f"/{SHARES}, row 1, column 3 (counted from 0): 1.5 is no share. Save for each feature "
            "the share of samples on which it is active.",
        ),
        (
            with_array(SHARES, NAN),
            f"/{SHARES}, row 1, column 3 (counted from 0): nan is no share. Save for each feature "
            "the share of samples on which it is active.",
        ),
        (
            with_array(SLOTS, np.ones((14, 3))),
            f"/{SLOTS}: its shape is (14, 3), not (15, 3) {SHAPE}. {RUN}",
        ),
        (
            with_array(SLOTS, np.full((15, 3), np.nan)),
            f"/{SLOTS}, row 0, column 0 (counted from 0): nan is no measurement. Save a finite "
            "number there.",
        ),
        (
            lambda folder: remove(folder, RELATION),
            f"/layer00_slot_samples.npy: {RELATION} is not there. Add it: the relation of each "
            "sample.",
        ),
        (
            lambda folder: np.save(folder / SLOTS, np.full((15, 3), 2.0)),
            f"/{SLOTS}: the mean of slot 0 in 'birth_date' is 2, but 2.021 in the matrix. {RUN}",
        ),
        (
            but_row_1,
            "/layer00_activation_matrix.npy, row 1: 'birth_city' has values, but no samples. "
            f"{RUN}",
        ),
    ],
)
def test_results_that_do_not_fit_say_why(
    tmp_path: Path, change: Callable[[Path], object], said: str
) -> None:
    folder = results_folder(tmp_path / "r", ours=True)
    change(folder)
    with pytest.raises(ReadError) as folder_error:
        read(folder)
    assert str(folder_error.value) == f"r{said}"
    with pytest.raises(ReadError) as zip_error:
        read(zipped(folder), name="r.zip")
    assert str(zip_error.value) == f"r.zip{said}"


@pytest.mark.parametrize(
    ("names", "wrong"),
    [
        (["a", "a", "b"], "a relation is named twice"),
        (["a", "b", "c" * 10_001], "a name is longer than 10,000 characters"),
        (["a"], "1 relations, but the matrices have 3 rows"),
    ],
)
def test_names_that_cannot_be_are_refused(tmp_path: Path, names: list[str], wrong: str) -> None:
    folder = results_folder(tmp_path / "r")
    remove(folder, "*_statistics.json", "*_common*")
    with_json(SUMMARY, {"relations": names})(folder)
    with pytest.raises(ReadError) as caught:
        read(folder)
    assert str(caught.value) == f"r/{SUMMARY}: {wrong}. {RUN}"


def test_results_without_any_sample_are_refused(tmp_path: Path) -> None:
    folder = results_folder(tmp_path / "r", layers=[0])
    np.save(folder / "layer00_activation_matrix.npy", np.zeros((3, 11)))
    with_json("layer00_common_features.json", {})(folder)
    with pytest.raises(ReadError) as caught:
        read(folder)
    assert str(caught.value) == "r: no relation has a sample. Run the job with questions."


def test_a_link_in_a_folder_is_not_followed(tmp_path: Path) -> None:
    folder = results_folder(tmp_path / "r")
    (folder / "layer07_activation_matrix.npy").symlink_to(folder / MATRIX)
    with pytest.raises(ReadError) as caught:
        read(folder)
    said = "it is a link, which is not followed. Put the file itself there."
    assert str(caught.value) == f"r/layer07_activation_matrix.npy: {said}"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in the file system here")
def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "layer00_activation_matrix.npy")
    with pytest.raises(ReadError) as caught:
        read(tmp_path)
    wrong = "the file cannot be opened (it is no ordinary file)"
    place = f"{tmp_path.name}/layer00_activation_matrix.npy"
    assert str(caught.value) == f"{place}: {wrong}. Check the path and its permissions."


def linked(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return info


A, B = "layer0_activation_matrix.npy", "layer1_activation_matrix.npy"
PACK = "Pack the folder again."


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (
            [("a/" + A, GOOD), ("b/" + B, GOOD)],
            "its files are in different folders: 'a', 'b'. Pack one folder, or read one at a time.",
        ),
        ([("../" + A, GOOD)], f"the name '../{A}' in it leads out of its folder. {PACK}"),
        ([("/etc/" + A, GOOD)], f"the name '/etc/{A}' in it leads out of its folder. {PACK}"),
        ([("a\\" + A, GOOD)], f"the name 'a\\\\{A}' in it leads out of its folder. {PACK}"),
        (
            [("a" * 300 + ".npy", GOOD)],
            f"the name '{'a' * 39}…{'a' * 15}.npy' (306 characters) in it is too long. At most 255 "
            "characters are read.",
        ),
        ([("a/1.npy", GOOD)] * 2, f"'a/1.npy' is in it twice. {PACK}"),
        (
            [(f"{at}.json", b"{}") for at in range(10_001)],
            "there are 10,001 files in it. At most 10,000 are read as one.",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_of_odd_names_is_refused(entries: list[tuple[str, bytes]], said: str) -> None:
    assert refusal(archive(*entries), "x.zip") == f"x.zip: {said}"


def test_what_a_computer_put_beside_the_files_of_a_zip_is_left_out() -> None:
    junk = (f"__MACOSX/r/._{A}", b"junk"), ("r/.hidden.npy", b"junk"), ("r/more/x.png", b"junk")
    data = archive(("r/", b""), ("r/" + A, GOOD), *junk)
    assert read(data, name="x.zip").features.num_rows == 3


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            archive((linked(A), b"/etc/passwd")),
            "it is a link, which is not followed. Pack the file itself.",
        ),
        (
            archive((A, GOOD), method=zipfile.ZIP_BZIP2),
            "it is encrypted or packed in an unusual way. Pack it again, deflated or stored.",
        ),
        (
            archive((A, GOOD)).replace(GOOD[-9:], b"\x05" * 9),
            "the zip data is damaged. Copy the file again.",
        ),
        (
            archive((A, GOOD)).replace(struct.pack("<L", len(GOOD)), b"\x20\0\0\0"),
            "the zip data is damaged. Copy the file again.",
        ),
    ],
)
def test_a_file_in_a_zip_that_cannot_be_unpacked_says_why(data: bytes, said: str) -> None:
    assert refusal(data, "x.zip") == f"x.zip/{A}: {said}"


def test_a_zip_of_nothing_known_is_told_what_was_looked_for() -> None:
    said = "x.zip: no reader knows this zip file. Looked for: activation dump ("
    assert refusal(archive(("a.png", b"x")), "x.zip").startswith(said)
    assert refusal(archive(), "x.zip").startswith(said)


FEW_FILES = {
    "x.npy": GOOD,
    "y.npy": npy(np.ones((2, 2, 2), ">f4")),
    "x.zip": archive((A, GOOD), ("layer0_statistics.json", json.dumps({"a": ONE}).encode())),
}


@pytest.mark.parametrize("name", FEW_FILES)
def test_every_cut_is_refused(name: str) -> None:
    for stop in range(len(FEW_FILES[name])):
        refusal(FEW_FILES[name][:stop], name)


def test_every_flipped_bit_of_a_header_is_read_or_refused() -> None:
    for at in range(8 * 130):
        data = bytearray(GOOD)
        data[at // 8] ^= 1 << at % 8
        survives(bytes(data), "x.npy")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("files")
    samples = samples_file(folder / "s.npz", layers=[0]).read_bytes()
    results = zipped(results_folder(folder / "r", layers=[0], n=2, ours=True))
    return {**FEW_FILES, "s.npz": samples, "r.zip": results}


@pytest.mark.parametrize("name", [*FEW_FILES, "s.npz", "r.zip"])
@settings(max_examples=80, suppress_health_check=list(HealthCheck))
@given(drawn=st.data())
def test_broken_bytes_are_read_or_refused(
    files: dict[str, bytes], name: str, drawn: st.DataObject
) -> None:
    survives(drawn.draw(broken(files[name])), name)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(drawn=st.data())
def test_broken_files_in_a_zip_are_read_or_refused(
    files: dict[str, bytes], drawn: st.DataObject
) -> None:
    with zipfile.ZipFile(io.BytesIO(files["r.zip"])) as zip_file:
        contents = {name: zip_file.read(name) for name in zip_file.namelist()}
    name = drawn.draw(st.sampled_from(sorted(contents)))
    contents[name] = drawn.draw(broken(contents[name]))
    survives(archive(*contents.items()), "x.zip")
