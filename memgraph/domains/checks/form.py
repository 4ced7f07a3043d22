"""How a response is written. Good and bad reasoners differ in it, and a label on some tells about the others.

It knows nothing of right and wrong by itself. Phrases ("therefore", "let's check", "the correct answer") are left out on
purpose: a policy would imitate them first, and the rest says as much; only how a response begins is kept.
`RewardModelConfig.checks` switches all of it off.
"""

from __future__ import annotations

import math
import re
from typing import Final

from memgraph.domains.checks.response import WORD, Response

_SYMBOLS: Final = {
    "equals": "=", "backslash": "\\", "bold": "**", "dollar": "$", "hash": "#", "paragraph": "\n\n", "bracket": "(",
    "colon": ":", "comma": ",",
}  # fmt: skip
_CODE = re.compile(r"\b(?:def|import|return|print|for|if|while|class|try)\b")
_NUMBERED = re.compile(r"(?m)^[^\S\n]*+\d++[.)]")
_BULLETS = re.compile(r"(?m)^[^\S\n]*+[-*•]")
_STARTS: Final = ("we ", "the ", "to ", "let", "first")


def form(response: Response) -> dict[str, float]:
    """Features of the response without its padding (`Response.core`).

    Lengths are log(1 + characters), shares are of characters (symbols, digits, capitals) or of words (lists, words of
    the question). `repeated` is the share of sentences that were there before, padding included.
    """
    text = response.core
    characters = max(1, len(text))
    words = [word.lower() for word in WORD.findall(text)]
    count, kinds = max(1, len(words)), set(words)
    asked = {word.lower() for word in WORD.findall(response.query)}
    low = text.lower()
    sentences = [part.strip() for part in re.split(r"[.\n]", response.text) if len(part.strip()) > 15]
    features = {
        "length": math.log1p(len(text)),
        "thinking": math.log1p(len(response.core_thinking)),
        "lines": math.log1p(text.count("\n")),
        "sentences": math.log1p(len(re.findall(r"[.!?](?:\s|$)", text))),
        "digits": sum(map(str.isdigit, text)) / characters,
        "capitals": sum(map(str.isupper, text)) / characters,
        "foreign": (len(text) - len(text.encode("ascii", "ignore"))) / characters,
        "word_length": sum(map(len, words)) / count,
        "vocabulary": len(kinds) / count,
        "from_question": sum(word in asked for word in words) / count,
        "of_question": len(asked & kinds) / max(1, len(asked)),
        "numbered": len(_NUMBERED.findall(text)) / count,
        "bullets": len(_BULLETS.findall(text)) / count,
        "code": len(_CODE.findall(text)) / count,
        "repeated": 1 - len(set(sentences)) / len(sentences) if sentences else 0.0,
        "boxed": float("boxed" in low),
        "answer_at_end": float("answer is" in low[-40:]),
    }
    features |= {name: text.count(symbol) / characters for name, symbol in _SYMBOLS.items()}
    return features | {f"start_{start.strip()}": float(low.startswith(start)) for start in _STARTS}
