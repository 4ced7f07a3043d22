"""Short Python functions with tests: ways of picking numbers from a list, times what to do with them, and strings.

The mistakes are the usual ones: `>` for `>=`, counting for adding, the wrong end of a string.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from trainer.tiny.world.base import Exercise, make_problem, response

_TESTS = 4
_TRIES = 200
_BUILTINS: Final[dict[str, Any]] = {f.__name__: f for f in (abs, all, any, int, len, max, min, sorted, str, sum)}


@dataclass(frozen=True, slots=True)
class Pick:
    """A condition on the numbers of a list, in words and in Python, and what it is taken for."""

    name: str
    words: str
    test: str
    mistaken: str


@dataclass(frozen=True, slots=True)
class Use:
    """What is done with the picked numbers; `{test}` stands for the condition on x."""

    name: str
    wordings: tuple[str, ...]
    body: str
    mistaken: str


@dataclass(frozen=True, slots=True)
class Written:
    """A function body with the thinking that goes before it."""

    thinking: str
    body: str


@dataclass(frozen=True, slots=True)
class Simple:
    """A function of its own; argument kinds: s a string, n a small number, a and b any numbers, xs a list."""

    name: str
    arguments: str
    wordings: tuple[str, ...]
    body: str
    mistaken: tuple[str, ...]


_PICKS: Final = (
    Pick("above", "greater than {k}", "x > {k}", "x >= {k}"),
    Pick("from", "at least {k}", "x >= {k}", "x > {k}"),
    Pick("below", "less than {k}", "x < {k}", "x <= {k}"),
    Pick("upto", "at most {k}", "x <= {k}", "x < {k}"),
    Pick("even", "even", "x % 2 == 0", "x % 2 == 1"),
    Pick("odd", "odd", "x % 2 == 1", "x % 2 == 0"),
    Pick("not", "other than {k}", "x != {k}", "x == {k}"),
    Pick("multiple", "divisible by {k}", "x % {k} == 0", "x // {k} == 0"),
)
_USES: Final = (
    Use("sum", ("add up the numbers in xs that are {pick}", "the total of those in xs {pick}"),
        "sum(x for x in xs if {test})", "sum(1 for x in xs if {test})"),
    Use("count", ("count the numbers in xs that are {pick}", "how many of xs are {pick}"),
        "sum(1 for x in xs if {test})", "sum(x for x in xs if {test})"),
    Use("keep", ("a list of the numbers in xs that are {pick}", "keep those in xs {pick}"),
        "[x for x in xs if {test}]", "[x for x in xs if not {test}]"),
    Use("drop", ("xs without numbers that are {pick}", "remove those from xs {pick}"),
        "[x for x in xs if not {test}]", "[x for x in xs if {test}]"),
    Use("any", ("whether xs has a number that is {pick}", "is any of xs {pick}"),
        "any({test} for x in xs)", "all({test} for x in xs)"),
    Use("all", ("whether all numbers in xs are {pick}", "is each of xs {pick}"),
        "all({test} for x in xs)", "any({test} for x in xs)"),
    Use("square", ("the squares of the numbers in xs that are {pick}", "square those in xs {pick}"),
        "[x * x for x in xs if {test}]", "[x * 2 for x in xs if {test}]"),
    Use("double", ("twice each of the numbers in xs that is {pick}", "double those in xs {pick}"),
        "[x * 2 for x in xs if {test}]", "[x * x for x in xs if {test}]"),
)  # fmt: skip

_SIMPLE: Final = (
    Simple("head", "s n", ("the first n letters of s", "cut s after n letters"), "s[:n]", ("s[n:]", "s[-n:]")),
    Simple("tail", "s n", ("the last n letters of s", "the end of s, n letters long"), "s[-n:]", ("s[n:]", "s[:n]")),
    Simple(
        "skip",
        "s n",
        ("s without its first n letters", "drop n letters at the start of s"),
        "s[n:]",
        ("s[:-n]", "s[:n]"),
    ),
    Simple(
        "chop", "s n", ("s without its last n letters", "drop n letters at the end of s"), "s[:-n]", ("s[n:]", "s[-n:]")
    ),
    Simple("repeat", "s n", ("s written n times", "repeat s n times"), "s * n", ("s * (n + 1)", "s * (n - 1)")),
    Simple("reverse", "s", ("s read backwards", "turn s around"), "s[::-1]", ("s[::-2]", "s[::2]")),
    Simple(
        "every", "s n", ("each n-th letter of s from the first on", "s in steps of n"), "s[::n]", ("s[n::n]", "s[:n]")
    ),
    Simple("upper", "s", ("s in capitals", "write s in large letters"), "s.upper()", ("s.title()", "s.lower()")),
    Simple("words", "s", ("how many words s has", "count the words of s"), "len(s.split())", ("len(s)",)),
    Simple(
        "vowels",
        "s",
        ("count the vowels in s", "how many vowels s has"),
        "sum(1 for c in s if c in 'aeiou')",
        ("sum(1 for c in s if c not in 'aeiou')",),
    ),
    Simple(
        "hyphen",
        "s",
        ("join the words of s by hyphens", "s with hyphens for spaces"),
        "'-'.join(s.split())",
        ("'-'.join(s)",),
    ),
    Simple(
        "longest",
        "s",
        ("the longest word of s", "which word of s is longest"),
        "max(s.split(), key=len)",
        ("max(s.split())", "min(s.split(), key=len)"),
    ),
    Simple(
        "shortest",
        "s",
        ("the shortest word of s", "which word of s is shortest"),
        "min(s.split(), key=len)",
        ("min(s.split())", "max(s.split(), key=len)"),
    ),
    Simple(
        "last_word", "s", ("the last word of s", "the word that ends s"), "s.split()[-1]", ("s.split()[0]", "s[-1]")
    ),
    Simple(
        "first_word", "s", ("the first word of s", "the word that begins s"), "s.split()[0]", ("s.split()[-1]", "s[0]")
    ),
    Simple(
        "palindrome",
        "s",
        ("whether s reads the same backwards", "is s a palindrome"),
        "s == s[::-1]",
        ("s[0] == s[-1]",),
    ),
    Simple("gap", "a b", ("the distance between a and b", "how far a is from b"), "abs(a - b)", ("a - b", "b - a")),
    Simple("larger", "a b", ("the larger of a and b", "a or b, whichever is greater"), "max(a, b)", ("min(a, b)", "a")),
    Simple("smaller", "a b", ("the smaller of a and b", "a or b, whichever is less"), "min(a, b)", ("max(a, b)", "b")),
    Simple(
        "mean", "a b", ("the mean of a and b", "halfway between a and b"), "(a + b) / 2", ("a + b / 2", "(a + b) // 2")
    ),
    Simple(
        "divides", "a n", ("whether n divides a", "is a a multiple of n"), "a % n == 0", ("n % a == 0", "a // n == 0")
    ),
    Simple("rest", "a n", ("the rest of a divided by n", "what is left when a is split by n"), "a % n", ("a // n",)),
    Simple(
        "digits",
        "a",
        ("the sum of the digits of a", "add up the digits of a"),
        "sum(int(d) for d in str(abs(a)))",
        ("len(str(abs(a)))",),
    ),
    Simple(
        "length",
        "a",
        ("how many digits a has", "count the digits of a"),
        "len(str(abs(a)))",
        ("sum(int(d) for d in str(abs(a)))", "len(str(a)) - 1"),
    ),
    Simple(
        "spread",
        "xs",
        ("the largest minus the smallest of xs", "the range of xs"),
        "max(xs) - min(xs)",
        ("max(xs) + min(xs)", "xs[-1] - xs[0]"),
    ),
    Simple(
        "ends", "xs", ("the first plus the last of xs", "add both ends of xs"), "xs[0] + xs[-1]", ("max(xs) + min(xs)",)
    ),
    Simple(
        "falling",
        "xs",
        ("xs from large to small", "sort xs downwards"),
        "sorted(xs, reverse=True)",
        ("sorted(xs)", "xs[::-1]"),
    ),
    Simple(
        "second",
        "xs",
        ("the second largest of xs", "the runner-up in xs"),
        "sorted(xs)[-2]",
        ("sorted(xs)[1]", "xs[1]"),
    ),
    Simple(
        "rotate",
        "xs",
        ("xs with its first number moved to the end", "xs turned left by one"),
        "xs[1:] + xs[:1]",
        ("xs[-1:] + xs[:-1]",),
    ),
    Simple("rises", "xs", ("whether xs is sorted", "does xs never fall"), "xs == sorted(xs)", ("xs[0] <= xs[-1]",)),
)
_WORDS = [
    "level",
    "noon",
    "red",
    "apple",
    "sun",
    "river",
    "stone",
    "a",
    "tree",
    "blue",
    "cat",
    "window",
    "rain",
    "we",
    "moon",
]
_NAMES = ("f", "solve", "run", "calc", "work", "answer")


def exercise(rng: Random, ood: bool) -> Exercise:
    """One function to write; with `ood` one that picks by two conditions."""
    if ood:
        return _picking(rng, two=True)
    return _picking(rng, two=False) if rng.random() < 0.6 else _simple(rng)


def _picking(rng: Random, *, two: bool) -> Exercise:
    use, first = rng.choice(_USES), rng.choice(_PICKS)
    k = rng.randint(2, 9)
    words, test, mistaken = (text.format(k=k) for text in (first.words, first.test, first.mistaken))
    skill, boundary = f"{use.name}_{first.name}", k
    if two:
        second = rng.choice([pick for pick in _PICKS if pick is not first])
        j = rng.randint(2, 9)
        words = f"{words} and {second.words.format(k=j)}"
        test, mistaken = (f"({t} and {second.test.format(k=j)})" for t in (test, mistaken))
        skill = "two_conditions"
    bodies = (use.body, test), (use.body, mistaken), (use.mistaken, test)
    written = [Written(f"test {condition}", body.format(test=condition)) for body, condition in bodies]
    doc = rng.choice(use.wordings).format(pick=words)
    made = _exercise(rng, skill, first.name, "xs", doc, written, boundary)
    return made or _picking(rng, two=two)


def _simple(rng: Random) -> Exercise:
    kind = rng.choice(_SIMPLE)
    written = [Written(f"take {body}", body) for body in (kind.body, *kind.mistaken)]
    made = _exercise(rng, kind.name, kind.name, kind.arguments, rng.choice(kind.wordings), written, rng.randint(2, 9))
    return made or _simple(rng)


def _exercise(
    rng: Random, skill: str, pattern: str, arguments: str, doc: str, written: list[Written], boundary: int
) -> Exercise | None:
    """The exercise, or None where no input was found that tells the mistakes from the right function."""
    parameters = arguments.split()
    name = rng.choice(_NAMES)
    signature = f"{name}({', '.join(parameters)})"
    functions = [_function(w.body, parameters) for w in written]
    inputs = _telling_inputs(rng, parameters, boundary, functions)
    if inputs is None:
        return None
    *hidden, shown = (f"{name}({_listed(values)}) == {functions[0](*values)!r}" for values in inputs)
    query = f"Write the Python function {signature}: {doc}. For example {shown}."
    tests = "\n".join(f"assert {line}" for line in hidden)
    right, *wrong = [response(w.thinking, f"```python\ndef {signature}:\n    return {w.body}\n```") for w in written]
    return Exercise(make_problem(query, "code", skill, tests=tests), f"code/{pattern}", right, tuple(wrong))


def _function(body: str, parameters: list[str]) -> Callable[..., Any]:
    """The function with this body; the bodies are those of this file."""
    return eval(f"lambda {', '.join(parameters)}: {body}", {"__builtins__": _BUILTINS})  # type: ignore[no-any-return]  # noqa: S307


def _listed(values: tuple[Any, ...]) -> str:
    return ", ".join(map(repr, values))


def _inputs(rng: Random, parameters: list[str], boundary: int) -> tuple[Any, ...]:
    made: dict[str, Callable[[], Any]] = {
        "s": lambda: " ".join(rng.choices(_WORDS, k=rng.randint(1, 3))),
        "n": lambda: rng.randint(2, 4),
        "a": lambda: rng.randint(-9, 99) or 1,
        "b": lambda: rng.randint(-9, 99),
        "xs": lambda: rng.sample([*range(1, 13), boundary, boundary], k=rng.randint(2, 4)),
    }
    return tuple(made[parameter]() for parameter in parameters)


def _telling_inputs(
    rng: Random, parameters: list[str], boundary: int, functions: list[Callable[..., Any]]
) -> list[tuple[Any, ...]] | None:
    """Inputs for the tests, on which every wrong function is found out, and then one for the example."""
    right, *unfound = functions
    inputs: list[tuple[Any, ...]] = []
    for _ in range(_TRIES):
        values = _inputs(rng, parameters, boundary)
        if values in inputs:
            continue
        if not unfound and len(inputs) >= _TESTS:
            return [*inputs, values]
        found = [function for function in unfound if function(*values) != right(*values)]
        unfound = [function for function in unfound if function not in found]
        if found or len(inputs) + len(unfound) < _TESTS:
            inputs.append(values)
    return None
