"""The rows of a long table as a Dataset.

Leaves the file they come from to `actcore.readers.table.files`, the canonical form to
`actcore.dataset`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from actcore.dataset import Absent, Dataset, Source, assemble
from actcore.dataset.core import LARGEST, Bools, Floats, Ints
from actcore.dataset.long import NUMBER, TEXT
from actcore.errors import ReadError, shortened
from actcore.readers.content import LONGEST_TOKEN, Content
from actcore.readers.table.files import KNOWN, plain_name, type_of
from actcore.schema import FEATURES, LAYER_COUNTS, PROMPT_VALUES, PROMPTS, TOKENS
from actcore.special import is_special


class Rows:
    """The rows of a long table, and what they say of prompts, tokens, features and the source.

    Rows are told to the user as a spreadsheet counts them: the header is row 1.
    """

    def __init__(self, content: Content, table: pa.Table) -> None:
        self.content = content
        for field in KNOWN:
            if field.name not in table.column_names:
                nothing = pa.nulls(len(table), type_of(field.name))
                table = table.append_column(field.name, nothing)
        self.table = table
        self._refuse_negative()
        self._refuse_halves()

    def dataset(self) -> Dataset:
        """The Dataset that the rows tell of."""
        ids, prompt = self._prompts()
        keys, token = self._owners("position", prompt, self._numbers("position"))
        features, feature = self._features()
        value = self.table["value"].fill_null(np.nan).to_numpy()
        cells = np.flatnonzero(~np.isnan(value))
        self._refuse_cells(value[cells], cells, token[cells] * 2**32 + feature[cells])
        others = {
            "layer_counts": self._layer_counts(token),
            "prompt_values": self._prompt_values(prompt, feature),
        }
        return assemble(
            prompts=self._table(PROMPTS, [ids], prompt, ("prompt_text", "group")),
            tokens=self._tokens(keys, token),
            features=features,
            cells=(token[cells], feature[cells], value[cells].astype(np.float32)),
            source=self._source(),
            others=others,
        )

    def _wrong(self, row: int, wrong: str, mend: str) -> ReadError:
        return self.content.wrong(f"row {row + 2}", wrong, mend)

    def _given(self, name: str) -> Bools:
        return cast(Bools, self.table[name].is_valid().to_numpy())

    def _numbers(self, name: str) -> Ints:
        """A column of whole numbers, -1 for null."""
        return cast(Ints, self.table[name].cast(pa.int64()).fill_null(-1).to_numpy())

    def _refuse(self, rows: Bools, wrong: str, mend: str) -> None:
        """Raises: ReadError naming the first row that is marked."""
        if rows.any():
            raise self._wrong(int(np.argmax(rows)), wrong, mend)

    def _refuse_negative(self) -> None:
        for name in ("position", "layer", "feature", "n_active"):
            negative = self._given(name) & (self._numbers(name) < 0)
            self._refuse(negative, f"{name} is negative", "Write a whole number from 0 up.")

    def _refuse_halves(self) -> None:
        position = self._given("position")
        value = ~pc.is_null(self.table["value"], nan_is_null=True).to_numpy()
        mend = "Fill in the cell, or leave out the row."
        self._refuse(position & ~self._given("prompt"), "a position without a prompt", mend)
        self._refuse(value & ~position, "a value without a position", mend)
        self._refuse(value & ~self._given("feature"), "a value without a feature", mend)
        count, layer = self._given("n_active"), self._given("layer")
        self._refuse(count & ~position, "a count without a position", mend)
        self._refuse(count & ~layer, "a count without a layer", mend)
        of_prompt = ~pc.is_null(self.table["prompt_value"], nan_is_null=True).to_numpy()
        self._refuse(of_prompt & ~self._given("prompt"), "a prompt_value without a prompt", mend)
        self._refuse(of_prompt & ~self._given("feature"), "a prompt_value without a feature", mend)
        lengths = pc.utf8_length(self.table["text"]).fill_null(0).to_numpy()
        longest = f"The longest that is read has {LONGEST_TOKEN:,} characters."
        self._refuse(lengths > LONGEST_TOKEN, "this text is too long for a token", longest)

    def _refuse_cells(self, value: Floats, rows: Ints, pair: Ints) -> None:
        self._refuse_unheld(value, rows)
        self._refuse_twice(pair, rows, "the same feature on the same token")

    def _refuse_unheld(self, value: Floats, rows: Ints) -> None:
        unheld = np.flatnonzero(~(np.abs(value) <= LARGEST))
        if len(unheld):
            wrong = f"{value[unheld[0]]} is beyond float32"
            raise self._wrong(rows[unheld[0]], wrong, "Values up to 3.4e38 can be held.")

    def _refuse_twice(self, key: Ints, rows: Ints, what: str) -> None:
        order = np.argsort(key, kind="stable")
        again = np.flatnonzero(np.diff(key[order]) == 0)
        if len(again):
            first, second = rows[order[again[0]]], rows[order[again[0] + 1]]
            raise self._wrong(second, f"{what} as in row {first + 2}", "Keep one of the two.")

    def _prompts(self) -> tuple[pa.Array, Ints]:
        """The prompt ids, and each row's place among them, -1 for none.

        In the order of the rows that declare prompts, then of first appearance.
        """
        encoded = self.table["prompt"].combine_chunks().dictionary_encode()
        code = encoded.indices.fill_null(-1).to_numpy().astype(np.int64)
        declared = code[(code >= 0) & ~self._given("position")]
        every, first = np.unique(np.concatenate([declared, code[code >= 0]]), return_index=True)
        order = every[np.argsort(first)]
        place = np.full(len(order) + 1, -1)  # the last one is that of -1
        place[order] = np.arange(len(order))
        return encoded.dictionary.take(pa.array(order)), place[code]

    def _owners(self, given: str, *parts: Ints) -> tuple[tuple[Ints, ...], Ints]:
        """The distinct tuples of the parts, sorted, and each row's place there, -1 for none."""
        rows = np.flatnonzero(self._given(given))
        order = rows[np.lexsort([part[rows] for part in reversed(parts)])]
        change = np.zeros(len(order), bool)
        for part in parts:
            change[1:] |= np.diff(part[order]) != 0
        owner = np.full(len(self.table), -1)
        owner[order] = np.cumsum(change)
        starts = order[np.flatnonzero(change | (np.arange(len(order)) == 0))]
        return tuple(part[starts] for part in parts), owner

    def _facts(self, name: str, owner: Ints, n: int) -> pa.Array:
        """What the rows of each of n owners say in a column; null where none says anything.

        Raises: ReadError, where two rows of one owner say different things.
        """
        column = self.table[name].combine_chunks()
        rows = np.flatnonzero(self._given(name) & (owner >= 0))
        first = np.full(n, -1)
        first[owner[rows[::-1]]] = rows[::-1]
        code = column.dictionary_encode().indices.fill_null(-1).to_numpy()
        other = rows[code[rows] != code[first[owner[rows]]]]
        if len(other):
            before = first[owner[other[0]]]
            said = f"{name} is {shortened(column[other[0]].as_py())}"
            wrong = f"{said}, but {shortened(column[before].as_py())} in row {before + 2}"
            raise self._wrong(other[0], wrong, "Both rows name the same; make them agree.")
        return column.take(pa.array(first, mask=first < 0))

    def _table(
        self, schema: pa.Schema, keys: Sequence[object], owner: Ints, facts: Sequence[str]
    ) -> pa.Table:
        """A table of the keys of owners and of what the rows say of each."""
        n = len(keys[0])  # type: ignore[arg-type]
        return pa.table([*keys, *(self._facts(name, owner, n) for name in facts)], schema=schema)

    def _tokens(self, keys: tuple[Ints, ...], token: Ints) -> pa.Table:
        prompt, position = keys
        n = len(prompt)
        text = self._facts("text", token, n).fill_null("")
        special = self._facts("special", token, n)
        by_name = pa.array([is_special(words) for words in text.to_pylist()], pa.bool_())
        columns = [pa.array(prompt, pa.int32()), pa.array(position, pa.int32()), text]
        return pa.table([*columns, pc.coalesce(special, by_name)], schema=TOKENS)

    def _features(self) -> tuple[pa.Table, Ints]:
        sites = self.table["site"].fill_null("unknown").combine_chunks().dictionary_encode()
        code = sites.indices.to_numpy().astype(np.int64)
        parts = (self._numbers("layer"), code, self._numbers("feature"))
        (layer, site, index), feature = self._owners("feature", *parts)
        n = len(layer)
        further = [field for field in self.table.schema if field.name.startswith((NUMBER, TEXT))]
        names = [*FEATURES.names[3:], *(field.name for field in further)]
        keys = [
            pa.array(layer.astype(np.int16), mask=layer < 0),
            sites.dictionary.take(pa.array(site)),
            pa.array(index),
        ]
        facts = [self._facts(name, feature, n) for name in names]
        renamed = [field.with_name(plain_name(field.name)) for field in further]
        return pa.table(keys + facts, schema=pa.schema([*FEATURES, *renamed])), feature

    def _layer_counts(self, token: Ints) -> pa.Table:
        rows = np.flatnonzero(self._given("n_active"))
        layer, n_active = self._numbers("layer")[rows], self._numbers("n_active")[rows]
        self._refuse_twice(
            token[rows] * 2**32 + layer, rows, "a count of the same layer on the same token"
        )
        return _columns(LAYER_COUNTS, token[rows], layer, n_active)

    def _prompt_values(self, prompt: Ints, feature: Ints) -> pa.Table:
        value = self.table["prompt_value"].fill_null(np.nan).to_numpy()
        rows = np.flatnonzero(~np.isnan(value))
        self._refuse_unheld(value[rows], rows)
        pair = prompt[rows] * 2**32 + feature[rows]
        self._refuse_twice(pair, rows, "a value of the same feature for the same prompt")
        return _columns(PROMPT_VALUES, prompt[rows], feature[rows], value[rows])

    def _source(self) -> Source:
        everywhere = np.zeros(len(self.table), np.int64)
        names = ("unit", "absent", "model", "sae")
        unit, absent, model, sae = (self._facts(name, everywhere, 1)[0].as_py() for name in names)
        if absent not in (None, *get_args(Absent)):
            wrong = f"{shortened(absent)} is neither zero nor unmeasured"
            mend = "Write one of them, or leave the column out."
            raise self.content.wrong("column absent", wrong, mend)
        return Source(
            name=self.content.name,
            unit=unit or "activation",
            absent=absent or "unmeasured",
            reader="long table",
            digest=self.content.digest,
            model=model,
            sae=sae,
        )


def _columns(schema: pa.Schema, *columns: Ints | Floats) -> pa.Table:
    """A table of these columns, each with the type that the schema gives it."""
    pairs = zip(columns, schema.types, strict=True)
    return pa.table(
        [pa.array(column).cast(kind, safe=False) for column, kind in pairs], schema=schema
    )
