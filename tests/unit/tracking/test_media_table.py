"""Tables: rows and columns of all kinds come back with their types."""

from __future__ import annotations

import datetime
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notabene.errors import UsageError
from notabene.model.values import (
    Column,
    TableValue,
    digests_in,
    gunzipped,
    read_as,
    read_page,
    read_table,
)
from notabene.tracking import media_table
from notabene.tracking.media_base import Text
from notabene.tracking.media_image import Image
from notabene.tracking.media_png import png
from notabene.tracking.media_table import Table


def stored(table: Table) -> tuple[TableValue, dict[str, list[Any]], dict[str, str]]:
    """What is recorded of a table: its value, and cells and types by column."""
    encoded = table.encode()
    assert encoded.kind == "table"
    data = encoded.blobs[0].data
    assert data is not None
    found = read_table(data)
    cells = {c.name: part for c, part in zip(found.columns, found.cells, strict=True)}
    return read_as(TableValue, encoded.value), cells, {c.name: c.type for c in found.columns}


def same(a: Any, b: Any) -> bool:
    """Equal; NaN is equal to NaN, and types count."""
    return repr(a) == repr(b)


class TestSources:
    """What a table can be made from."""

    @pytest.mark.parametrize(
        "table",
        [
            lambda: Table(["a", "b"], [[1, "x"], [2, "y"]]),
            lambda: Table(columns=("a", "b"), data=((1, "x"), (2, "y"))),
            lambda: Table(data={"a": [1, 2], "b": ["x", "y"]}),
            lambda: Table(["a", "b"], {"b": ["x", "y"], "c": [0, 0], "a": np.array([1, 2])}),
            lambda: Table(data=[{"a": 1, "b": "x"}, {"b": "y", "a": 2}]),
            lambda: Table(["a", "b"], data=iter([[1, "x"], np.array([2, "y"], dtype=object)])),
        ],
        ids=["rows", "tuples", "columns", "chosen", "mappings", "iterator"],
    )
    def test_one_table_in_many_forms(self, table: Any):
        """Rows, columns and mappings of either make the same table."""
        value, cells, types = stored(table())
        assert cells == {"a": [1, 2], "b": ["x", "y"]}
        assert types == {"a": "int", "b": "text"}
        assert (value.rows, value.width) == (2, 2)
        assert value.columns == (Column("a", "int"), Column("b", "text"))

    def test_rows_are_added_one_by_one(self):
        """add_data() takes a cell an argument, add_column() a cell a row."""
        table = Table(["a", "b"])
        table.add_data(1, "x")
        table.add_data(2, "y")
        table.add_column("c", np.array([0.5, 1.5]))
        assert table.columns == ("a", "b", "c")
        assert len(table) == 2
        assert table.column("c") == [0.5, 1.5]
        assert stored(table)[1] == {"a": [1, 2], "b": ["x", "y"], "c": [0.5, 1.5]}

    def test_columns_without_names_are_numbered(self):
        """Rows without names, of a list, an array or add_data(), have the columns 0, 1 ..."""
        assert stored(Table(data=[[1, 2]]))[1] == {"0": [1], "1": [2]}
        assert stored(Table(data=np.array([[1.5, 2.5]])))[1] == {"0": [1.5], "1": [2.5]}
        table = Table()
        table.add_data(1, 2)
        assert stored(table)[1] == {"0": [1], "1": [2]}

    def test_empty_tables(self):
        """A table without rows, or without anything, is a table."""
        value, cells, types = stored(Table(["a"]))
        assert (value.rows, cells, types) == (0, {"a": []}, {"a": "empty"})
        assert stored(Table())[0].width == 0
        assert stored(Table(data=[]))[0].rows == 0

    def test_rows_by_name_may_lack_cells(self):
        """A mapping without a name has null there."""
        assert stored(Table(data=[{"a": 1}, {"b": 2}]))[1] == {"a": [1, None], "b": [None, 2]}

    def test_names_that_come_twice(self):
        """Each column keeps its cells under a name of its own."""
        assert list(stored(Table(["a", "a", 3], [[1, 2, 3]]))[1]) == ["a", "a~2", "3"]

    def test_pandas(self):
        """A frame comes with its types; an index that is not just a count becomes columns."""
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame(
            {
                "i": [1, 2],
                "f": [0.5, math.nan],
                "s": ["a", None],
                "t": pandas.to_datetime(["2026-01-02", None]),
                "n": pandas.array([1, None], dtype="Int64"),
                "c": pandas.Categorical(["x", "y"]),
            }
        )
        _, cells, types = stored(Table(dataframe=frame))
        assert types == {
            "i": "int",
            "f": "float",
            "s": "text",
            "t": "time",
            "n": "int",
            "c": "text",
        }
        assert cells["t"] == ["2026-01-02T00:00:00", None]
        assert cells["n"] == [1, None]
        assert math.isnan(cells["f"][1])
        assert list(stored(Table(["s", "i"], dataframe=frame))[1]) == ["s", "i"]
        indexed = frame.set_index(["i", "s"])[["f"]]
        assert list(stored(Table(dataframe=indexed))[1]) == ["i", "s", "f"]
        assert list(stored(Table(data=frame.iloc[::-1][["i"]]))[1]) in (["i"], ["index", "i"])

    def test_polars_and_arrow(self):
        """Frames of polars and tables and batches of Arrow come with their types."""
        polars = pytest.importorskip("polars")
        arrow = pytest.importorskip("pyarrow")
        data = {"i": [1, None], "d": [datetime.date(2026, 1, 2), None], "l": [[1, 2], None]}
        for frame in (
            polars.DataFrame(data),
            arrow.table(data),
            arrow.RecordBatch.from_pydict(data),
        ):
            _, cells, types = stored(Table(dataframe=frame))
            assert cells == {"i": [1, None], "d": ["2026-01-02", None], "l": [[1, 2], None]}
            assert types == {"i": "int", "d": "time", "l": "json"}

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ({"columns": "ab"}, "is one text"),
            (
                {"columns": ["a"], "data": [[1, 2]]},
                "a row has 2 cells, but the table has 1 columns",
            ),
            ({"data": [[1], [1, 2]]}, "a row has 2 cells"),
            ({"data": {"a": [1], "b": [1, 2]}}, "must have as many"),
            ({"data": [1, 2]}, "must be a sequence of cells, not int"),
            ({"data": ["ab"]}, "must be a sequence of cells, not str"),
            ({"data": 3}, "not from int"),
            ({"data": {"a": 3}}, "not from int"),
            ({"data": np.zeros(3)}, "two axes are"),
            ({"dataframe": [[1]]}, "takes a frame"),
            ({"columns": ["x"], "data": {"a": [1]}}, "no column 'x' .it has a"),
        ],
        ids=str,
    )
    def test_what_is_no_table(self, arguments: dict[str, Any], said: str):
        """Data that does not fit is refused at once, with its sizes or types."""
        with pytest.raises(UsageError, match=said):
            Table(**arguments)

    def test_wrong_additions(self):
        """A row or column that does not fit is refused, and nothing is added."""
        table = Table(["a"], [[1]])
        for wrong in (
            lambda: table.add_data(1, 2),
            lambda: table.add_column("b", [1, 2]),
            lambda: table.add_column("a", [1]),
            lambda: table.column("b"),
            lambda: Table(dataframe=1, data=[]),
        ):
            with pytest.raises(UsageError):
                wrong()
        assert (table.columns, len(table)) == (("a",), 1)


CELLS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=5)
)


class TestCells:
    """Types and values."""

    @given(st.lists(st.lists(st.none() | st.floats(), min_size=2, max_size=2), max_size=8))
    def test_floats_come_back(self, rows: list[list[float | None]]):
        """Every float, NaN and the infinities too, comes back as it was, and null as null."""
        _, cells, types = stored(Table(["a", "b"], rows))
        for index, name in enumerate("ab"):
            assert same(cells[name], [row[index] for row in rows])
            assert types[name] in ("float", "empty")

    @given(st.lists(CELLS, max_size=8))
    def test_mixed_cells_come_back(self, column: list[Any]):
        """Cells of several types come back; only the non-finite beside texts become texts."""
        _, cells, types = stored(Table(["a"], [[cell] for cell in column]))
        for given_, kept in zip(column, cells["a"], strict=True):
            if isinstance(given_, float) and not math.isfinite(given_):
                assert same(float(kept), given_)
            elif types["a"] == "float" and given_ is not None:
                assert kept == float(given_)
            else:
                assert same(kept, given_)

    @pytest.mark.parametrize(
        ("column", "type_", "kept"),
        [
            ([1, None], "int", [1, None]),
            ([1, 0.5], "float", [1.0, 0.5]),
            ([True, None], "bool", [True, None]),
            ([True, 1], "mixed", [True, 1]),
            ([2**70], "text", [str(2**70)]),
            ([1, 2**70], "mixed", [1, str(2**70)]),
            ([None, None], "empty", [None, None]),
            ([datetime.date(2026, 1, 2)], "time", ["2026-01-02"]),
            ([[1, math.nan], {"a": 1}], "json", [[1, "NaN"], {"a": 1}]),
            ([np.float32(0.5), 1], "float", [0.5, 1.0]),
            ([np.int8(3)], "int", [3]),
            ([np.arange(2)], "json", [[0, 1]]),
            (["\ud800"], "text", ["?"]),
            (["a", 1], "mixed", ["a", 1]),
        ],
        ids=str,
    )
    def test_types_of_columns(self, column: list[Any], type_: str, kept: list[Any]):
        """A column's type is the narrowest that holds its cells."""
        _, cells, types = stored(Table(["a"], [[cell] for cell in column]))
        assert types["a"] == type_
        assert same(cells["a"], kept)

    def test_long_texts_are_not_cut(self):
        """A cell may hold a long text."""
        assert stored(Table(["a"], [["x" * 100_000]]))[1]["a"] == ["x" * 100_000]

    def test_what_had_to_become_text_is_noted(self):
        """Cells without a JSON form are texts, and the table says how many."""
        value, cells, _ = stored(Table(["a"], [[object()], [np.zeros(5000)]]))
        assert cells["a"][1] == "<ndarray 5000 float64>"
        assert len(value.notes) == 1
        assert value.notes[0].endswith("in 1 cells")

    def test_media_lie_in_the_pack(self):
        """Pictures in cells are in one blob; each cell says where, and what it is."""
        image = pytest.importorskip("PIL.Image")
        pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
        rows = [
            [Image(pixels, caption="a"), Text("hello")],
            [image.fromarray(pixels), None],
            [Image(pixels), Text("x" * 10_000)],
        ]
        encoded = Table(["picture", "text"], rows).encode()
        blob, pack = encoded.blobs
        found = read_table(blob.data or b"")
        assert [c.type for c in found.columns] == ["media", "media"]
        assert found.cells[0][0]["kind"] == "image"
        assert found.cells[0][0]["value"]["caption"] == "a"
        assert found.cells[1][0]["value"]["text"] == "hello"
        ref = found.cells[0][2]["value"]["file"]
        assert (pack.data or b"")[ref["at"] : ref["at"] + ref["size"]] == png(pixels[:, :, None])
        assert set(digests_in(encoded.value)) == {blob.digest, pack.digest}


class TestBytes:
    """How a table is stored."""

    def test_equal_tables_have_equal_bytes(self):
        """The same cells give the same digest, however they were put in."""
        table = Table(["a", "b"])
        for i in range(100):
            table.add_data(i, i / 7)
        other = Table(data={"a": list(range(100)), "b": [i / 7 for i in range(100)]})
        assert table.encode() == other.encode()

    def test_pages_can_be_read_alone(self, monkeypatch: pytest.MonkeyPatch):
        """Rows lie in pages; each can be read by the place that the value names."""
        monkeypatch.setattr(media_table, "PAGE_ROWS", 10)
        encoded = Table(["a"], [[i] for i in range(25)]).encode()
        value, data = read_as(TableValue, encoded.value), encoded.blobs[0].data or b""
        assert [page.rows for page in value.pages] == [10, 10, 5]
        last = value.pages[-1]
        line = gunzipped(data[last.at : last.at + last.size])
        assert read_page(value.columns, line) == [[20, 21, 22, 23, 24]]
        assert last.at + last.size == len(data)
        assert read_table(data).cells == ([*range(25)],)

    def test_the_list_of_pages_stays_short(self, monkeypatch: pytest.MonkeyPatch):
        """Very long tables have longer pages, not more of them."""
        monkeypatch.setattr(media_table, "PAGE_ROWS", 1)
        monkeypatch.setattr(media_table, "MAX_PAGES", 4)
        value, cells, _ = stored(Table(["a"], [[i] for i in range(10)]))
        assert len(value.pages) <= 4
        assert cells["a"] == [*range(10)]

    def test_wide_tables_name_their_first_columns(self):
        """A record never grows with the width: the file alone has all names."""
        names = ["x" * 1000 + str(i) for i in range(1000)]
        value, cells, _ = stored(Table(names, [list(range(1000))]))
        assert (value.width, len(value.columns)) == (1000, 256)
        assert all(len(column.name) <= 250 for column in value.columns)
        assert list(cells) == names

    def test_later_changes_do_not_show(self):
        """What is encoded is the table of that moment."""
        table = Table(["a"], [[1]])
        encoded = table.encode()
        table.add_data(2)
        assert read_table(encoded.blobs[0].data or b"").cells == ([1],)
        assert stored(table)[0].rows == 2
