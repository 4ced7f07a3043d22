"""Files to numbered rows: JSONL(.gz), JSON arrays, Parquet, CSV, XLSX, saved data sets, and folders of these.

A row is an object of raw values, or the reason why it is none. Gaps are None, whatever wrote them.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import math
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from memgraph.errors import InputError
from memgraph.extras import installed

RawRow = tuple[int, dict[str, Any] | str]
"""A row's number from 1 and its values, or why it has none."""

_DATASET_MARKS = ("dataset_info.json", "dataset_dict.json")
_LINES = (".jsonl", ".ndjson", ".jl")
_SHEETS = (".csv", ".tsv", ".xlsx")
_READ = ".jsonl, .json (both also .gz), .parquet, .csv, .tsv and .xlsx"
_DEEPEST = 50  # objects and lists inside each other in which gaps are looked for
_WIDE_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BETWEEN = re.compile(r"[\s,]*")


def data_files(paths: Iterable[Path]) -> list[Path]:
    """What `raw_rows` takes: files and saved data sets as they are, the data files of other folders.

    Of a folder (steps that a trainer dumped, a snapshot of a hub) all Parquet and JSONL files count, those of its folders
    too, in the order of the numbers in their names; JSON files and sheets only where there are no others.

    Raises:
        InputError: for a folder without any.
    """
    listed: list[Path] = []
    for path in paths:
        if not path.is_dir() or is_saved_dataset(path):
            listed.append(path)
        elif parts := _parts(path):
            listed += parts
        else:
            raise InputError(
                f"the folder {path} holds no Parquet files, no JSONL files and no sheets, and is neither a saved data set nor "
                "an exported memory"
            )
    return listed


def is_saved_dataset(path: Path) -> bool:
    """Whether `datasets` wrote this folder with `save_to_disk`."""
    return any((path / mark).is_file() for mark in _DATASET_MARKS)


def is_sheet(file: Path) -> bool:
    """Whether a file is a table that people fill in, by its ending."""
    return _ending(file) in _SHEETS


def raw_rows(file: Path) -> Iterator[RawRow]:
    """Numbered rows of a file or of a saved data set, in order.

    Raises:
        InputError: if the file cannot be read at all.
    """
    import pyarrow as pa

    try:
        for number, raw in _rows(file):
            yield number, raw if isinstance(raw, str) else without_gaps(raw)
    except (
        OSError,
        EOFError,
        ValueError,
        KeyError,
        TypeError,
        zlib.error,
        zipfile.BadZipFile,
        pa.ArrowException,
    ) as error:
        raise InputError(f"cannot read {file}: {error}") from error


def without_gaps(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A row of plain values: NaN, NaT and pandas' NA are None, arrays and numbers of numpy are Python's.

    Inside `features` a NaN stays, to be rejected: it is a measurement that went wrong.
    """
    return {str(name): _numbers(value) if name == "features" else _plain(value) for name, value in raw.items()}


def _numbers(features: Any) -> Any:
    if not isinstance(features, dict):
        return _plain(features)
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in features.items()}


def _plain(value: Any, depth: int = 0) -> Any:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, np.ndarray):
        value = value.tolist()
    elif isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, (list, tuple)):
        return list(value) if depth > _DEEPEST else [_plain(part, depth + 1) for part in value]
    if isinstance(value, dict):
        return value if depth > _DEEPEST else {str(name): _plain(part, depth + 1) for name, part in value.items()}
    if isinstance(value, Decimal):
        return int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
    return None if type(value).__name__ in ("NAType", "NaTType") else value


def _ending(file: Path) -> str:
    return Path(file.name.lower().removesuffix(".gz")).suffix


def _parts(folder: Path) -> list[Path]:
    files = [file for file in folder.rglob("*") if file.is_file() and not _is_hidden(file.relative_to(folder))]
    for endings in ((".parquet", *_LINES), (".json",), _SHEETS):
        if parts := [file for file in files if _ending(file) in endings]:
            return sorted(parts, key=lambda file: _natural(file.relative_to(folder)))
    return []


def _is_hidden(path: Path) -> bool:
    return any(part.startswith((".", "__")) for part in path.parts)


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Order in which 2 comes before 10."""
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in re.split(r"(\d{1,18})", path.as_posix())
        if part
    ]


def _rows(file: Path) -> Iterator[RawRow]:
    ending = _ending(file)
    if file.is_dir():
        if not is_saved_dataset(file):
            raise InputError(f"{file} is a folder, and none that datasets' save_to_disk wrote")
        yield from _saved_rows(file)
    elif ending in _LINES or ending == ".json":
        with _opened(file) as stream:
            yield from _json_rows(stream, whole=ending == ".json")
    elif ending == ".parquet":
        yield from _parquet_rows(file)
    elif ending == ".xlsx":
        yield from _workbook_rows(file)
    elif ending in _SHEETS:
        with _opened(file) as stream:
            yield from _sheet_rows(stream)
    else:
        raise InputError(
            f"{file} is neither of {_READ}, nor a folder that datasets' save_to_disk wrote; convert it to one of these"
        )


def _opened(file: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(file, "rb")) if file.name.lower().endswith(".gz") else file.open("rb")


def _saved_rows(folder: Path) -> Iterator[RawRow]:
    with installed():
        from datasets import DatasetDict, load_from_disk

    saved = load_from_disk(str(folder))
    splits = list(saved.values()) if isinstance(saved, DatasetDict) else [saved]
    yield from enumerate(chain.from_iterable(splits), start=1)


def _json_rows(stream: IO[bytes], *, whole: bool) -> Iterator[RawRow]:
    """Rows of JSON lines, or of an array that stands for the whole file.

    Args:
        whole: the file may also be one object over several lines, or several of them.
    """
    head = stream.read(4)
    rest: Iterable[bytes] = _lines(stream, head)
    number = 0
    for line in rest:
        number += 1
        if not line.strip():
            continue
        start = line.strip()[:2]
        if start == b"[" or re.match(rb"\[\s*[{\]]", line.lstrip()):
            yield from _values(b"".join([line, *rest]))
            return
        row = _parse_line(line)
        if whole and isinstance(row, str) and start[:1] == b"{":
            yield from _values(b"".join([line, *rest]))
            return
        yield number, row
        break
    for line in rest:
        number += 1
        if line.strip():
            yield number, _parse_line(line)


def _lines(stream: IO[bytes], head: bytes) -> Iterator[bytes]:
    """Lines as UTF-8 without a byte order mark, ended by line feeds only (a text may hold other separators of lines)."""
    if head.startswith(_WIDE_BOMS):
        text = (head + stream.read()).decode("utf-16")
        yield from (line.encode("utf-8", "surrogatepass") + b"\n" for line in text.split("\n"))
        return
    head = head.removeprefix(codecs.BOM_UTF8)
    for part in head.split(b"\n")[:-1]:
        yield part + b"\n"
    yield head.rpartition(b"\n")[2] + stream.readline()
    yield from stream


def _values(data: bytes) -> Iterator[RawRow]:
    """Rows of an array of objects, of one object that holds such an array, or of objects one after the other."""
    text = data.decode("utf-8", "surrogatepass")
    decoder, place, number = json.JSONDecoder(), _skip(text, 0), 0
    in_array = text.startswith("[", place)
    place = _skip(text, place + in_array)
    while place < len(text) and not (in_array and text[place] == "]"):
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            yield number + 1, f"not JSON: {error}"
            return
        place = _skip(text, place)
        lists = list(value.values()) if isinstance(value, dict) else []
        if not in_array and number == 0 and place == len(text) and lists and all(map(_is_table, lists)):
            yield from enumerate(chain.from_iterable(lists), start=1)  # the splits of a data set
            return
        number += 1
        yield number, value if isinstance(value, dict) else _no_object(value)
    if in_array and place >= len(text):
        yield number + 1, "not JSON: the array is cut off before its end"
    elif in_array and text[place + 1 :].strip():
        yield number + 1, "not JSON: more text follows the end of the array"


def _skip(text: str, place: int) -> int:
    match = _BETWEEN.match(text, place)
    return match.end() if match else place


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _parse_line(line: bytes) -> dict[str, Any] | str:
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}"
    return raw if isinstance(raw, dict) else _no_object(raw)


def _no_object(value: Any) -> str:
    return f"not a JSON object but {type(value).__name__}"


def _parquet_rows(file: Path) -> Iterator[RawRow]:
    import pyarrow.parquet as parquet

    number = 0
    for batch in parquet.ParquetFile(file).iter_batches(batch_size=1024):
        try:
            rows: Sequence[dict[str, Any] | str] = batch.to_pylist()
        except (ValueError, OverflowError):  # a text that is no UTF-8, a date out of range: only its row is lost
            rows = [_one_row(batch.slice(place, 1)) for place in range(len(batch))]
        for row in rows:
            number += 1
            yield number, row


def _one_row(batch: Any) -> dict[str, Any] | str:
    try:
        row: dict[str, Any] = batch.to_pylist()[0]
    except (ValueError, OverflowError) as error:
        return f"a value cannot be read: {error}"
    return row


def _sheet_rows(stream: IO[bytes]) -> Iterator[RawRow]:
    """Rows of a CSV in any encoding with a byte order mark, else UTF-8, with any of the usual separators."""
    csv.field_size_limit(2**31 - 1)
    head = stream.read(4)
    rest = io.BytesIO(head + stream.read())
    encoding = "utf-16" if head.startswith(_WIDE_BOMS) else "utf-8-sig"
    with io.TextIOWrapper(rest, encoding=encoding, newline="") as text:
        try:
            first = text.readline()
            if match := re.match(r"sep=(.)\s*\Z", first):  # Excel's own way of naming the separator
                separator, start = match.group(1), text.tell()
            else:
                separator, start = _separator(first), 0
            text.seek(start)
            names: list[str] | None = None
            number = 0
            for cells in csv.reader(text, delimiter=separator):
                if names is None:
                    names = [name.strip() for name in cells]
                elif any(cells):
                    number += 1
                    yield number, _sheet_row(names, cells)
        except UnicodeDecodeError as error:
            raise ValueError(f"it is not UTF-8 ({error}); save it as CSV UTF-8, or as .xlsx") from error
        except csv.Error as error:
            raise ValueError(f"it is no CSV: {error}") from error


def _separator(header: str) -> str:
    def cells(separator: str) -> int:
        return len(next(csv.reader([header], delimiter=separator), ()))

    return max(",;\t|", key=cells)  # the first of equals


def _sheet_row(names: Sequence[str], cells: Sequence[Any]) -> dict[str, Any] | str:
    if any(cell not in ("", None) for cell in cells[len(names) :]):
        return "it has more cells than the sheet has columns"
    return {name: None if cell == "" else cell for name, cell in zip(names, cells, strict=False) if name}


def _workbook_rows(file: Path) -> Iterator[RawRow]:
    """Rows of the first sheet of a workbook; its first row names the columns."""
    try:
        import openpyxl
    except ModuleNotFoundError:
        raise ValueError(
            "workbooks need the package openpyxl: pip install openpyxl, or save the sheet as CSV"
        ) from None

    book = openpyxl.load_workbook(file, read_only=True, data_only=True)
    try:
        rows = (list(row) for row in book.worksheets[0].iter_rows(values_only=True))
        names = [str(name if name is not None else "").strip() for name in next(rows, [])]
        number = 0
        for cells in rows:
            if any(cell not in ("", None) for cell in cells):
                number += 1
                yield number, _sheet_row(names, cells)
    finally:
        book.close()
