"""What a prompt's programs are tried on: the calls that it shows, and inputs derived from those or from its signature.

Prompts are text from anywhere. Every step is linear in them, and what a hostile one could multiply has a bound that no
ordinary one comes near.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from typing import Any, Final

_MOST_INPUTS = 32
_MOST_SHOWN = 8  # examples that are kept
_LONGEST_CALL = 2000
_LONGEST_LITERAL = 500
_MOST_READ: Final = 100_000  # characters of calls in one prompt, each of _SHORTEST_CALL at least
_SHORTEST_CALL: Final = 50
_MOST_PARSED: Final = 100_000  # characters tried as literals in one prompt; the worst take a second
_SIGNATURE = re.compile(r"\bdef\s+(\w+)\s*\(([^)]*)\)|\bfunction\s+`?(\w+)\(([^)]*)\)")
_SPACE = re.compile(r"\s*")
_ARROW = re.compile(r"(?:={1,2}>|==|=|->|➞|→|[#,]?\s*(?:should\s+)?(?:returns?|gives?|is|outputs?)\s*:?)\s*")
_NO_ARGUMENTS: Final = "self"
_NAMED: Final = re.compile(r"(?<![\w.])\d{1,6}(?![\w.]*\d|\w)")
_MOST_NAMED: Final = 3
_NO_LITERAL: Final = (ValueError, SyntaxError, TypeError, ArithmeticError, MemoryError, RecursionError)

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


def trial(prompt: str) -> Trial | None:
    """Function name and inputs of a prompt; None where it asks for no function with arguments."""
    signatures = _SIGNATURE.findall(prompt[: prompt.rfind(")") + 1])  # where a bracket opens, one closes
    if not signatures:
        return None
    name, parameters = next((name, inside) for name, inside in _pairs(signatures[-1]) if name)
    examples = list(_examples(prompt, name))
    shown = [(example.arguments, example.value) for example in examples[:_MOST_SHOWN]]
    seeds = [arguments for arguments, _ in shown] or list(islice(_generated(parameters), 12))
    if not seeds:
        return None
    bounds = _boundaries(_named(prompt, [example.start for example in examples]), seeds[0])
    variants = (changed for turn in zip_longest(*map(_variants, seeds)) for changed in turn if changed is not None)
    inputs: dict[str, tuple[Any, ...]] = {}
    for arguments in chain(seeds, bounds, variants):
        inputs.setdefault(repr(arguments), arguments)
        if len(inputs) == _MOST_INPUTS:
            break
    expected = {repr(arguments): value for arguments, value in shown}
    return Trial(name, tuple(inputs.values()), tuple(expected[key] for key in inputs if key in expected))


def literal(text: str) -> Any:
    """The value of a Python literal, in silence.

    Raises:
        ValueError: for anything else.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a text's odd escapes are no news for the terminal
            return ast.literal_eval(text)
    except _NO_LITERAL as error:
        raise ValueError("no literal") from error


@dataclass(frozen=True, slots=True)
class _Example:
    """A call that the prompt shows with the value beside it."""

    start: int
    arguments: tuple[Any, ...]
    value: Any


def _pairs(groups: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(name, parameters) by each way of writing a signature; empty where it was another."""
    return zip(groups[::2], groups[1::2], strict=True)


def _examples(prompt: str, name: str) -> Iterator[_Example]:
    """The calls with a value beside them: `>>> f(1)`, `f(1) == 2`, `f(1) ➞ 2` …"""
    to_read, to_parse = _MOST_READ, _MOST_PARSED
    for match in re.finditer(rf"(?<![\w.]){re.escape(name)}\(", prompt):
        start = match.start()
        if prompt.endswith("def ", 0, start):
            continue
        end = _closing(prompt, match.end())
        to_read -= _LONGEST_CALL if end is None else max(_SHORTEST_CALL, end - start)
        if to_read < 0:
            return
        if end is None or (value_start := _after_arrow(prompt, end)) is None:
            continue
        arguments = _arguments(prompt[start:end])
        if arguments is None:
            continue
        value, parsed = _leading_literal(prompt[value_start : value_start + _LONGEST_LITERAL], to_parse)
        to_parse -= parsed
        if value is not None:
            yield _Example(start, arguments, value[0])


def _arguments(call: str) -> tuple[Any, ...] | None:
    """Values of a call's arguments; None where it has none, names any, or holds what is no literal."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(call, mode="eval").body
        if not isinstance(tree, ast.Call) or tree.keywords or not tree.args:
            return None
        return tuple(ast.literal_eval(argument) for argument in tree.args)
    except _NO_LITERAL:
        return None


def _after_arrow(text: str, end: int) -> int | None:
    """Where the value of a call that ends there begins: behind an arrow and the like, or on the next line."""
    space = _SPACE.match(text, end)
    start = end if space is None else space.end()
    arrow = _ARROW.match(text, start)
    if arrow is not None:
        return arrow.end()
    next_line = text.find("\n", end, start) >= 0 and text[start : start + 1] not in ("", ">")
    return start if next_line else None


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


def _leading_literal(text: str, most: int) -> tuple[tuple[Any] | None, int]:
    """The longest Python literal that the text's line begins with, in a tuple of one; None where there is none.

    And how many characters were parsed for it, at most `most`.
    """
    text = text.partition("\n")[0].strip().rstrip("`")
    parsed = 0
    for end in range(len(text), 0, -1):
        if end == len(text) or not (text[end - 1].isalnum() and text[end].isalnum()):
            parsed += end
            if parsed > most:
                return None, most
            try:
                return (literal(text[:end].strip()),), parsed
            except ValueError:
                continue
    return None, parsed


def _named(prompt: str, examples: Sequence[int]) -> list[int]:
    """Whole numbers that the prompt names, lines from where an example begins on left out."""
    kept, start = [], 0
    for example in examples:
        if example >= start:
            kept.append(prompt[start:example])
            line_end = prompt.find("\n", example)
            start = len(prompt) if line_end < 0 else line_end + 1
    matches = _NAMED.finditer("\n".join([*kept, prompt[start:]]))
    return list(islice(dict.fromkeys(int(match.group()) for match in matches), _MOST_NAMED))


def _boundaries(numbers: list[int], arguments: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """The arguments with whole numbers, alone and in lists, at and on both sides of those given.

    "More than 6" and "at least 6" differ on 6 alone, and "all more than 6" on lists that have nothing below it.
    """
    for number in numbers:
        around = [number - 1, number, number + 1]
        for place, value in enumerate(arguments):
            if isinstance(value, list) and all(type(item) is int for item in value):
                tried: list[Any] = [around, *([item] for item in around)]
            else:
                tried = around if type(value) is int else []
            for changed in tried:
                yield (*arguments[:place], changed, *arguments[place + 1 :])


def _variants(arguments: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """The arguments with one of them changed, in a fixed order."""
    for place, value in enumerate(arguments):
        for changed in _changed(value):
            yield (*arguments[:place], changed, *arguments[place + 1 :])


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
        inner = _changed(value[0]) if value else []  # once, or lists in lists would take exponential time
        nested = [[*inner[:1], *value[1:]], [*value, *inner[:2]]] if value else []
        alone = [[value[0]], inner[:1]] if value else []
        return [value[::-1], value[1:], *alone, value + value[:2], *nested, []]
    if isinstance(value, tuple):
        return [value[::-1], value[1:]]
    if isinstance(value, dict):
        return [{}, dict(list(value.items())[1:])]
    return []


def _generated(parameters: str) -> Iterator[tuple[Any, ...]]:
    """Arguments made from a signature's annotations and names."""
    if len(parameters) > _LONGEST_CALL:
        return
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
