r"""How responses were read before readers had versions: frozen, and used for nothing but reading old memories again.

A rollout of such a memory does not say whether its source gave the thinking and the answer, or whether they were read from
the response. Where this reader finds in the response what is stored, they were read. Nothing here is to be fixed: what it
does wrong is what those memories hold.
"""

from __future__ import annotations

import ast
import re

_THINK_CLOSE = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_THINK_OPEN = re.compile(r"<think(?:ing)?>", re.IGNORECASE)
_ANSWER_IS = re.compile(r"\banswer(?:[ \t]+is[ \t]*:?\s{0,4}|[ \t]*:[ \t]*)(?=\S)", re.IGNORECASE)
_CHOICE = re.compile(r"^\W{0,4}\(?([A-Za-z])\)?(?=$|[\s.,:;)])")
_FENCE = re.compile(r"^[ \t]*```[ \t]*([\w+-]*)[ \t]*$", re.MULTILINE)
_CODE_START = re.compile(r"^(?:def |class |import |from |async def |@)", re.MULTILINE)


def given_by_source(response: str, domain: str, thinking: str, answer: str | None) -> str:
    """Which of a stored rollout's fields its source gave: "", "answer", "thinking" or "answer thinking".

    Args:
        thinking, answer: as stored, None where there is no answer.
    """
    before, after = _split_thinking(response)
    read = _program(after) if domain == "code" else _stated(after)
    own_thinking = before if after is not response else _without(response, read if answer is None else answer, domain)
    given = [("answer", answer is not None and answer != read), ("thinking", thinking != own_thinking.strip())]
    return " ".join(name for name, own in given if own)


def _split_thinking(response: str) -> tuple[str, str]:
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
    marks = [mark for mark in (_hashes(text), _boxed(text), _sentence(text)) if mark is not None]
    return max(marks)[1] if marks else None


def _hashes(text: str) -> tuple[int, str] | None:
    start = text.rfind("####")
    value = text[start + 4 :].partition("\n")[0].strip(" \t#*")
    return (start, value) if start >= 0 and value else None


def _sentence(text: str) -> tuple[int, str] | None:
    *_, last = (None, *_ANSWER_IS.finditer(text))
    if last is None:
        return None
    sentence = text[last.end() : last.end() + 400].partition("\n")[0]
    choice = _CHOICE.match(sentence)
    value = choice.group(1).upper() if choice and _is_choice(sentence, choice) else _first_sentence(sentence)
    return (last.start(), value) if value else None


def _is_choice(sentence: str, choice: re.Match[str]) -> bool:
    rest = sentence[choice.end() :].strip()
    return "(" in choice.group(0) or choice.group(1).isupper() or not rest.strip(".)")


def _first_sentence(text: str) -> str:
    end = re.search(r"\.(?=\s|$)", text)
    return (text[: end.start()] if end else text).strip().strip("*_`\"'").strip()


def _boxed(text: str) -> tuple[int, str] | None:
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
    if domain == "code" and answer is not None:
        return response.replace(answer, "", 1) if answer.strip() != response.strip() else ""
    return response
