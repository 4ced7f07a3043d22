"""Multiple choice: is the chosen option the one that the thinking speaks for?"""

from __future__ import annotations

import re

from memgraph.domains.checks.response import NUMBER, WORD, Response
from memgraph.domains.choices import choice

_LETTER = re.compile(r"\(([A-Z])\)|\b[Oo]ption ([A-Z])\b")
_TAIL = 300


def options(response: Response) -> dict[str, float]:
    """Features, none where the query lists no options; 0 where the answer names none of them, or several.

    - count; position: of the chosen option among them, 0..1;
    - said, said_last: share of the option's words in the thinking less that of the best other option, in all of it and
      in its last 300 characters;
    - quoted, other_quoted: 1 where the option, or another one, stands in the thinking word for word;
    - letter_last: 1 where the letter named last is the chosen one, -1 where another is;
    - letters: how often the chosen letter is named less the most frequent other one, over all;
    - considered: share of the options that are named;
    - longer: share of the options that are shorter than it;
    - catch_all: 1 for "none of these" and "all of these".
    """
    listed = response.options
    if not listed:
        return {}
    letters = choice(response.answer or "", listed).letters
    chosen = letters[0] if len(letters) == 1 else ""
    names = (
        "position",
        "said",
        "said_last",
        "quoted",
        "other_quoted",
        "letter_last",
        "letters",
        "considered",
        "longer",
        "catch_all",
    )
    if chosen not in listed:
        return {"count": float(len(listed)), **dict.fromkeys(names, 0.0)}
    thinking = response.thinking.lower()
    others = [letter for letter in listed if letter != chosen]
    named = [first or second for first, second in _LETTER.findall(response.thinking)]
    most_named = max((named.count(letter) for letter in others), default=0)
    mine = listed[chosen].lower()
    values = (
        list(listed).index(chosen) / len(listed),
        _margin(listed, chosen, thinking),
        _margin(listed, chosen, thinking[-_TAIL:]),
        float(mine.strip(" .") in thinking),
        float(any(len(listed[o]) > 2 and listed[o].lower().strip(" .") in thinking for o in others)),
        (1.0 if named[-1] == chosen else -1.0) if named else 0.0,
        (named.count(chosen) - most_named) / len(named) if named else 0.0,
        len(set(named) & set(listed)) / len(listed),
        sum(len(text) < len(mine) for text in listed.values()) / len(listed),
        float("none of" in mine or "all of" in mine),
    )
    return {"count": float(len(listed)), **dict(zip(names, values, strict=True))}


def _margin(listed: dict[str, str], chosen: str, thinking: str) -> float:
    """Share of the chosen option's words that are in the text, less that of the best other option."""
    spoken = _words(thinking)
    shares = {}
    for letter, text in listed.items():
        words = _words(text.lower())
        shares[letter] = len(words & spoken) / max(1, len(words))
    return shares[chosen] - max((share for letter, share in shares.items() if letter != chosen), default=0.0)


def _words(text: str) -> set[str]:
    return set(WORD.findall(text)) | set(NUMBER.findall(text))
