"""Bytes to text: which encoding a table is written in, recognised and told.

Only the standard library. Nothing is guessed silently: whatever is not plain UTF-8 adds a note.
"""

from __future__ import annotations

import codecs
import difflib
import os
from pathlib import Path
from typing import IO

from tinygrad_edu.errors import DataError

_MARKS = (  # UTF-32 first: its little-endian mark begins with the one of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_FOREIGN = (
    (b"PK\x03\x04", "a workbook (.xlsx, .ods) or a zip archive", "save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)", "save the sheet as CSV"),
    (b"\x1f\x8b", "compressed with gzip", "unpack it first"),
    (b"%PDF", "a PDF document", "copy the table into a CSV file"),
    (b"PAR1", "a Parquet file", "export it as CSV"),
    (b"SQLite format 3", "a SQLite database", "export the table as CSV"),
    (b"<!doctype html", "a web page", "download the table itself, not the page around it"),
    (b"<html", "a web page", "download the table itself, not the page around it"),
)


def read_source(source: str | os.PathLike[str] | IO[str] | IO[bytes]) -> tuple[bytes | str, str]:
    """The content of a path or of an open file, and the name to call it by.

    Raises `DataError` for a path that cannot be read: no such file (with near matches from the
    same folder), a folder, no permission.
    """
    if isinstance(source, str | os.PathLike):
        return _read_path(source)
    if not hasattr(source, "read"):
        raise DataError(
            f"a table is read from a path or an open file, not from {type(source).__name__}",
            hint="read_csv('table.csv') or read_csv(io.StringIO(text))",
        )
    try:
        content = source.read()
    except UnicodeDecodeError as error:
        raise DataError(
            f"the open file is not in its encoding: {error}",
            hint="give the path, or open it in binary mode, and the encoding is found",
        ) from None
    if not isinstance(content, str | bytes):
        raise DataError(f"the open file gave {type(content).__name__}, not text or bytes")
    name = getattr(source, "name", None)
    return content, name if isinstance(name, str) else "the text"


def _read_path(source: str | os.PathLike[str]) -> tuple[bytes, str]:
    name = os.fspath(source)
    if "\n" in name:
        raise DataError(
            "the first argument holds line breaks, so it is a table's text, not a path",
            hint="read_csv(io.StringIO(text))",
        )
    if "://" in name:
        raise DataError(f"{name!r} is a web address", hint="download the file and give its path")
    try:
        path = Path(name).expanduser()
        if path.is_dir():
            raise DataError(f"{name!r} is a folder, not a file{_tables_in(path)}")
        return path.read_bytes(), name
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"no such file: {name!r}{_near(Path(name).expanduser())}") from None
    except NotADirectoryError:
        raise DataError(f"no such file: {name!r} (a part of the path is a file)") from None
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"cannot read {name!r}: {reason}") from None


def _tables_in(folder: Path) -> str:
    try:
        found = sorted(p.name for p in folder.iterdir() if p.suffix.lower() in (".csv", ".tsv"))
    except OSError:
        found = []
    return f"; it holds {', '.join(found[:5])}" if found else ""


def _near(path: Path) -> str:
    folder = path.parent
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError:
        return f" (there is no folder {str(folder)!r} either)"
    lowered = {name.lower(): name for name in names}
    close = difflib.get_close_matches(path.name.lower(), list(lowered), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(lowered[name] for name in close)}?" if close else ""


def decode(data: bytes, name: str, encoding: str | None = None) -> tuple[str, list[str]]:
    """Text and notes. Byte-order marks, UTF-8, UTF-16 without a mark, then cp1252.

    >>> decode("Größe;1,5".encode("cp1252"), "t.csv")[1]
    ['read as cp1252, because byte 0xF6 in line 1 is not valid UTF-8']
    """
    if encoding is not None:
        return _decode_as(data, name, encoding), []
    for start, what, way in _FOREIGN:
        if data[:64].lstrip().lower().startswith(start.lower()):
            raise DataError(f"{name!r} is {what}, not a text table", hint=way)
    for mark, codec, label in _MARKS:
        if data.startswith(mark):
            return _decode_as(data, name, codec), [f"read as {label} (it has a byte-order mark)"]
    if b"\x00" in data:
        return _decode_wide(data, name)
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError as error:
        return _decode_narrow(data, name, error)


def _decode_as(data: bytes, name: str, encoding: str) -> str:
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except LookupError:
        raise DataError(f"there is no encoding {encoding!r}", hint="encoding='cp1252'") from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name!r} cannot be read as {encoding}: {error.reason} at byte {error.start}"
        ) from None


def _decode_wide(data: bytes, name: str) -> tuple[str, list[str]]:
    """UTF-16 without a mark: in a table most characters have a zero as their high byte."""
    low, high = data[0::2].count(0), data[1::2].count(0)
    codec = "utf-16-le" if high >= low else "utf-16-be"
    try:
        text = data.decode(codec)
    except UnicodeDecodeError:
        text = "\x00"
    strange = any(ord(char) < 32 and char not in "\t\n\r\f" for char in text)
    lines = "\n" in text or "\r" in text
    sparse = 8 * max(low, high) < len(data)  # a stray zero byte, not a table of wide characters
    if strange or sparse or not lines or max(low, high) < 4 * min(low, high):
        raise DataError(f"{name!r} holds zero bytes: it is not a text table")
    return text, [f"read as {codec.upper()} (every other byte is zero; no byte-order mark)"]


def _decode_narrow(data: bytes, name: str, error: UnicodeDecodeError) -> tuple[str, list[str]]:
    line = data.count(b"\n", 0, error.start) + 1
    byte = f"byte 0x{data[error.start]:02X} in line {line}"
    loose = data.decode("utf-8", "replace")
    broken = loose.count("\ufffd")
    if sum(ord(char) > 127 for char in loose) > 2 * broken:  # mostly right: UTF-8 with a scar
        return loose, [f"read as UTF-8; broken bytes became '\ufffd' ({broken}; first: {byte})"]
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        raise DataError(
            f"{name!r} is neither UTF-8 nor cp1252 ({byte})",
            hint="name its encoding, for example encoding='shift_jis'",
        ) from None
    return text, [f"read as cp1252, because {byte} is not valid UTF-8"]
