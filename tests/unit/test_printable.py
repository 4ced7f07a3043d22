"""Numbers and texts as people read them."""

from __future__ import annotations

import pytest

from memgraph.markup import table
from memgraph.printable import percent


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (None, "–"), (0, "0%"), (0.0, "0%"), (1, "100%"), (1.0, "100%"), (0.5, "50%"), (0.006, "1%"), (26 / 6400, "0.4%"),
        (3 / 11_200, "<0.1%"), (1e-9, "<0.1%"), (0.994, "99%"), (0.996, "99.6%"), (0.9999, ">99.9%"),
    ],
)  # fmt: skip
def test_only_nothing_is_none_and_only_all_is_all(share: float | None, shown: str) -> None:
    assert percent(share) == shown


def test_decimals_stay_where_they_say_enough() -> None:
    assert [percent(share, 1) for share in (0.031, 0, 1, 1e-5, 0.99999)] == [
        "3.1%",
        "0.0%",
        "100.0%",
        "<0.1%",
        ">99.9%",
    ]


def test_bounds_are_numbers_in_a_table() -> None:
    assert table("t", ["share"], [["3%"], [percent(1e-9)]]).count('class="n"') == 3
