r"""Maths: answers are numbers, formulas, sets, intervals, quantities, options and short texts.

    answer as written ──clean──► key ──read──► value ──same──► equal, different, or asked of math-verify

The key is clean LaTeX (`latex.clean_latex`), so nothing of the value is lost and each of its spellings is judged alike.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import ClassVar, Final

from memgraph.domains.domain import MISSING, Domain, Item, Kind, NormalAnswer, Reading, Verdict
from memgraph.domains.equality import equal_answers, same
from memgraph.domains.evaluate import Formula
from memgraph.domains.expressions import Pair, pool
from memgraph.domains.formula_parser import read_formula
from memgraph.domains.latex import LONGEST, broken, clean_latex
from memgraph.domains.leaves import Answer, Core
from memgraph.domains.options import listed_options
from memgraph.domains.stated import stated_answer
from memgraph.domains.thinking import split_thinking
from memgraph.domains.values import read_answer, relation

_SECONDS: Final = 7.0  # for what math-verify is asked in one call
_DIGITS: Final = 400
_NUMBER: Final = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_FRACTION: Final = re.compile(
    r"(?P<sign>[-+]?)(?:(?P<whole>[0-9]+) ?(?=\\frac| ?[0-9]))?"
    r"(?:\\frac\{(?P<minus>-?)(?P<above>[0-9]+)\}\{(?P<below>[0-9]+)\}|(?P<over>[0-9]+)/(?P<under>[0-9]+))"
)
_SHOWN: Final = 60


class Math(Domain):
    """Answers in LaTeX or as people type them."""

    name: ClassVar[str] = "math"
    version: ClassVar[str] = "3"
    kind: ClassVar[Kind] = "calculation"
    runs_tests: ClassVar[bool] = False

    def read(self, response: str, *, query: str | None = None, thinking_opened: bool = False) -> Reading:
        """Thinking and stated answer of a response; where no thinking is marked, it is all that the response says."""
        thinking, rest = split_thinking(response, opened=thinking_opened)
        if rest is None:
            return Reading(thinking, None)
        return Reading(thinking or rest.strip(), stated_answer(rest, options=_options(query)))

    def key(self, answer: str | None, *, query: str | None = None) -> NormalAnswer:
        """The answer in clean LaTeX; numbers as fractions in lowest terms."""
        if answer is None:
            return MISSING
        value = _key(answer)
        return NormalAnswer(value, True) if value else MISSING

    def spelling(self, answer: str) -> tuple[bool, int, str]:
        """Broken LaTeX last, then the shorter, then the alphabetically smaller."""
        return len(answer) <= LONGEST and broken(answer) is not None, len(answer), answer

    def classes(self, answers: Sequence[str], *, query: str | None = None, seconds: float = 1.0) -> list[int]:
        """Which answers are equal. What lacks a unit, name or option's text joins those that have one, unless there are two."""
        until = time.monotonic() + seconds
        options = _options(query)
        keys = [_key(answer) for answer in answers]
        entries = [_entry(key, options) for key in sorted(set(keys))]
        letters = _letters(entries)
        entries = [_grouped(entry, letters) for entry in entries]
        asked: set[Pair] = set()

        def ask(one: str, other: str) -> bool | None:
            if (equal := pool().settled(one, other)) is None:
                asked.add((one, other))
            return equal

        groups = _groups(entries, ask, until)
        if asked and (left := until - time.monotonic()) > 0:
            pool().compare(sorted(asked), left)
            groups = _groups(entries, ask, until + seconds / 4)
        number = {entry.key: n for n, members in enumerate(groups) for entry in members}
        return [number[key] for key in keys]

    def verify(self, items: Sequence[Item]) -> list[Verdict]:
        """Judge answers by their query's gold."""
        asked: set[Pair] = set()

        def ask(one: str, other: str) -> bool | None:
            if (equal := pool().settled(one, other)) is None:
                asked.add((one, other))
            return equal

        verdicts = [_judge(item, ask) for item in items]
        if not asked:
            return verdicts
        outcomes = pool().compare(sorted(asked), _SECONDS)
        if any(outcome.kind == "no worker" for outcome in outcomes):
            fault = Verdict(None, "the process that compares expressions does not start")
            return [
                fault if verdict.score is None and verdict.reason == _UNDECIDED.reason else verdict
                for verdict in verdicts
            ]
        settled = {pair: outcome.equal for pair, outcome in zip(sorted(asked), outcomes, strict=True)}
        return [
            verdict if verdict.reason != _UNDECIDED.reason else _settled(_judge(item, lambda a, b: settled.get((a, b))))
            for item, verdict in zip(items, verdicts, strict=True)
        ]


_UNDECIDED: Final = Verdict(None, "not compared yet")


def _settled(verdict: Verdict) -> Verdict:
    """An answer that could not be compared with a gold that can be read is not shown to be right."""
    return (
        Verdict(0.0, "not shown to be equal within the time that a comparison has")
        if verdict == _UNDECIDED
        else verdict
    )


def _judge(item: Item, ask: Callable[[str, str], bool | None]) -> Verdict:
    reference = item.reference
    if reference.kind != "gold":
        return Verdict(None, "the reference is tests, and maths is judged by a gold answer")
    golds = [gold for gold in reference.accepted if gold.strip()]
    if not golds:
        return Verdict(None, "no gold")
    if item.answer is None or not (answer := _key(item.answer)):
        return Verdict(0.0, "no answer")
    unread: str | None = None
    undecided = readable = False
    for gold in golds:
        wanted = _key(gold)
        if answer == wanted:
            return Verdict(1.0, "equal normal forms")
        if (fault := broken(gold) if len(gold) <= LONGEST else None) is not None or not wanted:
            unread = unread or f"the gold {_short(gold)} cannot be read: {fault or 'nothing is left of it'}"
            continue
        readable = True
        equal = _equal(answer, wanted, _options(item.query), ask)
        if equal:
            return Verdict(1.0, "equal values")
        undecided = undecided or equal is None
    if undecided:
        return _UNDECIDED
    if not readable and unread is not None:
        return Verdict(None, unread)
    return Verdict(0.0, "different values")


def _equal(one: str, other: str, options: Mapping[str, str], ask: Callable[[str, str], bool | None]) -> bool | None:
    left, right = _entry(one, options), _entry(other, options)
    if left.chosen is not None and right.chosen is not None:
        return left.chosen == right.chosen
    equal = equal_answers(left.answer, right.answer, ask)
    if equal is False and options:
        for chosen, against in ((left.chosen, right), (right.chosen, left)):
            if chosen is not None and equal_answers(read_answer(_key(options[chosen])), against.answer, ask):
                return True
    return equal


@dataclass(frozen=True)
class _Entry:
    """An answer with what must not differ within a class.

    Attributes:
        chosen: letter of one of the query's options.
        letter: of an option, where the query has none.
        beside: what stands beside the letter.
    """

    key: str
    answer: Answer
    core: Core
    chosen: str | None = None
    letter: str | None = None
    beside: str | None = None

    @property
    def marks(self) -> tuple[str | None, ...]:
        """Unit, name, text of an option, case of a letter that may be a variable."""
        option = self.answer.option
        case = self.letter if option is not None and not option.marked else None
        beside = (self.letter or "").upper() if self.beside is not None else None
        return (self.answer.unit, self.answer.name, self.beside, beside, case)


def _entry(key: str, options: Mapping[str, str]) -> _Entry:
    answer = read_answer(key)
    if options and (chosen := _chosen(key, answer, options)) is not None:
        return _Entry(key, replace(answer, unit=None, name=None, option=None), Core("option", chosen), chosen=chosen)
    if answer.option is not None:
        return _Entry(key, answer, answer.core, letter=answer.option.letter, beside=answer.option.text or None)
    return _Entry(key, answer, answer.core)


def _letters(entries: list[_Entry]) -> set[str]:
    """Letters by which answers are grouped: those that stand alone and with a text, or marked and in both cases."""
    lone: dict[str, set[str]] = {}
    marked: set[str] = set()
    beside: set[str] = set()
    for entry in entries:
        if entry.letter is None:
            continue
        letter = entry.letter.upper()
        if entry.beside is not None:
            beside.add(letter)
        else:
            lone.setdefault(letter, set()).add(entry.letter)
            marked |= {letter} if entry.answer.option is not None and entry.answer.option.marked else set()
    return {letter for letter, cases in lone.items() if letter in beside or (letter in marked and len(cases) > 1)}


def _grouped(entry: _Entry, letters: set[str]) -> _Entry:
    """The entry with the value that it is grouped by: an option's letter where that is needed."""
    if entry.letter is None:
        return entry
    if entry.letter.upper() in letters:
        return replace(entry, core=Core("option", entry.letter.upper()))
    rest = entry.answer.rest
    if entry.beside is None:
        return replace(entry, core=read_answer(entry.letter).core)
    if rest is None or rest.core.kind in ("text", "word"):
        return entry
    return replace(entry, core=rest.core, answer=rest)


def _chosen(key: str, answer: Answer, options: Mapping[str, str]) -> str | None:
    """The option that an answer names, by its letter or as its text."""
    if answer.option is not None and answer.option.letter.upper() in options:
        return answer.option.letter.upper()
    fitting = [
        letter
        for letter, text in options.items()
        if (option := _key(text)) and (option == key or equal_answers(read_answer(option), answer, lambda a, b: None))
    ]
    return fitting[0] if len(fitting) == 1 else None


def _groups(entries: list[_Entry], ask: Callable[[str, str], bool | None], until: float) -> list[list[_Entry]]:
    """Entries by equal value, each group apart where units, names or options' texts would meet."""
    groups: list[list[_Entry]] = []
    numbers: dict[Fraction, list[_Entry]] = {}
    others: list[list[_Entry]] = []  # groups whose first answer is no exact number
    for entry in entries:
        exact = _exact(entry.core)
        group = numbers.get(exact) if exact is not None else None
        if group is None:
            among = others if exact is not None else groups
            group = next(
                (members for members in among if time.monotonic() < until and same(entry.core, members[0].core, ask)),
                None,
            )
        if group is not None:
            group.append(entry)
            continue
        groups.append([entry])
        if exact is not None:
            numbers[exact] = groups[-1]
        else:
            others.append(groups[-1])
    apart = [part for group in groups for part in _apart(group, 0)]
    return _with_equations(apart, ask)


def _exact(core: Core) -> Fraction | None:
    return core.formula.exact if core.kind == "leaf" and core.formula is not None else None


def _apart(group: list[_Entry], mark: int) -> list[list[_Entry]]:
    """The group in parts that hold at most one of each mark; those without stay together where there are several."""
    if mark == len(group[0].marks):
        return [group]
    parts: dict[str | None, list[_Entry]] = {}
    for entry in group:
        parts.setdefault(entry.marks[mark], []).append(entry)
    if len(parts.keys() - {None}) < 2:
        return _apart(group, mark + 1)
    return [smaller for part in parts.values() for smaller in _apart(part, mark + 1)]


def _with_equations(groups: list[list[_Entry]], ask: Callable[[str, str], bool | None]) -> list[list[_Entry]]:
    """Groups of named values joined to those of relations that say the same, y = 2x and 2x - y = 0."""
    equations = [group for group in groups if group[0].core.kind.startswith("rel ")]
    joined: list[list[_Entry]] = [group for group in groups if not group[0].core.kind.startswith("rel ")]
    for group in equations:
        fitting = [
            other
            for other in joined
            if (name := other[0].answer.name) is not None
            and all(entry.answer.name == name for entry in other)
            and (whole := relation(name, other[0].core, group[0].core)) is not None
            and same(whole, group[0].core, ask)
        ]
        if len(fitting) == 1:
            fitting[0].extend(group)
        else:
            joined.append(group)
    return joined


@lru_cache(maxsize=256)
def _listed(query: str) -> tuple[tuple[str, str], ...]:
    return tuple(listed_options(query).items())


def _options(query: str | None) -> dict[str, str]:
    return dict(_listed(query)) if query else {}


@lru_cache(maxsize=8192)
def _key(answer: str) -> str:
    text = clean_latex(answer)
    return _number(text) or text


def _number(text: str) -> str | None:
    """A number as a fraction in lowest terms, None for anything else."""
    if len(text) > _DIGITS:
        return None
    if _NUMBER.fullmatch(text):
        return str(Fraction(text))
    if (match := _FRACTION.fullmatch(text)) is None:
        return None
    tree = read_formula(text)  # knows what a mixed number is
    if tree is None or int(match["below"] or match["under"]) == 0:
        return None
    value = Formula(tree).exact
    return None if value is None else str(value)


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")
