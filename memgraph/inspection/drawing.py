"""Small pictures as inline SVG. Each says in words what it shows; colours are those of `report.html`, by class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from memgraph.markup import Html, joined, tag

_WIDTH, _HEIGHT = 320, 260
_NEAR, _FAR = 58.0, 112.0  # distance of neighbours from the middle


def bar(share: float, *, mark: float | None = None, what: str) -> Html:
    """A bar of a share (0..1), with a line where another share lies."""
    parts = [_rect(0, 100, "track"), _rect(0, 100 * share, "s0")]
    if mark is not None:
        parts.append(_rect(min(98.5, 100 * mark), 1.5, "mark"))
    return _strip(parts, what)


def stack(shares: Sequence[float], *, what: str) -> Html:
    """A bar in parts, the colours of which are s0, s1 and so on."""
    parts, start = [_rect(0, 100, "track")], 0.0
    for number, share in enumerate(shares):
        parts.append(_rect(start, 100 * share, f"s{number % 6}"))
        start += 100 * share
    return _strip(parts, what)


def signed(value: float, largest: float, *, what: str) -> Html:
    """A bar to the right of the middle for a positive value, to the left for a negative one."""
    width = 50 * abs(value) / largest if largest else 0.0
    bar = _rect(50, width, "s0") if value >= 0 else _rect(50 - width, width, "s1")
    return _strip([_rect(0, 100, "track"), bar, _rect(49.75, 0.5, "mark")], what)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A query beside another: cosine of both, and how much of it is right by labels, and by predictions (0..1, None where unknown)."""

    cosine: float
    right: float | None
    predicted: float | None = None

    @property
    def kind(self) -> str:
        """Class of its colour."""
        return (
            shade(self.right)
            if self.right is not None or self.predicted is None
            else f"{shade(self.predicted)} guessed"
        )


def neighbourhood(query: Neighbour, *neighbours: Neighbour, what: str) -> Html:
    """A query in the middle, its neighbours around it with their numbers, the nearer the more similar."""
    middle = _WIDTH / 2, _HEIGHT / 2
    cosines = [one.cosine for one in neighbours] or [1.0]
    spread = max(cosines) - min(cosines) or 1.0
    lines, circles = [], [_circle(*middle, 17, query.kind, "Q")]
    for number, one in enumerate(neighbours):
        angle = 2 * math.pi * number / len(neighbours) - math.pi / 2
        distance = _NEAR + (_FAR - _NEAR) * (max(cosines) - one.cosine) / spread
        x, y = middle[0] + distance * math.cos(angle), middle[1] + distance * math.sin(angle)
        lines.append(tag("line", x1=middle[0], y1=middle[1], x2=f"{x:.1f}", y2=f"{y:.1f}", class_="edge"))
        circles.append(_circle(x, y, 13, one.kind, str(number + 1)))
    return tag(
        "svg", joined(lines), joined(circles), viewBox=f"0 0 {_WIDTH} {_HEIGHT}", class_="graph", role="img", aria_label=what
    )  # fmt: skip


def shade(right: float | None) -> str:
    """Class of the colour of a share, in five steps from wrong to right; "unknown" without one."""
    return "unknown" if right is None else f"q{min(4, int(5 * right))}"


def _circle(x: float, y: float, radius: float, kind: str, text: str) -> Html:
    circle = tag("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=radius, class_=f"node {kind}")
    return joined([circle, tag("text", text, x=f"{x:.1f}", y=f"{y + 4:.1f}", class_=f"name {kind}")])


def _strip(parts: Sequence[Html], what: str) -> Html:
    return tag(
        "svg", joined(parts), viewBox="0 0 100 8", preserveAspectRatio="none", class_="bar", role="img", aria_label=what
    )  # fmt: skip


def _rect(x: float, width: float, kind: str) -> Html:
    return tag("rect", x=f"{x:.2f}", y=0, width=f"{width:.2f}", height=8, class_=kind)
