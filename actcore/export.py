"""Views and Datasets as files: the suffix decides the format; files are written whole or not.

Leaves drawing to the views. A PNG says which characters no font on this machine could draw.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from actcore.dataset import Dataset, long_batches
from actcore.dataset.long import long_schema
from actcore.errors import BadValue, SaveError, UnknownName
from actcore.readers.dump_writer import dump_pieces, not_in_dump
from actcore.views.glyphs import missing
from actcore.views.outlines import outlined
from actcore.views.svg import size_of, with_note
from actcore.views.view import View

#: From here on a picture is large enough without pixels between those of its SVG.
_USUAL_PIXELS = 6_000_000
#: Above it the renderer would need gigabytes.
_MOST_PIXELS = 250_000_000
_NAMED = 8
_SCALE = 2.0


def save(view: View, path: str | os.PathLike[str], *, scale: float | None = None) -> Path:
    """Writes a view, makes the folders it needs, and returns the path.

    `scale` is PNG pixels for each pixel of the SVG: 2, less for large pictures.
    Raises: UnknownName, BadValue, SaveError.
    """
    target = Path(path)
    picture = encode(view, target.suffix, scale=scale)
    write(picture, target)
    return target


def save_dataset(dataset: Dataset, path: str | os.PathLike[str]) -> Path:
    """Writes a Dataset as a long table or a dump, piece by piece; `actcore.read` reads it back.

    Raises: UnknownName, SaveError.
    """
    target = Path(path)
    name = target.suffix.lower().removeprefix(".")
    if name not in DATASETS:
        raise UnknownName("dataset format", target.suffix, DATASETS)
    _write(target, lambda file: DATASETS[name](dataset, file))
    return target


def encode(view: View, suffix: str, *, scale: float | None = None) -> bytes:
    """A view as the bytes of a file with this suffix, with or without its dot.

    Raises: UnknownName, for a suffix; BadValue, for a scale.
    """
    name = suffix.lower().removeprefix(".")
    if name not in PICTURES:
        raise UnknownName("picture format", suffix, PICTURES)
    return PICTURES[name](view, scale)


def write(data: bytes, target: Path) -> None:
    """The bytes in a file that is there whole or as it was before.

    Raises: SaveError.
    """
    _write(target, lambda file: file.write(data))


def _write(target: Path, fill: Callable[[BinaryIO], object]) -> None:
    """`write` for what comes in pieces; no new folder stays without its file."""
    try:
        made = [folder for folder in target.parents if not folder.exists()]
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _replace(target, fill)
        except BaseException:
            for folder in made:
                with contextlib.suppress(OSError):
                    folder.rmdir()
            raise
    except (OSError, ValueError) as error:  # ValueError: no path can be written so
        mend = "Choose a folder and name that can be written."
        said = getattr(error, "strerror", None) or str(error)
        raise SaveError(str(target), said, mend) from error


def _replace(target: Path, fill: Callable[[BinaryIO], object]) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:60]}.")
    begun = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            fill(file)
        begun.chmod(0o666 & ~_umask())
        begun.replace(target)
    except BaseException:
        begun.unlink()
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _png(view: View, scale: float | None) -> bytes:
    import vl_convert

    svg = outlined(view.svg())
    absent = missing(svg)
    if absent:
        svg = with_note(svg, _note(absent))
    width, height = size_of(svg)
    most = (_MOST_PIXELS / (width * height)) ** 0.5
    if scale is None:
        usual = max(1.0, (_USUAL_PIXELS / (width * height)) ** 0.5)
        scale = min(_SCALE, usual, most)
    least = 1 / min(width, height)
    if not least <= scale <= most:
        raise BadValue("scale", scale, f"{least:.2g} to {most:.1f} for this picture")
    return bytes(vl_convert.svg_to_png(svg, scale=scale))


def _note(absent: list[str]) -> str:
    codes = ", ".join(f"U+{ord(character):04X}" for character in absent[:_NAMED])
    more = f" and {len(absent) - _NAMED} more" if len(absent) > _NAMED else ""
    return f"Drawn as boxes, because no font on this machine has them: {codes}{more}."


def csv_bytes(table: pa.Table) -> bytes:
    """A table as CSV; float32 is written with as few digits as name it."""
    from pyarrow import csv

    sink = io.BytesIO()
    csv.write_csv(table, sink)
    return sink.getvalue()


def parquet_bytes(table: pa.Table) -> bytes:
    """A table as a Parquet file."""
    from pyarrow import parquet

    sink = io.BytesIO()
    parquet.write_table(table, sink)
    return sink.getvalue()


def _json(table: pa.Table) -> bytes:
    for at, field in enumerate(table.schema):
        if pa.types.is_float32(field.type):
            table = table.set_column(at, field.name, _shortest(table.column(at)))
    return msgspec.json.encode(table.to_pylist())


def _shortest(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """float32 as float64 with as few digits as name it: 105.41, not 105.41000366210938."""
    return pc.cast(pc.cast(column, pa.string()), pa.float64())


def _long_parquet(dataset: Dataset, file: BinaryIO) -> None:
    from pyarrow import parquet

    with parquet.ParquetWriter(file, long_schema(dataset)) as writer:
        for batch in long_batches(dataset):
            writer.write_batch(batch)


def _long_csv(dataset: Dataset, file: BinaryIO) -> None:
    from pyarrow import csv

    with csv.CSVWriter(file, long_schema(dataset)) as writer:
        for batch in long_batches(dataset):
            writer.write_batch(batch)


def _dump(dataset: Dataset, file: BinaryIO) -> None:
    data = b"".join(dump_pieces(dataset))
    lost = not_in_dump(dataset, data)
    if lost:
        mend = "Write .parquet or .csv, which hold everything."
        raise SaveError(dataset.source.name, f"a dump cannot hold all of its {lost}", mend)
    file.write(data)


PICTURES: dict[str, Callable[[View, float | None], bytes]] = {
    "png": _png,
    "svg": lambda view, _: view.svg().encode(),
    "html": lambda view, _: view.html().encode(),
    "csv": lambda view, _: csv_bytes(view.table),
    "parquet": lambda view, _: parquet_bytes(view.table),
    "json": lambda view, _: _json(view.table),
}
DATASETS: dict[str, Callable[[Dataset, BinaryIO], None]] = {
    "parquet": _long_parquet,
    "csv": _long_csv,
    "json": _dump,
}
FORMATS = tuple(PICTURES)
MIME_TYPES = {
    "png": "image/png",
    "svg": "image/svg+xml",
    "html": "text/html",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "json": "application/json",
}
