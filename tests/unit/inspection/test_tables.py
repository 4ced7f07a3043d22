"""Tables fit a terminal: words stay whole, then lines go, then rows become records."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraph.inspection.tables import print_rows, print_table
from memgraph.printable import PrintableConsole

KEYS = ["0d9ea65b" * 8, "b7a9c1e1" * 8]


def printed(width: int | None, columns: list[str], rows: list[list[str]], title: str = "") -> list[str]:
    console = PrintableConsole(file=io.StringIO(), width=width)
    print_table(console, columns, rows, title=title)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def test_texts_give_way_then_lines_then_the_table() -> None:
    columns, rows = ["query", "rollouts", "key"], [["one two three four five six", "20", key] for key in KEYS]
    assert "│" in printed(None, columns, rows)[-2]
    wrapped = printed(102, columns, rows)
    assert max(map(len, wrapped)) == 102
    assert wrapped[3].split("│")[1].strip() == "one two three four"
    bare = printed(96, columns, rows)
    assert max(map(len, bare)) == 96
    assert bare[0].split() == columns
    assert bare[2].endswith(KEYS[0])
    records = printed(95, columns, rows, title="said")
    assert records[:3] == ["said", "query: one two three four five six  rollouts: 20", f"key: {KEYS[0]}"]
    assert records[3] == ""
    assert records[-1] == f"key: {KEYS[1]}"


def test_a_long_heading_over_texts_stays_whole_beside_others() -> None:
    heading = "a_heading_longer_than_texts_become"
    for width in range(60, 160):
        lines = printed(width, [heading, "text", "other"], [["one two", "three four " * 9, "five six " * 9]])
        assert re.search(rf"{heading}(?![…\w])", "\n".join(lines))


@given(
    st.lists(
        st.tuples(st.from_regex("[a-z_]{1,24}", fullmatch=True), st.text("ab 漢é", max_size=60)), min_size=1, max_size=9
    ),
    st.integers(70, 130),
)
def test_at_any_width_no_heading_and_no_word_of_a_column_of_words_is_cut(
    cells: list[tuple[str, str]], width: int
) -> None:
    columns, row = [name for name, _ in cells], [value for _, value in cells]
    text = "\n".join(printed(width, columns, [row, KEYS[:1] * len(cells)]))
    words = re.split(r"[\s│┃]+", text)
    assert "…" not in text
    assert all(name in words or f"{name}:" in words for name in columns)
    assert all(word in words for word, value in zip(row, row, strict=True) if value and " " not in value)
    assert KEYS[0] in words or all(" " in value for value in row)


def test_what_all_rows_share_is_said_of_each_row() -> None:
    console = PrintableConsole(file=io.StringIO(), width=80)
    print_rows(console, [{"rollouts": 8, "step": step} for step in range(2)])
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines[:2] == ["in each of the 2 rows:", "  rollouts: 8"]
    assert "rollouts" not in "".join(lines[2:])


@pytest.mark.parametrize("width", [40, 200])
def test_an_empty_table_has_its_headings(width: int) -> None:
    assert "rejected" in "".join(printed(width, ["file", "rejected"], []))
