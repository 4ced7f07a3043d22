"""The program of a response: the last fenced block that is Python and defines something.

Fences are read line by line as Markdown has them (backticks or tildes, three or more, indented or not), and as models write
them: one that closes at the end of a code line, one that stands inside a docstring, one that is never closed.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_LONGEST_PROGRAM = 50_000  # characters that are parsed; a longer program is told by its lines
_LONGEST_DOCSTRING = 300  # lines in which a text in three quotes must end, to hold a fence
_FENCE = re.compile(r"(?P<before>[ \t]*(?:(?:[-*+>]|\d{1,3}[.)])[ \t]+){0,3})(?P<fence>`{3,}|~{3,})(?P<info>[^`\n]*)$")
_AFTER_WORDS = re.compile(
    r"[^`\n]{0,400}?[:：.][ \t]{0,4}(?P<fence>`{3,})(?P<info>[ \t]*(?:python|py)\w?[ \t]*)$", re.IGNORECASE
)
_PYTHON = re.compile(
    r"(?:python|py|python[23](?:\.\d+)?|py[23]|ipython[23]?|sage|gpython)(?![\w+-])(?!-repl)|[\w./-]+\.py\b",
    re.IGNORECASE,
)
_INFO = re.compile(r"[\w{+.:-]+[ \t]*")  # what an opening fence has after it
_ATTRIBUTES = re.compile(r"^\{?[ \t]*\.?[ \t]*|[ \t]*\}$")
_QUOTED = re.compile(r"\"{3}|'{3}|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|#[^\n]*|\\.")
_DEFINES = re.compile(r"^[ \t]*(?:async[ \t]+def|def|class)[ \t]+(?P<name>\w+)[^\n]{0,2000}$", re.MULTILINE)
_CODE_LINE = re.compile(r"^(?:def |class |import |from \w+(?:\.\w+)* import |async def |@\w|if __name__)", re.MULTILINE)
_TEST_NAME = re.compile(r"test|check$|run_tests?$", re.IGNORECASE)
_TAG = re.compile(r"<(/?)(?:final[_-]?)?answer[ \t]{0,4}>", re.IGNORECASE)
_NEXT_QUESTION = re.compile(
    r"^[ \t*#]{0,6}(?:(?:question|problem|exercise|human|user|instruction)[ \t]?\d{0,3}[*_]{0,2}[ \t]?:|Q\d{0,3}:"
    r"|#{2,4}[ \t]?(?:instruction"
    r"|question|human|user)s?\b)",
    re.IGNORECASE | re.MULTILINE,
)
_BLANK_LINES = re.compile(r"(?:[ \t]*\n)*")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block.

    Attributes:
        language: what stands after the opening fence.
    """

    language: str
    text: str


def program(text: str) -> str | None:
    """The program that a text (a response without its thinking) states, None where it states none.

    It is the last Python block that defines a function or a class other than tests, else the last Python block, else a text
    without fences that is Python. A pair of answer tags that holds a program comes first.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    tagged = _tagged(text)
    return (None if tagged is None else _program(tagged)) or _program(text)


def _program(text: str) -> str | None:
    fenced = list(blocks(text)) if "```" in text or "~~~" in text else []
    if not fenced:
        return _unfenced(text)
    python = [block for block in fenced if _is_python(block)]
    defining = [block.text for block in python if _defined(block.text)]
    if not defining:  # under another name: "code", "text", a wrong language
        defining = [
            block.text for block in fenced if not _is_python(block) and _defined(block.text) and _tree(block.text)
        ]
    if not defining and not python:
        return None
    own = [code for code in defining if not all(_TEST_NAME.match(name) for name in _defined(code))]
    return (own or defining or [block.text for block in python])[-1]


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a text in order, up to where it runs on into a next question."""
    lines = text.split("\n")
    position, seen = 0, False
    while position < len(lines):
        line = lines[position]
        opening = (_FENCE.match(line) or _AFTER_WORDS.match(line)) if "```" in line or "~~~" in line else None
        if opening is None:
            if seen and _NEXT_QUESTION.match(line):
                return
            position += 1
            continue
        body, position = _body(lines, position + 1, opening["fence"])
        if ">" in opening.groupdict().get("before", ""):  # a block in a quotation
            body = [re.sub(r"^[ \t]{0,3}>[ \t]?", "", line) for line in body]
        code = _dedented(body).strip("\n")
        if code.strip():
            seen = True
            yield Block(opening["info"].strip(), code)


def _body(lines: list[str], start: int, fence: str) -> tuple[list[str], int]:
    """The lines of the block that begins at `start`, and the number of the line after its closing fence."""
    closing = _closing(fence)
    mark = fence[0] * 3
    quote: str | None = None  # the three quotes that are open
    until = -1  # the line in which they close
    for number in range(start, len(lines)):
        line = lines[number]
        if mark in line and (quote is None or number > until):
            match = closing.match(line)
            if match is not None and not _INFO.fullmatch(match["rest"]):
                return lines[start:number], number + 1
            if match is not None and number > start:  # a next block begins: this one was never closed
                return lines[start:number], number
            bare = line.rstrip()
            if (
                bare.endswith(fence)
                and bare.strip(fence[0] + " \t")
                and _open_quote(bare.removesuffix(fence), None) is None
            ):
                return [*lines[start:number], bare.rstrip(fence[0])], number + 1
            tag = bare.find(fence + "</")
            if tag >= 0:
                return [*lines[start:number], bare[:tag].rstrip(fence[0])], number + 1
        if quote is None and '"""' not in line and "'''" not in line:
            continue
        was = quote
        quote = _open_quote(line, quote)
        if quote is not None and was is None:
            until = _closing_line(lines, number + 1, quote)
    return lines[start:], len(lines)


@lru_cache(maxsize=16)
def _closing(fence: str) -> re.Pattern[str]:
    return re.compile(rf"[ \t>]*{fence[0]}{{{len(fence)},}}(?![`~])[ \t]*(?P<rest>.*)$")


def _dedented(lines: list[str]) -> str:
    """Lines without the indent that all share; blank lines stay as they are, since they may stand in a string."""
    indents = [line[: len(line) - len(line.lstrip())] for line in lines if line.strip()]
    shared = min(indents, key=len, default="")
    while not all(indent.startswith(shared) for indent in indents):  # tabs and blanks mixed
        shared = shared[:-1]
    return "\n".join(line.removeprefix(shared) for line in lines)


def _open_quote(line: str, quote: str | None) -> str | None:
    """The three quotes that are open after a line, given those that were open before it."""
    position = 0
    while True:
        if quote is not None:
            end = line.find(quote, position)
            if end < 0:
                return quote
            position, quote = end + 3, None
        match = _QUOTED.search(line, position)
        if match is None:
            return None
        position = match.end()
        if match[0] in {'"""', "'''"}:
            quote = match[0]


def _closing_line(lines: list[str], start: int, quote: str) -> int:
    """The line in which three quotes close; before `start` where they do not within some hundred lines."""
    for number in range(start, min(len(lines), start + _LONGEST_DOCSTRING)):
        if quote in lines[number]:
            return number
    return start - 1


def _is_python(block: Block) -> bool:
    """Whether a block is Python by its name, or, without a name, by what it holds; not a session with its output."""
    if block.text.lstrip().startswith(">>>"):
        return False
    language = _ATTRIBUTES.sub("", block.language)
    if language:
        return _PYTHON.match(language) is not None
    return _does_something(block.text) or _CODE_LINE.search(block.text) is not None


def _does_something(code: str) -> bool:
    """Whether a text is a Python program, and not output or prose that happens to parse: "3", "[1, 2]", "yes"."""
    tree = _tree(code)
    return tree is not None and any(
        not isinstance(node, ast.Expr) or any(isinstance(part, ast.Call) for part in ast.walk(node))
        for node in tree.body
    )


def _defined(code: str) -> list[str]:
    """Names of the functions and classes that a program defines at its top, also under a condition, or as a lambda."""
    tree = _tree(code)
    if tree is None:
        return [match["name"] for match in _DEFINES.finditer(code)]
    names: list[str] = []
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.If | ast.Try | ast.With):
            waiting += node.body
    return names


@lru_cache(maxsize=4)
def _tree(code: str) -> ast.Module | None:
    if len(code) > _LONGEST_PROGRAM:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a backslash that means nothing
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _unfenced(text: str) -> str | None:
    """A text without fences that is a program itself; what follows with a next question is cut."""
    text = _BLANK_LINES.sub("", text, count=1).rstrip()
    question = _NEXT_QUESTION.search(text, 1)
    code = _dedented((text[: question.start()] if question else text).split("\n")).strip("\n")
    if not code.strip():
        return None
    if len(code) > _LONGEST_PROGRAM:
        return code if _CODE_LINE.match(code) else None
    return code if _does_something(code) else None


def _tagged(text: str) -> str | None:
    opened, last = None, None
    for tag in _TAG.finditer(text):
        if not tag[1]:
            opened = tag.end()
        elif opened is not None:
            last, opened = text[opened : tag.start()], None
    return last
