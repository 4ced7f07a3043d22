r"""A response taken apart: the thinking, and the answer where one was given.

Knows `<think>` tags (closed or not), `#### x`, `\boxed{x}`, "the answer is (X)", "Answer: x", and the last code block.
Fields that the source gives win over what is found. Nothing is guessed: a response without an answer has none, which
later counts as wrong and never as agreement.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

_THINK_CLOSE = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_THINK_OPEN = re.compile(r"<think(?:ing)?>", re.IGNORECASE)
_ANSWER_IS = re.compile(r"\banswer(?:[ \t]+is[ \t]*:?\s{0,4}|[ \t]*:[ \t]*)(?=\S)", re.IGNORECASE)
_CHOICE = re.compile(r"^\W{0,4}\(?([A-Za-z])\)?(?=$|[\s.,:;)])")
_FENCE = re.compile(r"^[ \t]*```[ \t]*([\w+-]*)[ \t]*$", re.MULTILINE)
_CODE_START = re.compile(r"^(?:def |class |import |from |async def |@)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a response says: its reasoning, and its answer or None."""

    thinking: str
    answer: str | None


def parse_response(response: str, domain: str, *, thinking: str | None = None, answer: str | None = None) -> Parsed:
    """Take a response apart; `thinking` and `answer` win where the source gives them.

    Args:
        domain: "code" looks for a program, every other domain for a stated answer.
    """
    before, after = _split_thinking(response)
    if answer is None:
        answer = _program(after) if domain == "code" else _stated(after)
    if thinking is None:
        thinking = before if after is not response else _without(response, answer, domain)
    return Parsed(thinking.strip(), answer)


def _split_thinking(response: str) -> tuple[str, str]:
    """(inside the think tags, after them); (response, response) where there are none.

    Models that get `<think>` with their prompt emit only the closing tag; a response cut off while thinking has only the
    opening one, and then nothing after it.
    """
    closings = list(_THINK_CLOSE.finditer(response))
    if closings:
        inside, after = response[: closings[-1].start()], response[closings[-1].end() :]
        opening = _THINK_OPEN.search(inside)
        return inside[opening.end() :] if opening else inside, after
    opening = _THINK_OPEN.search(response)
    if opening:
        return response[opening.end() :], ""
    return response, response


def _stated(text: str) -> str | None:
    """The answer that a text states last, by whichever mark."""
    marks = [mark for mark in (_hashes(text), _boxed(text), _sentence(text)) if mark is not None]
    return max(marks)[1] if marks else None


def _hashes(text: str) -> tuple[int, str] | None:
    """Where the last `####` stands, and what follows it in its line."""
    start = text.rfind("####")
    value = text[start + 4 :].partition("\n")[0].strip(" \t#*")
    return (start, value) if start >= 0 and value else None


def _sentence(text: str) -> tuple[int, str] | None:
    """Where the last "answer is" or "answer:" stands, and what it names."""
    *_, last = (None, *_ANSWER_IS.finditer(text))
    if last is None:
        return None
    sentence = text[last.end() : last.end() + 400].partition("\n")[0]
    choice = _CHOICE.match(sentence)
    value = choice.group(1).upper() if choice and _is_choice(sentence, choice) else _first_sentence(sentence)
    return (last.start(), value) if value else None


def _is_choice(sentence: str, choice: re.Match[str]) -> bool:
    """Whether a single letter is an option, and not the word "a" or "I" that a sentence goes on after."""
    rest = sentence[choice.end() :].strip()
    return "(" in choice.group(0) or choice.group(1).isupper() or not rest.strip(".)")


def _first_sentence(text: str) -> str:
    """Up to the full stop that ends the sentence; decimal points and abbreviations like 3.5 stay inside."""
    end = re.search(r"\.(?=\s|$)", text)
    return (text[: end.start()] if end else text).strip().strip("*_`\"'").strip()


def _boxed(text: str) -> tuple[int, str] | None:
    r"""Where the last `\boxed{…}` stands, and its content, braces inside it included."""
    start = text.rfind("\\boxed{")
    if start < 0:
        return None
    depth, begin = 0, start + len("\\boxed{")
    for position in range(begin - 1, len(text)):
        depth += (text[position] == "{") - (text[position] == "}")
        if depth == 0:
            value = text[begin:position].strip()
            return (start, value) if value else None
    return None


def _program(text: str) -> str | None:
    """The last fenced block, else the whole text where it is a program itself."""
    fences = list(_FENCE.finditer(text))
    blocks = []
    position = 0
    while position < len(fences):
        end = fences[position + 1].start() if position + 1 < len(fences) else len(text)
        blocks.append(text[fences[position].end() : end].strip("\n"))
        position += 2
    blocks = [block for block in blocks if block.strip()]
    if blocks:
        return blocks[-1]
    return text if text.strip() and _CODE_START.search(text) and _parses(text) else None


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _without(response: str, answer: str | None, domain: str) -> str:
    """The reasoning of a response without tags: all of it, less a program that is the answer."""
    if domain == "code" and answer is not None:
        return response.replace(answer, "", 1) if answer.strip() != response.strip() else ""
    return response
