"""What programs do: run on inputs found in the prompt and derived from those, so that equal behaviour can be recognised.

Inputs depend on the prompt alone, so a program's behaviour is a property of its answer node, whoever wrote it, and a
program cannot choose what it is tried on. Programs run in the sandbox only.
"""

from __future__ import annotations

import ast
import json
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Any, Final

from memgraph.keys import key_of
from memgraph.sandbox import Limits, run_many

BEHAVIOUR_VERSION: Final = "2"  # a new one needs a migration like V0005, so that programs are tried anew
_MOST_INPUTS = 32
_LONGEST_CALL = 2000
_LIMITS = Limits(seconds=6, cpu_seconds=4)
_SIGNATURE = re.compile(r"\bdef\s+(\w+)\s*\(([^)]*)\)|\bfunction\s+`?(\w+)\(([^)]*)\)")
_ARROW = re.compile(
    r"\s*(?:\n\s*(?=[^\s>])|={1,2}>|==|=|->|➞|→|[#,]?\s*(?:should\s+)?(?:returns?|gives?|is|outputs?)\s*:?)\s*"
)
_NO_ARGUMENTS: Final = "self"
_NAMED: Final = re.compile(r"(?<![\w.])\d{1,6}(?![\w.]*\d|\w)")
_MOST_NAMED: Final = 3

# what parameters are tried with where the prompt shows no example, by annotation or name
_TRIES: Final[dict[str, list[Any]]] = {
    "str": ["", "a", "Hello world", "abcba", "12 3", "xyz XYZ"],
    "int": [0, 1, 2, 3, 7, 10, -4],
    "float": [0.0, 0.5, 2.0, -1.25, 10.0],
    "bool": [True, False],
    "list": [[], [1], [3, 1, 2], [5, 5, -2, 0], [1, 2, 3, 4, 5, 6]],
    "list_str": [[], ["a"], ["b", "a", "ccc"], ["Hello", "world", "hello"]],
    "dict": [{}, {"a": 1}, {"b": 2, "a": 1}],
}
_NAMES_OF: Final = (
    ("list", re.compile(r"^(?:l|ls|lst|arr|array|nums|numbers|xs|values|list|items|operations|seq)\w*$")),
    ("list_str", re.compile(r"^(?:words|strings|names|lines|texts)\w*$")),
    ("str", re.compile(r"^(?:s|st|str|string|text|word|sentence|message|name|txt|brackets|date)\w*$")),
    ("dict", re.compile(r"^(?:d|dict|mapping|counts)\w*$")),
)

_HARNESS = """
import copy as _copy, json as _json, signal as _signal
def _over(*_):
    raise TimeoutError
_signal.signal(_signal.SIGALRM, _over)
_found = []
for _arguments in {inputs}:
    _signal.setitimer(_signal.ITIMER_REAL, 0.3)
    try:
        _value = {name}(*_copy.deepcopy(_arguments))
        if hasattr(_value, '__next__'):
            _value = list(_value)
        _found.append(repr(_value)[:500])
    except Exception as _error:
        _found.append('!' + type(_error).__name__)
    finally:
        _signal.setitimer(_signal.ITIMER_REAL, 0)
print({marker!r} + _json.dumps(_found))
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a prompt's programs are tried on.

    Attributes:
        name: of the function to call.
        inputs: argument tuples; the first ones are those of the examples.
        expected: what the examples say, one for each of the first inputs.
    """

    name: str
    inputs: tuple[tuple[Any, ...], ...]
    expected: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a program behaved.

    Attributes:
        key: equal for programs that did the same on every input; None where the program did not run at all.
        examples: share of the prompt's own examples that it got right, None where it shows none.
        runs: share of the inputs on which it raised nothing, None where the prompt gives nothing to run it on.
    """

    key: str | None
    examples: float | None
    runs: float | None


def trial(prompt: str) -> Trial | None:
    """Function name and inputs of a prompt; None where it asks for no function with arguments."""
    signatures = [(first or third, second or fourth) for first, second, third, fourth in _SIGNATURE.findall(prompt)]
    if not signatures:
        return None
    name, parameters = signatures[-1]
    examples = list(_examples(prompt, name))
    shown = [(arguments, value) for _, arguments, value in examples[:8]]
    seeds = [arguments for arguments, _ in shown] or list(islice(_generated(parameters), 12))
    bounds = _boundaries(_named(prompt, [start for start, _, _ in examples]), seeds[0]) if seeds else []
    inputs: dict[str, tuple[Any, ...]] = {}
    variants = (changed for turn in zip_longest(*map(_variants, seeds)) for changed in turn if changed is not None)
    for arguments in [*seeds, *bounds, *variants]:
        inputs.setdefault(repr(arguments), arguments)
    chosen = tuple(islice(inputs.values(), _MOST_INPUTS))
    if not chosen:
        return None
    expected = {repr(arguments): value for arguments, value in shown}
    return Trial(name, chosen, tuple(expected[key] for key in islice(inputs, len(expected)) if key in expected))


def behaviours(trial: Trial, programs: Sequence[str]) -> list[Behaviour]:
    """Run programs on a trial's inputs in the sandbox, in order."""
    marker = secrets.token_hex(8)
    harness = _HARNESS.format(inputs=repr(list(trial.inputs)), name=trial.name, marker=marker)
    results = run_many([f"{program}\n{harness}" for program in programs], limits=_LIMITS)
    return [_behaviour(trial, result.stdout, marker) for result in results]


def _behaviour(trial: Trial, output: str, marker: str) -> Behaviour:
    known = len(trial.expected)
    nothing = Behaviour(None, 0.0 if known else None, 0.0)
    line = next((line for line in reversed(output.splitlines()) if line.startswith(marker)), None)
    if line is None:
        return nothing
    try:
        found = json.loads(line.removeprefix(marker))
    except ValueError:
        return nothing
    if len(found) != len(trial.inputs) or all(text.startswith("!") for text in found):
        return nothing
    passed = [_equal(text, value) for text, value in zip(found, trial.expected, strict=False)]
    return Behaviour(
        key_of("behaviour", BEHAVIOUR_VERSION, *found),
        sum(passed) / known if known else None,
        sum(not text.startswith("!") for text in found) / len(found),
    )


def _equal(text: str, value: Any) -> bool:
    if text == repr(value):
        return True
    try:
        found = ast.literal_eval(text)
        return bool(
            found == value
            or (isinstance(found, float) and isinstance(value, int | float) and abs(found - value) < 1e-6)
        )
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False


def _examples(prompt: str, name: str) -> Iterator[tuple[int, tuple[Any, ...], Any]]:
    """(position, arguments, expected value) of the calls with a value beside them: `>>> f(1)`, `f(1) == 2`, `f(1) ➞ 2` …"""
    for match in re.finditer(rf"(?<![\w.]){re.escape(name)}\(", prompt):
        if prompt[: match.start()].endswith("def "):
            continue
        end = _closing(prompt, match.end())
        arrow = None if end is None else _ARROW.match(prompt, end)
        if end is None or arrow is None:
            continue
        try:
            call = ast.parse(prompt[match.start() : end], mode="eval").body
            if not isinstance(call, ast.Call) or call.keywords or not call.args:
                continue
            arguments = tuple(ast.literal_eval(argument) for argument in call.args)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        value = _leading_literal(prompt[arrow.end() :].split("\n")[0])
        if value is not None:
            yield match.start(), arguments, value[0]


def _closing(text: str, start: int) -> int | None:
    """Position after the bracket that closes the one before `start`, brackets inside strings left aside."""
    depth, quote = 1, ""
    for position in range(start, min(len(text), start + _LONGEST_CALL)):
        character = text[position]
        if quote:
            quote = "" if character == quote and text[position - 1] != "\\" else quote
        elif character in "'\"":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
            if depth == 0:
                return position + 1
    return None


def _leading_literal(text: str) -> tuple[Any] | None:
    """The longest Python literal that the text begins with, in a tuple of one; None where there is none."""
    text = text.strip().rstrip("`")[:500]
    for end in range(len(text), 0, -1):
        if end == len(text) or not (text[end - 1].isalnum() and text[end].isalnum()):
            try:
                return (ast.literal_eval(text[:end].strip()),)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
    return None


def _named(prompt: str, examples: Sequence[int]) -> list[int]:
    """Whole numbers that the prompt names, lines from where an example begins on left out."""
    for start in reversed(examples):
        prompt = prompt[:start] + "\n" + prompt[start:].partition("\n")[2]
    return list(islice(dict.fromkeys(int(found) for found in _NAMED.findall(prompt)), _MOST_NAMED))


def _boundaries(numbers: list[int], arguments: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """The arguments with whole numbers, alone and in lists, at and on both sides of those given.

    "More than 6" and "at least 6" differ on 6 alone, and "all more than 6" on lists that have nothing below it.
    """
    found = []
    for number in numbers:
        around = [number - 1, number, number + 1]
        for place, value in enumerate(arguments):
            if isinstance(value, list) and all(type(item) is int for item in value):
                tried: list[Any] = [around, *([item] for item in around)]
            else:
                tried = around if type(value) is int else []
            found += [(*arguments[:place], changed, *arguments[place + 1 :]) for changed in tried]
    return found


def _variants(arguments: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """The arguments with one of them changed, in a fixed order."""
    return [
        (*arguments[:place], changed, *arguments[place + 1 :])
        for place, value in enumerate(arguments)
        for changed in _changed(value)
    ]


def _changed(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1, 0, 2 * value + 3]
    if isinstance(value, float):
        return [value + 0.5, -value, 0.0]
    if isinstance(value, str):
        words = [f"{value}s z {value[:2]}", f"a {value[1:]} {value}b"]  # of different lengths
        return [value[::-1], *words, value[1:], value + value[:3], value.swapcase(), ""]
    if isinstance(value, list):
        nested = [[*_changed(value[0])[:1], *value[1:]], [*value, *_changed(value[0])[:2]]] if value else []
        alone = [[value[0]], _changed(value[0])[:1]] if value else []
        return [value[::-1], value[1:], *alone, value + value[:2], *nested, []]
    if isinstance(value, tuple):
        return [value[::-1], value[1:]]
    if isinstance(value, dict):
        return [{}, dict(list(value.items())[1:])]
    return []


def _generated(parameters: str) -> Iterator[tuple[Any, ...]]:
    """Arguments made from a signature's annotations and names."""
    names = [
        part for part in _split(parameters) if part and part.split(":")[0].strip() not in {_NO_ARGUMENTS, "*", "/"}
    ]
    if not names:
        return
    pools = [_TRIES[_kind(part)] for part in names]
    for number in range(max(map(len, pools)) + 6):
        yield tuple(pool[(number + shift * (1 + number // len(pool))) % len(pool)] for shift, pool in enumerate(pools))


def _split(parameters: str) -> list[str]:
    """Parameters at commas outside brackets, without defaults."""
    return [part.split("=")[0].strip() for part in re.split(r",(?![^\[]*\])", parameters)]


def _kind(parameter: str) -> str:
    name, _, annotation = (text.strip() for text in parameter.partition(":"))
    annotation = annotation.lower()
    if annotation:
        if "list" in annotation or "sequence" in annotation or "tuple" in annotation:
            return "list_str" if "str" in annotation else "list"
        for kind in ("dict", "str", "float", "bool", "int"):
            if kind in annotation:
                return kind
    return next((kind for kind, pattern in _NAMES_OF if pattern.match(name)), "int")
