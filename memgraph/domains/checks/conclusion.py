"""Do the last words of the thinking say what the answer says?"""

from __future__ import annotations

import re

from memgraph.domains.checks.response import WORD, Response

_SENTENCE = re.compile(r"(?<=[.!?\n])\s+")


def conclusion(response: Response) -> dict[str, float]:
    """Features, none for programs; 0 where there is no answer or no thinking.

    - said: share of the answer's words that stand in the thinking;
    - last: share of them in its last sentence;
    - asked: share of them that stand in the question already.
    """
    if response.kind == "program":
        return {}
    words = _words(response.answer or "")
    last = _SENTENCE.split(response.thinking.strip())[-1]
    shares = [len(words & _words(text)) / max(1, len(words)) for text in (response.thinking, last, response.question)]
    return dict(zip(("said", "last", "asked"), shares, strict=True))


def _words(text: str) -> set[str]:
    return set(WORD.findall(text.lower())) | set(re.findall(r"\d+(?:\.\d+)?", text))
