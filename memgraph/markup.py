"""HTML from text. Whatever is no `Html` yet is escaped, and that happens in one place: `_escaped`."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from memgraph.printable import printable

_SHORT, _SHORT_LINES = 240, 4  # characters and lines of a text that is shown as a whole
_NUMBER = re.compile(r"[+<>-]?[\d.,]+%?|–")


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, *inside: str, **attributes: str | float) -> Html:
    """An element.

    Args:
        inside: text, which is escaped, or `Html`.
        attributes: by name. A last underscore is left out (`class_`), others are hyphens (`aria_label`).
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escaped(str(value))}"' for key, value in attributes.items()
    )
    return Html(f"<{name}{given}>{joined(inside)}</{name}>")


def joined(parts: Iterable[str]) -> Html:
    """Texts, which are escaped, and `Html`, one after the other."""
    return Html("".join(map(_escaped, parts)))


def table(what: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    """A table that scrolls by itself where the screen is narrow, by keyboard too.

    Args:
        what: it shows, for those who cannot see it.
        rows: texts, which are escaped, or `Html`. Columns whose texts are numbers are set to the right.
    """
    cells = [list(row) for row in rows]
    numeric = [all(map(_is_number, column)) for column in zip(*cells, strict=True)] or [False] * len(columns)
    kinds = ["n" if number else "t" for number in numeric]
    head = joined(tag("th", name, scope="col", class_=kind) for name, kind in zip(columns, kinds, strict=True))
    body = joined(
        tag("tr", joined(tag("td", cell, class_=kind) for cell, kind in zip(row, kinds, strict=True))) for row in cells
    )
    inner = tag("table", tag("thead", tag("tr", head)), tag("tbody", body))
    return tag("div", inner, class_="scroll", role="region", aria_label=what, tabindex="0")


def folded(summary: str, *inside: str, kind: str = "more") -> Html:
    """What is shown once its summary is opened."""
    return tag("details", tag("summary", summary), *inside, class_=kind)


def whole_text(text: str | None) -> Html:
    """A text as it stands, with its lines. A long one is folded behind its beginning."""
    text = (text or "").strip()
    if not text:
        return tag("p", "(nothing)", class_="quiet")
    whole = tag("pre", text)
    if len(text) <= _SHORT and text.count("\n") < _SHORT_LINES:
        return whole
    return folded(f"{' '.join(text[:_SHORT].split())} … ({len(text):,} characters)", whole, kind="text")


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


def _escaped(text: str) -> str:
    return text if isinstance(text, Html) else html.escape(printable(text, lines=True))
