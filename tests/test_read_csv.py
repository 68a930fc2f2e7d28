"""`read_csv`: any user's file, read right or refused with a message that says what to do."""

from __future__ import annotations

import codecs
import csv
import io
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_edu.errors import DataError
from tinygrad_edu.train.csv_reader import MISSING
from tinygrad_edu.train.datasets import Table, read_csv


def read(text: str, **options) -> Table:
    return read_csv(io.StringIO(text), **options)


def refused(text: str | bytes, **options) -> str:
    source = io.StringIO(text) if isinstance(text, str) else io.BytesIO(text)
    with pytest.raises(DataError) as caught:
        read_csv(source, **options)
    return str(caught.value)


def lines(header: str, make, count: int = 12) -> str:
    return header + "\n" + "".join(f"{make(i)}\n" for i in range(count))


# --- what is written is what is read -------------------------------------------------------------

WORDS = st.text("abc äßé,;|\t\"'\n._-019", max_size=8).map(lambda s: ("w" + s).strip())
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-2000, 2000).map(lambda x: round(x, 3)),
    st.integers(-10_000_000, 10_000_000),
)
MISSING_WORDS = st.sampled_from(sorted(MISSING - {"-"}))


@st.composite
def columns(draw) -> dict[str, list[float | str | None]]:
    """A table with words and numbers, missing values, and one column that is never missing."""
    count = draw(st.integers(1, 8))
    names = draw(st.lists(st.text("xyzäß ", min_size=1), min_size=1, max_size=3))
    kinds = [draw(st.sampled_from([WORDS, NUMBERS])) for _ in names]
    table: dict[str, list[float | str | None]] = {
        f"k{j}{' '.join(name.split())}": draw(
            st.lists(st.none() | kind, min_size=count, max_size=count)
        )
        for j, (name, kind) in enumerate(zip(names, kinds, strict=True))
    }
    table["whole"] = draw(st.lists(WORDS, min_size=count, max_size=count))
    return table


def written(table: dict[str, list[float | str | None]], gone: str, decimal: str, **dialect) -> str:
    def cell(value: float | str | None) -> str:
        if value is None:
            return gone
        return value if isinstance(value, str) else repr(value).replace(".", decimal)

    stream = io.StringIO(newline="")
    writer = csv.writer(stream, **dialect)
    writer.writerow(table)
    writer.writerows([[cell(v) for v in row] for row in zip(*table.values(), strict=True)])
    return stream.getvalue()


def same(column, values: list[float | str | None]) -> bool:
    if all(value is None for value in values):
        return column.kind == "empty" and column.missing == len(values)
    if isinstance(next(value for value in values if value is not None), str):
        return column.numbers is None and list(column.cells) == values
    expected = [math.nan if value is None else float(value) for value in values]
    return column.numbers is not None and np.array_equal(column.numbers, expected, equal_nan=True)


@settings(max_examples=200, deadline=None)
@given(
    table=columns(),
    gone=MISSING_WORDS,
    layout=st.sampled_from([(",", "."), *((d, s) for d in ";\t|" for s in ".,")]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    ending=st.sampled_from(["\n", "\r\n"]),
)
def test_every_dialect_and_encoding_reads_back(table, gone, layout, encoding, quoting, ending):
    delimiter, decimal = layout
    dialect = {"delimiter": delimiter, "quoting": quoting, "lineterminator": ending}
    text = written(table, gone, decimal, **dialect)
    found = read_csv(io.BytesIO(text.encode(encoding)))
    assert found.names == tuple(table)
    for name, values in table.items():
        assert same(found[name], values), (name, values, found[name])


@given(st.text(',;|\t"\r\n x1.-5a', max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_table_or_a_data_error(text):
    try:
        table = read(text)
    except DataError:
        return
    assert len(table) >= 1
    assert len({len(column) for column in table}) == 1


@given(st.binary(max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_table_or_a_data_error(data):
    try:
        table = read_csv(io.BytesIO(data))
    except DataError:
        return
    assert len(table) >= 1


# --- encodings -----------------------------------------------------------------------------------

UMLAUT = "größe;art\n1,5;ä\n2,5;ß\n4,5;ä\n"


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8-sig", "read as UTF-8 (it has a byte-order mark)"),
        ("utf-16", "read as UTF-16 (it has a byte-order mark)"),
        ("utf-32", "read as UTF-32 (it has a byte-order mark)"),
        ("utf-16-le", "read as UTF-16-LE (every other byte is zero; no byte-order mark)"),
        ("utf-16-be", "read as UTF-16-BE (every other byte is zero; no byte-order mark)"),
        ("cp1252", "read as cp1252, because byte 0xF6 in line 1 is not valid UTF-8"),
    ],
)
def test_encodings_are_recognised_and_told(tmp_path: Path, encoding: str, told: str):
    path = tmp_path / "t.csv"
    path.write_bytes(UMLAUT.encode(encoding))
    table = read_csv(path)
    assert told in table.notes
    assert table["größe"].numbers.tolist() == [1.5, 2.5, 4.5]
    assert table["art"].cells == ("ä", "ß", "ä")


def test_plain_utf8_needs_no_note():
    assert not any("read as" in note for note in read_csv(io.BytesIO(UMLAUT.encode())).notes)


def test_big_endian_mark_and_explicit_encoding():
    data = codecs.BOM_UTF16_BE + UMLAUT.encode("utf-16-be")
    assert read_csv(io.BytesIO(data))["art"].cells == ("ä", "ß", "ä")
    japanese = "値;種\n1;あ\n2;い\n".encode("shift_jis")
    assert read_csv(io.BytesIO(japanese), encoding="shift_jis").names == ("値", "種")
    assert "there is no encoding 'klingon'" in refused(japanese, encoding="klingon")
    assert "cannot be read as ascii" in refused(japanese, encoding="ascii")


def test_a_broken_byte_in_utf8_does_not_turn_the_rest_to_mojibake():
    data = "ort,n\nKöln,1\nMünchen,2\nDüren,3\n".encode() + b"K\xfcln,4\n"
    table = read_csv(io.BytesIO(data))
    assert table["ort"].cells == ("Köln", "München", "Düren", "K\ufffdln")
    assert table.notes[0].startswith("read as UTF-8; broken bytes became")
    assert "byte 0xFC in line 5" in table.notes[0]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"PK\x03\x04rest\x00", "a workbook (.xlsx, .ods) or a zip archive"),
        (b"\x1f\x8b\x08", "compressed with gzip"),
        (b"%PDF-1.4", "a PDF document"),
        (b"\n <!DOCTYPE html><html>", "a web page"),
        (bytes(range(256)), "holds zero bytes: it is not a text table"),
        (b"a,b\n1,2\x00\n", "holds zero bytes: it is not a text table"),
        (b"a,\x00\n1,2\n3,4\n5,6\n7,8\n", "holds zero bytes: it is not a text table"),
        (b"a,b\n\x81\x8d,1\n", "neither UTF-8 nor cp1252 (byte 0x81 in line 2)"),
    ],
)
def test_what_is_not_a_text_table_is_named(data: bytes, says: str):
    assert says in refused(data)


# --- delimiters, quotes, header ------------------------------------------------------------------


def test_quotes_newlines_and_spaces():
    table = read('a, b ,c\n 1 , "x, ""y""\nz" ,  p\n 3 ,q,  p\n')
    assert table.names == ("a", "b", "c")
    assert table["b"].cells == ('x, "y"\nz', "q")
    assert table["c"].cells == ("p", "p")


def test_row_and_line_are_told_apart_after_a_line_break_in_quotes():
    text = 'a,b\n"two\nlines",1\n' + "".join(f"x,{i}\n" for i in range(8)) + "x,oops\n"
    assert "row 10 (line 12): 'oops'" in refused(text)


def test_old_mac_line_ends_and_no_line_end_at_all():
    assert read("a,b\r1,x\r2,y")["a"].numbers.tolist() == [1, 2]


def test_delimiter_of_a_file_that_holds_other_candidates():
    assert read("a;b\n1,5;2,5\n3,5;4,5\n")["b"].numbers.tolist() == [2.5, 4.5]
    assert read("name,unit\nx;1,2\ny;2,3\n").names == ("name", "unit")
    assert read("1,5;2,5\n3,5;4,5\n").names == ("x1", "x2")
    assert read("id,name;alias,x\n1,foo;bar,2\n").names == ("id", "name;alias", "x")
    assert read("a|b\n1|x;y\n2|z;y\n")["b"].cells == ("x;y", "z;y")


def test_excel_names_the_delimiter_itself():
    table = read("sep=;\r\na;b\r\n1,5;2\r\n2,5;oops\r\n")
    assert table["a"].numbers.tolist() == [1.5, 2.5]
    assert "the first line names the delimiter: ';'" in table.notes
    assert "row 1 (line 3) has 1 field" in refused("sep=;\r\na;b\r\n1\r\n")


def test_one_column_is_told():
    table = read("word\nhello, you\nbye\n")
    assert table["word"].cells == ("hello, you", "bye")
    assert any("no delimiter found" in note for note in table.notes)
    assert "is there a title above the header" in refused("Report\na b\n", target="b")


def test_without_a_header_columns_are_named_and_told():
    table = read("1,2.5\n3,4.5\n")
    assert table.names == ("x1", "x2")
    assert "no header: the first line is data; columns are named x1 to x2" in table.notes
    iris = read(lines("5.1,setosa", lambda i: f"{4 + i / 10},{['setosa', 'virginica'][i % 2]}"))
    assert iris.names == ("x1", "x2")
    assert len(iris) == 13


def test_years_as_a_header_are_kept_and_told():
    table = read("country,2007,2008\nx,1,2\ny,2,3\n")
    assert table.names == ("country", "2007", "2008")
    assert any("header=False reads it as data" in note for note in table.notes)
    assert read("a,b\nc,d\n", header=False).names == ("x1", "x2")
    assert read("1,2\n3,4\n", header=True).names == ("1", "2")


def test_double_and_empty_names_are_made_unique_and_told():
    table = read("a,,a,a_2,a\n1,2,3,4,5\n3,4,5,6,7\n")
    assert table.names == ("a", "column_2", "a_3", "a_2", "a_4")
    assert "column 2 has no name: called 'column_2'" in table.notes
    assert "column name 'a' occurs again: column 3 is 'a_3'" in table.notes


def test_rows_of_empty_cells_are_left_out_and_told():
    table = read("a,b\n1,x\n,\n\n2,y\n,\n")
    assert len(table) == 2
    assert "2 rows of empty cells left out" in table.notes


# --- numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1.234,5", "2"], [1234.5, 2]),
        (["1 234,5", "2"], [1234.5, 2]),
        (["1\u00a0234,5", "-2,25"], [1234.5, -2.25]),
        (["1'234.5", "2.5"], [1234.5, 2.5]),
        (["1.234.567", "1"], [1234567, 1]),
        (["\u22121,5", "+2,5"], [-1.5, 2.5]),
        (["1,5e3", ",5"], [1500, 0.5]),
        (["0,125", "1,125"], [0.125, 1.125]),
        (["1,234", "5,678"], [1.234, 5.678]),
    ],
)
def test_decimal_commas_and_thousands_in_a_semicolon_file(cells, expected):
    table = read("v;k\n" + "".join(f"{cell};a\n" for cell in cells))
    assert table["v"].numbers.tolist() == expected
    assert "',' is the decimal sign" in table.notes or "'" in cells[0]


def test_one_sign_per_file_settles_what_a_lone_separator_means():
    table = read("n;v\n1.234;0,5\n12.345;0,75\n")
    assert table["n"].numbers.tolist() == [1234, 12345]
    assert "column 'n': '1.234' is read as 1234 (thousands separator)" in table.notes
    table = read("a;b\n0,125;1.234\n1,125;2.345\n")
    assert table["a"].numbers.tolist() == [0.125, 1.125]
    assert table["b"].numbers.tolist() == [1234, 2345]
    table = read('n,v\n"1,234",0.5\n"12,345",0.75\n')
    assert table["n"].numbers.tolist() == [1234, 12345]
    assert read('n,v\n"1,234,567",1\n"12,345",2\n')["n"].numbers.tolist() == [1234567, 12345]


def test_a_lone_separator_that_nothing_settles_is_refused():
    message = refused('n,v\n7,2\n"1,234",1\n')
    assert "row 2 (line 3), column 'n': '1,234' may mean 1234 or 1.234" in message
    assert "decimal='.' reads 1234, decimal=',' reads 1.234" in message
    assert read('n,v\n"1,234",1\n', decimal=".")["n"].numbers.tolist() == [1234]
    assert read('n,v\n"1,234",1\n', decimal=",")["n"].numbers.tolist() == [1.234]


def test_a_column_with_its_own_decimal_sign_is_told():
    table = read("a;b;c\n1,5;0.25;x\n2,5;0.5;y\n3,5;1;z\n")
    assert table["a"].numbers.tolist() == [1.5, 2.5, 3.5]
    assert table["b"].numbers.tolist() == [0.25, 0.5, 1]
    assert any("column 'b': the decimal sign is '.' here" in note for note in table.notes)


def test_two_decimal_signs_in_one_column_are_refused():
    message = refused("a;k\n1.5;x\n2.5;y\n3,5;z\n")
    assert "column 'a' holds numbers, but this is not one: row 3 (line 4): '3,5'" in message
    assert "use one in a column" in message


def test_quoted_commas_in_a_comma_file_stay_words_and_are_told():
    table = read('a,b\n"1,5",x\n"2,5",y\n')
    assert table["a"].numbers is None
    assert any("decimal=',' reads them as numbers" in note for note in table.notes)
    assert read('a,b\n"1,5",x\n"2,5",y\n', decimal=",")["a"].numbers.tolist() == [1.5, 2.5]


def test_text_in_a_column_of_numbers_names_row_column_and_value():
    message = refused(lines("size,kind", lambda i: f"{'abc' if i == 7 else i},x"))
    assert "column 'size' holds numbers, but this is not one: row 8 (line 9): 'abc'" in message
    assert "types={'size': 'category'}" in message
    many = refused(lines("size,kind", lambda i: f"{f'w{i}' if i % 8 == 1 else i},x", 60))
    assert "row 2 (line 3): 'w1'; row 10 (line 11): 'w9'" in many
    assert "and 5 more" in many
    long = refused(lines("a,b", lambda i: f"{'word ' * 30 if i == 3 else i},x"))
    assert "…'" in long and len(long) < 300


def test_four_fifths_decide_between_numbers_and_words():
    table = read(lines("grade,k", lambda i: f"{'ab'[i % 2] if i % 3 == 0 else i},x"))
    assert table["grade"].kind in ("category", "identifier")
    assert "column 'grade' is read as words: 8 of its values are numbers" in table.notes
    words = read(
        lines("size,k", lambda i: f"{'abc' if i == 7 else i},x"), types={"size": "category"}
    )
    assert words["size"].cells[7] == "abc"


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e999", "+INF"])
def test_infinities_are_refused(cell: str):
    message = refused(lines("v,k", lambda i: f"{cell if i == 4 else i},x"))
    assert f"row 5 (line 6), column 'v': {cell!r} is not a finite number" in message


def test_codes_percents_and_dates_stay_words_and_are_told():
    table = read(lines("zip,share,day", lambda i: f"0{i % 4}123,{i % 3}%,2020-01-{i % 5 + 1:02d}"))
    assert [column.kind for column in table] == ["category"] * 3
    notes = "\n".join(table.notes)
    cards = read(lines("card,x", lambda i: f"{9007199254740993 + i % 3},{i}"))
    assert cards["card"].values() == tuple(f"900719925474099{d}" for d in (3, 4, 5))
    assert "column 'zip' is read as words: codes such as '00123'" in notes
    assert "column 'share': values such as '0%' are words here" in notes
    assert "column 'day' looks like dates or times" in notes


# --- missing values and kinds --------------------------------------------------------------------


@pytest.mark.parametrize("word", sorted(MISSING - {""}))
def test_missing_words_are_found_counted_and_told(word: str):
    table = read(f"v,k\n1.5,a\n{word},b\n,{word}\n2.5,a\n")
    assert table["v"].numbers.tolist()[::3] == [1.5, 2.5]
    assert (table["v"].missing, table["k"].missing) == (2, 1)
    assert f"missing values: 2 in 'v', 1 in 'k' (written {word})" in table.notes


def test_words_that_are_missing_only_among_numbers():
    table = read("v,k\n1,none\nNone,mild\n3,bad\n#DIV/0!,none\n")
    assert table["v"].missing == 2
    assert table["k"].cells == ("none", "mild", "bad", "none")
    assert "column 'v': '#DIV/0!', 'None' among numbers is read as missing" in table.notes


def test_a_minus_beside_a_plus_is_a_value():
    assert read("rh,k\n+,a\n-,b\n+,c\n")["rh"].kind == "binary"


def test_own_missing_words_replace_the_list():
    table = read("v,k\n1,NA\n-999,b\n3,c\n", missing={"-999"})
    assert table["v"].missing == 1
    assert table["k"].cells[0] == "NA"
    assert "missing is a collection of words" in refused("a,b\n1,2\n", missing="NA")


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda i: i * 0.5, "number"),
        (lambda i: i % 2, "binary"),
        (lambda i: 1 + i % 2, "binary"),
        (lambda i: 0.5 + i % 2, "number"),
        (lambda i: ["yes", "no"][i % 2], "binary"),
        (lambda i: "abc"[i % 3], "category"),
        (lambda i: i + 1, "identifier"),
        (lambda i: 30 - i, "identifier"),
        (lambda i: 31 + i, "number"),
        (lambda i: f"name {i}", "identifier"),
        (lambda i: f"name {i % 25}", "text"),
        (lambda i: "", "empty"),
        (lambda i: i % 3, "number"),
    ],
)
def test_kinds(make, kind: str):
    table = read(lines("v,anchor", lambda i: f"{make(i)},x", 30))
    assert table["v"].kind == kind


def test_a_name_can_make_an_identifier():
    table = read(lines("customer_id,size,customerID,avoid", lambda i: ",".join([f"{97 * i}"] * 4)))
    assert [c.kind for c in table] == ["identifier", "number", "identifier", "number"]


def test_words_that_differ_in_capitals_are_kept_apart_and_told():
    table = read("a,k\nYes,1\nyes,2\nno,3\n")
    assert table["a"].values() == ("Yes", "no", "yes")
    assert "column 'a': 'Yes' and 'yes' differ in capitals only; kept apart" in table.notes


def test_wishes_for_types():
    text = lines("year,v,n", lambda i: f"{2000 + i % 3},{i + 1},{i}")
    table = read(text, types={"year": "category", "v": "number", "n": "text"})
    assert [c.kind for c in table] == ["category", "number", "text"]
    assert "no column; did you mean 'year'?" in refused(text, types={"yeer": "number"})
    assert "can be 'number', 'category' or 'text'" in refused(text, types={"v": "date"})
    assert "row 1 (line 2): 'x'" in refused("a,b\nx,1\ny,2\n", types={"a": "number"})


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "'the text' is empty"),
        (" \n\n \t\n", "'the text' is empty"),
        ("a,b\n", "'the text' has a header (a, b) but no rows"),
        ("a,b\n,\n", "'the text' has a header (a, b) but no rows"),
        (",,\n1,2,3\n", "line 1, the header, names no column"),
        ("a,b\n1,2\n3\n4,5,6\n", "row 2 (line 3) has 1 field where the header names 2 (2 such"),
        ("a,b\n1,2,3\n3,4,5\n", "the header lacks a name, or is no header"),
        ('a,b\n1,"x\n2,y\n3,z\n', 'row that begins in line 2: a quote (") is opened and never'),
        ("a,b\n1," + '"' + "x" * 140_000 + "\n", "field larger than field limit"),
    ],
)
def test_refused_texts(text: str, says: str):
    assert says in refused(text)


def test_refused_paths(tmp_path: Path):
    (tmp_path / "Penguins.csv").write_text("a,b\n1,2\n")

    def message(path) -> str:
        with pytest.raises(DataError) as caught:
            read_csv(path)
        return str(caught.value)

    assert "no such file" in message(tmp_path / "penguin.csv")
    assert "did you mean Penguins.csv?" in message(str(tmp_path / "penguin.csv"))
    assert "did you mean" not in message(tmp_path / "zzz")
    assert "there is no folder" in message(tmp_path / "no" / "x.csv")
    assert "(a part of the path is a file)" in message(tmp_path / "Penguins.csv" / "x")
    folder = message(tmp_path)
    assert "is a folder, not a file; it holds Penguins.csv" in folder
    assert folder.startswith(repr(str(tmp_path)))
    assert "is a web address" in message("https://example.org/t.csv")
    assert "it is a table's text, not a path" in message("a,b\n1,2\n")
    assert "cannot read" in message("a\0b")
    assert "not from int" in message(3)


def test_a_text_file_opened_in_the_wrong_encoding(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_bytes(UMLAUT.encode("cp1252"))
    with path.open(encoding="utf-8") as file, pytest.raises(DataError, match="give the path"):
        read_csv(file)
    with path.open("rb") as file:
        assert read_csv(file).names == ("größe", "art")


def test_the_target_is_looked_up_while_reading():
    message = refused("bill,species\n1,a\n", target="specis")
    assert "no target column 'specis' in the text; did you mean 'species'?" in message
    assert "The columns are: bill, species" in message


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"decimal": "x"}, "decimal is '.' or ','"),
        ({"delimiter": ",,"}, "a delimiter is one character"),
    ],
)
def test_refused_options(options, says: str):
    assert says in refused("a,b\n1,2\n", **options)


def test_reading_writes_nothing(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,x\n")
    before = path.read_bytes()
    read_csv(path)
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]
    assert path.read_bytes() == before


# --- the table itself ----------------------------------------------------------------------------


def test_table_from_python_values():
    table = Table.of({"x": np.array([1.5, np.nan]), "k": ["a", None], "f": [True, np.int64(3)]})
    assert table["x"].numbers[0] == 1.5
    assert table["x"].missing == table["k"].missing == 1
    assert table["f"].cells == ("True", "3")
    with pytest.raises(DataError, match="different lengths"):
        Table.of({"a": [1], "b": [1, 2]})
    with pytest.raises(DataError, match="at least one column and one row"):
        Table.of({})
    with pytest.raises(DataError, match="row 1 is list, not a dict"):
        Table.of_rows([[1, 2]])


def test_numbers_of_a_column_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        Table.of({"x": [1, 2, 3]})["x"].numbers[0] = 5


def test_keep_finds_the_kinds_again():
    table = Table.of({"k": ["a", "b", "c"] * 4, "x": range(12)})
    kept = table.keep("k", {"a", "c"})
    assert len(kept) == 8
    assert kept["k"].kind == "binary"
    with pytest.raises(DataError, match="column 'k' has no value 'z'; it has a, b, c"):
        table.keep("k", ["z"])
    with pytest.raises(DataError, match="did you mean 'k'"):
        table.keep("K", ["a"])


def test_describe_tells_everything():
    text = read("size;k\n1,5;a\nNA;b\n2,5;a\n").describe()
    assert "size  number      1.5 to 2.5, median 2, 1 missing" in text
    assert "k     binary      a, b" in text
    assert "note: ',' is the decimal sign" in text
