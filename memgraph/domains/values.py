r"""Answers read into values: options, named values, quantities, sets, tuples, intervals, relations, formulas, texts.

"x = 3 \text{ cm}" ──► name x, unit cm, leaf 3          "x < 2 or x > 5" ──► name x, union of (-∞, 2) and (5, ∞)
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import Final

from memgraph.domains.evaluate import Formula
from memgraph.domains.formula import node
from memgraph.domains.formula_parser import read_formula
from memgraph.domains.latex_writer import tokens
from memgraph.domains.leaves import Answer, Core, leaf, plain, quantity_answer, time_of_day
from memgraph.domains.letters import split_option
from memgraph.domains.quantities import APPROXIMATELY, spelled_out, whole_texts

_LONGEST: Final = 2_000
_DEEPEST: Final = 8
_MOST_PARTS: Final = 60

_OPEN: Final = frozenset(["(", "[", "{", "\\{", "\\langle", "\\lfloor", "\\lceil", "\\begin"])
_SHUT: Final = frozenset([")", "]", "}", "\\}", "\\rangle", "\\rfloor", "\\rceil", "\\end"])
_LISTED: Final = frozenset([",", ";", "and", "or", "\\land", "\\lor"])
_LISTING_TEXT: Final = re.compile(r"\\text\{\s*(?:,|;)?\s*(and|or|,|;)?\s*\}")
_RELATIONS: Final = {"=": "=", "<": "<", ">": ">", "\\le": "<=", "\\ge": ">=", "\\ne": "!="}
_MIRRORED: Final = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}
_NAME: Final = re.compile(
    r"(?:[A-Za-z]{1,3}|\\[A-Za-z]+)'*(?:\^\{-1\})?(?:_\{[^{}]*\}|_\{\\text\{[^{}]*\}\})?'*(?:\([\w, ]{1,20}\))?"
    r"|\\frac\{d[a-z]\}\{d[a-z]\}|\|[A-Z]{2}\||\\(?:angle|triangle|overline|vec|hat|bar)\s?\{?[A-Za-z]{1,4}\}?"
    r"|\((?:[A-Za-z](?:_\{\w\})?, ?)+[A-Za-z](?:_\{\w\})?\)"
)
_NO_NAME: Final = re.compile(r"\\(?:pi|infty|sin|cos|tan|log|ln|exp|text|frac|sqrt)(?![A-Za-z])|[ei]$")
_LABEL: Final = re.compile(r"(?:\\text\{[^{}=]*\}|[^\W\d_]{4,}|\s|[^\W\d_]{2,}(?=\s))+")
_MATRIX: Final = re.compile(r"\\begin\{([pbvVB]?matrix|smallmatrix|array)\}(.*)\\end\{\1\}", re.DOTALL)
_SETS: Final = re.compile(r"[<>]|\\(?:le|ge|ne|in)(?![A-Za-z])")
_INFINITE: Final = frozenset(["\\infty", "-\\infty"])


@lru_cache(maxsize=8192)
def read_answer(text: str) -> Answer:
    """What a clean text says (see `latex.clean_latex`)."""
    if len(text) > _LONGEST:
        return Answer(Core("text", plain(text)))
    option = split_option(text)
    if option is not None and option.text:
        return Answer(Core("text", plain(text)), option=option, rest=_read(option.text, 0))
    answer = _read(text, 0)
    return replace(answer, option=option) if option is not None else answer


def _read(text: str, depth: int) -> Answer:
    text = text.strip()
    if (about := APPROXIMATELY.match(text)) is not None and about.end() < len(text):
        text = text[about.end() :]
    text = spelled_out(text)
    if depth > _DEEPEST:
        return Answer(leaf(text))
    if (time := time_of_day(text)) is not None:
        return Answer(Core("text", time))
    parts = whole_texts(tokens(text))
    for reader in (_list, _relation, _membership):
        if (answer := reader(parts, depth)) is not None:
            return answer
    core = _joined(parts, depth) or _bracketed(text, parts, depth)
    if core is not None:
        return _lifted(core)
    return quantity_answer(text)


def _split(parts: list[str], signs: frozenset[str] | set[str]) -> tuple[list[str], list[str]]:
    """The texts between signs outside of brackets, and the signs."""
    texts: list[list[str]] = [[]]
    separators: list[str] = []
    depth = 0
    for part in parts:
        if part in _OPEN:
            depth += 1
        elif part in _SHUT:
            depth -= 1
        if depth == 0 and part in signs:
            separators.append(part)
            texts.append([])
        else:
            texts[-1].append(part)
    return ["".join(pieces).strip() for pieces in texts], separators


def _list(parts: list[str], depth: int) -> Answer | None:
    """A bare list: parts between commas, semicolons, and, or."""
    named = [_LISTING_TEXT.fullmatch(part) for part in parts]
    parts = [(match[1] or ",") if match is not None else part for match, part in zip(named, parts, strict=True)]
    listed = _LISTED if any(part in _RELATIONS or part == "\\in" for part in parts) else _LISTED - {"\\land", "\\lor"}
    outer = next((signs for signs in ({";"}, {"or", "\\lor"}) if _assigns(parts) and _split(parts, signs)[1]), listed)
    texts, signs = _split(parts, outer)
    texts = [text for text in texts if text]
    if not signs or len(texts) < 2 or len(texts) > _MOST_PARTS:
        return None
    answers = [_read(text, depth + 1) for text in texts]
    if all(answer.core.kind == "text" and answer.core.formula is None for answer in answers) and not set(signs) & {
        ",",
        ";",
    }:
        return Answer(Core("set", parts=tuple(answer.core for answer in answers)))
    if "or" in signs and all(split_option(text) is not None for text in texts):
        return Answer(Core("hedge", parts=tuple(answer.core for answer in answers)))
    return _collected("set", answers, intersect="or" not in signs and "\\lor" not in signs, texts=texts)


def _assigns(parts: list[str]) -> bool:
    """Whether several equations stand in a list, which "or" and ";" then separate before commas do."""
    return parts.count("=") > 1 and bool({",", "and"} & set(parts))


def _collected(kind: str, answers: list[Answer], *, intersect: bool = False, texts: list[str] | None = None) -> Answer:
    """Several answers as one: a unit or name that they share is the whole's."""
    names = {answer.name for answer in answers if answer.name is not None}
    units = {answer.unit for answer in answers if answer.unit is not None}
    cores: list[Core] = []
    for answer in answers:
        core = answer.core
        if len(units) > 1:
            core = Core("unit", answer.unit or "", (core,))
        if len(names) > 1:
            core = Core("name", answer.name or "", (core,))
        if kind == "set" and core.kind == "set":
            cores.extend(core.parts)
        else:
            cores.append(core)
    unit, name = (next(iter(shared)) if len(shared) == 1 else None for shared in (units, names))
    if (
        kind == "set"
        and names
        and texts
        and _SETS.search("".join(texts))
        and all(_is_interval(core) or core.kind == "union" for core in cores)
    ):
        if intersect and (both := _intersection(cores)) is not None:
            return Answer(both, unit, name)
        return Answer(Core("union", parts=tuple(part for core in cores for part in _pieces(core))), unit, name)
    if kind == "set" and len(names) > 1 and len(names) == len(answers):
        return Answer(Core("assigned", parts=tuple(cores)), unit)
    if kind == "set" and len(cores) == 1:
        return Answer(cores[0], unit, name)
    return Answer(Core(kind, parts=tuple(cores)), unit, name)


def _lifted(core: Core) -> Answer:
    """A collection whose parts carry one unit, with that unit as its own."""
    units = {part.text for part in core.parts if part.kind == "unit"}
    if len(units) == 1:
        parts = tuple(part.parts[0] if part.kind == "unit" else part for part in core.parts)
        return Answer(replace(core, parts=parts), next(iter(units)))
    return Answer(core)


def _wrapped(answer: Answer) -> Core:
    """An answer inside another, with its unit and name as part of its value."""
    core = answer.core
    if answer.unit is not None:
        core = Core("unit", answer.unit, (core,))
    return Core("name", answer.name, (core,)) if answer.name is not None else core


def _is_interval(core: Core) -> bool:
    return len(core.kind) == 2 and core.kind[0] in "([" and core.kind[1] in ")]" and len(core.parts) == 2


def _pieces(core: Core) -> tuple[Core, ...]:
    return core.parts if core.kind == "union" else (core,)


def _bound(core: Core) -> float | None:
    if core.text in _INFINITE:
        return float("-inf") if core.text.startswith("-") else float("inf")
    exact = core.formula.exact if core.formula is not None else None
    return None if exact is None or exact.numerator.bit_length() > 900 else float(exact)


def _intersection(cores: list[Core]) -> Core | None:
    """What intervals have in common; None where that is nothing or their ends are not numbers."""
    low: tuple[float, bool, Core] | None = None
    high: tuple[float, bool, Core] | None = None
    for core in cores:
        if not _is_interval(core):
            return None
        ends = [_bound(part) for part in core.parts]
        if ends[0] is None or ends[1] is None:
            return None
        left = (ends[0], core.kind[0] == "(", core.parts[0])
        right = (ends[1], core.kind[1] == "]", core.parts[1])
        low = left if low is None or left[:2] > low[:2] else low
        high = right if high is None or right[:2] < high[:2] else high
    if low is None or high is None or low[0] >= high[0]:
        return None
    return Core(("(" if low[1] else "[") + ("]" if high[1] else ")"), parts=(low[2], high[2]))


def _name(text: str) -> str | None:
    text = text.strip()
    return text.replace(" ", "") if _NAME.fullmatch(text) and not _NO_NAME.match(text) else None


def _relation(parts: list[str], depth: int) -> Answer | None:
    """An equation or inequality. A name on the left names the value, which is the last of a chain.

    Of "x = 1/3 ≈ 0.33" the exact value counts.
    """
    exact, signs = _split(parts, {"\\approx"})
    if signs and all(exact):
        return (
            _equation(exact, depth) if _name(exact[0]) is not None and len(exact) == 2 else _read(exact[0], depth + 1)
        )
    texts, signs = _split(parts, set(_RELATIONS))
    if not signs or len(texts) > 12:
        return None
    if not texts[0] and signs == ["="]:  # "= 5"
        return _read(texts[1], depth + 1)
    ops = [_RELATIONS[sign] for sign in signs]
    if not all(texts):
        return None
    if set(ops) == {"="}:
        return _equation(texts, depth)
    if len(ops) == 1:
        return _inequality(texts[0], ops[0], texts[1])
    if len(ops) == 2 and (name := _name(texts[1])) is not None and set(ops) <= {"<", "<="} | {">", ">="}:
        if set(ops) <= {">", ">="}:
            texts, ops = texts[::-1], [_MIRRORED[op] for op in ops[::-1]]
        if set(ops) <= {"<", "<="}:
            brackets = ("[" if ops[0] == "<=" else "(") + ("]" if ops[1] == "<=" else ")")
            return Answer(Core(brackets, parts=(leaf(texts[0]), leaf(texts[2]))), name=name)
    return Answer(Core("chain", "".join(ops), tuple(leaf(text) for text in texts)))


def _equation(texts: list[str], depth: int) -> Answer:
    if (name := _name(texts[0])) is not None:
        value = _read(texts[-1], depth + 1)
        if value.name is None:
            return replace(value, name=name)
    if _LABEL.fullmatch(texts[0]):
        return _read(texts[-1], depth + 1)
    leaves = [leaf(text) for text in texts]
    exact = [leaf.formula.exact if leaf.formula is not None else None for leaf in leaves]
    if exact[-1] is not None and len(set(exact)) == 1:  # "40 + 2 = 42"
        return _read(texts[-1], depth + 1)
    return Answer(_rel("=", leaves[0], leaves[-1])) if len(leaves) == 2 else Answer(Core("chain", "=", tuple(leaves)))


def _rel(op: str, left: Core, right: Core) -> Core:
    """A relation; of inequalities only < and ≤ are kept."""
    if op in (">", ">="):
        left, right, op = right, left, _MIRRORED[op]
    formula = None
    if left.formula is not None and right.formula is not None:
        formula = Formula(node("add", left.formula.tree, node("neg", right.formula.tree)))
    return Core(f"rel {op}", parts=(left, right), formula=formula)


def relation(name: str, core: Core, like: Core) -> Core | None:
    """A named value as an equation or inequality, whichever `like` is; None where it is none."""
    left = leaf(name)
    if like.kind == "rel =":
        return None if left.formula is None or core.formula is None else _rel("=", left, core)
    if not _is_interval(core):
        return None
    low, high = core.parts
    if low.text in _INFINITE and high.text not in _INFINITE:
        return _rel("<=" if core.kind[1] == "]" else "<", left, high)
    if high.text in _INFINITE and low.text not in _INFINITE:
        return _rel(">=" if core.kind[0] == "[" else ">", left, low)
    return None


def _inequality(left: str, op: str, right: str) -> Answer:
    one, other = leaf(left), leaf(right)
    if _name(left) is None and _name(right) is not None:
        one, other, left, right, op = other, one, right, left, _MIRRORED[op]
    name = _name(left)
    constant = other.formula is not None and not other.formula.names - {"\\pi", "e", "\\infty"}
    if name is None or not constant:
        return Answer(_rel(op, one, other))
    low, high = leaf("-\\infty"), leaf("\\infty")
    match op:
        case "<" | "<=":
            core = Core("()" if op == "<" else "(]", parts=(low, other))
        case ">" | ">=":
            core = Core("()" if op == ">" else "[)", parts=(other, high))
        case _:
            core = Core("union", parts=(Core("()", parts=(low, other)), Core("()", parts=(other, high))))
    return Answer(core, name=name)


def _membership(parts: list[str], depth: int) -> Answer | None:
    """x ∈ S is S."""
    texts, signs = _split(parts, {"\\in"})
    if len(signs) != 1 or (name := _name(texts[0])) is None or not texts[1]:
        return None
    return replace(_read(texts[1], depth + 1), name=name)


def _joined(parts: list[str], depth: int) -> Core | None:
    """Sets that are joined by ∪, ∩ or ∖, and ratios."""
    for kind, sign in (("union", "\\cup"), ("cap", "\\cap"), ("minus", "\\setminus"), ("ratio", ":")):
        texts, signs = _split(parts, {sign})
        if signs and all(texts) and len(texts) <= _MOST_PARTS:
            if kind == "ratio" and not all(read_formula(text) for text in texts):
                continue
            if kind == "ratio" and any(re.match(r"0\d", text) for text in texts[1:]):
                continue
            return Core(kind, parts=tuple(_wrapped(_read(text, depth + 1)) for text in texts))
    return None


def _bracketed(text: str, parts: list[str], depth: int) -> Core | None:
    """Tuples, intervals, sets, vectors, matrices, and what stands in brackets alone."""
    if (matrix := _MATRIX.fullmatch(text)) is not None:
        return _matrix(matrix[1], matrix[2], depth)
    if text in ("\\emptyset", "\\{\\}"):
        return Core("set")
    if len(parts) < 2 or parts[0] not in _OPEN or parts[-1] not in _SHUT or not _whole(parts):
        return None
    opened, shut = (sign.replace("\\langle", "(").replace("\\rangle", ")") for sign in (parts[0], parts[-1]))
    inside = parts[1:-1]
    texts, signs = _split(inside, {",", ";"})
    if opened == "\\{" and shut == "\\}":
        return _set(inside, depth)
    if opened not in ("(", "[") or shut not in (")", "]"):
        return None
    if not signs:
        inner = "".join(inside).strip()
        if (matrix := _MATRIX.fullmatch(inner)) is not None:
            return _matrix(matrix[1], matrix[2], depth)
        return None
    if not all(texts) or len(texts) > _MOST_PARTS:
        return None
    return Core(opened + shut, parts=tuple(_wrapped(_read(text, depth + 1)) for text in texts))


def _set(inside: list[str], depth: int) -> Core:
    """A set in braces; "{x : x > 2}" and "{x | x > 2}" are what x is."""
    described, signs = _split(inside, {":", "|"})
    if len(signs) == 1 and (name := _name(re.sub(r"\\in\s*\\mathbb\{[RZNQ]\}$", "", described[0]))) is not None:
        answer = _read(described[1], depth + 1)
        if answer.name == name:
            return answer.core
    texts, _ = _split(inside, {",", ";"})
    answers = [_read(text, depth + 1) for text in texts if text]
    collected = Core("set", parts=tuple(_wrapped(answer) for answer in answers))
    flat = tuple(
        inner for part in collected.parts for inner in (part.parts if part.kind == "set" and part.parts else (part,))
    )
    return flat[0] if len(flat) == 1 else Core("set", parts=flat)


def _whole(parts: list[str]) -> bool:
    """Whether the first bracket closes with the last token."""
    depth = 0
    for at, part in enumerate(parts):
        depth += (part in _OPEN) - (part in _SHUT)
        if depth == 0:
            return at == len(parts) - 1
    return False


def _matrix(kind: str, inside: str, depth: int) -> Core:
    rows = [row for row in inside.split("\\\\") if row.strip()]
    kind = "det" if kind == "vmatrix" else "matrix"
    return Core(
        kind,
        parts=tuple(
            Core("row", parts=tuple(_wrapped(_read(cell, depth + 1)) for cell in row.split("&")))
            for row in rows[:_MOST_PARTS]
        ),
    )
