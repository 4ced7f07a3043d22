"""Questions: answers are options, names, numbers and short texts.

With the query's options known, a letter, a letter with its text and an option's exact text are one answer. Without them
"B. Paris" is B against a lone letter, and Paris against a text.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from memgraph.domains.domain import MISSING, Domain, Item, NormalAnswer, Reading, Verdict
from memgraph.domains.options import listed_options, without_options
from memgraph.domains.stated import stated_answer
from memgraph.domains.texts import Text, fold, plain
from memgraph.domains.thinking import split_thinking

__all__ = ["Choices", "listed_options", "without_options"]

_LONGEST_CHOICE = 4_000  # characters; what is longer is a text
_OPTION_WORD = r"(?:(?:both\s+)?(?:option|choice|letter|answer)s?:?\s+)?"
_ONE = r"[(\[{<]?\s?([A-Za-z])\s?[)\]}>]?"
_LETTER = re.compile(rf"{_OPTION_WORD}{_ONE}\s?[.:]?", re.IGNORECASE)
_LETTERS = re.compile(
    rf"(?:both\s+)?{_OPTION_WORD}{_ONE}(?:\s*(?:[,;]\s*and|[,;]|\band|&)\s*{_OPTION_WORD}{_ONE}){{1,25}}", re.IGNORECASE
)
_MEMBER = re.compile(r"(?<![A-Za-z])([A-Za-z])(?![A-Za-z])")
_RUN = re.compile(r"[A-Z]{2,26}")
_HEDGE = re.compile(
    r"\bor\b|\s/\s|(?<=[)\]])/(?=[(\[])|\bmaybe\b|\bperhaps\b|\bpossibly\b|\beither\b|\bprobably\b|\|", re.IGNORECASE
)
_SURE_PAIRS = (  # a letter in a mark that only options have, and the option's text
    re.compile(r"[(\[]([A-Za-z])[)\]]\s*[:.\-]?\s*(\S.*)", re.DOTALL),
    re.compile(r"([A-Za-z])\)\s*(\S.*)", re.DOTALL),
    re.compile(r"([A-Z])\s?:\s*(\S.*)", re.DOTALL),
    re.compile(r"(?:[Oo]ption|[Cc]hoice)\s+[(\[]?([A-Za-z])[)\]]?\s*[:.),\-–]\s*(\S.*)", re.DOTALL),
    re.compile(r"(?:[Oo]ption|[Cc]hoice)\s+([A-Z])\s+\((.+)\)", re.DOTALL),
)
_PAIRS = (  # a letter in a mark that initials have as well
    re.compile(r"([A-J])\.\s+(?![A-Z]\.)(?!\w\.)(\S.*)", re.DOTALL),
    re.compile(r"([A-J])\s+[-–—]\s+(\S\S.*)", re.DOTALL),
)
_SPECIES = re.compile(r"[a-z]{3,}\.?")  # "E. coli" is no option E
_TEXT_FIRST = re.compile(r"(\S.*\S)\s*[(\[](?:[Oo]ption\s+|[Cc]hoice\s+)?([A-Z])[)\]]", re.DOTALL)
_SHOWN = 80
_NONE = re.compile(r"none of (?:the|these|those)(?: (?:above|options|choices|answers|given|listed))*\W*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ChosenOptions:
    """What counts of an answer to a question.

    Attributes:
        letters: options that it names, in order.
        text: what it says besides, None where it names options only.
    """

    letters: tuple[str, ...]
    text: Text | None

    @property
    def key(self) -> str:
        """Options in capitals, texts folded, so that no two answers that differ share it."""
        named = ", ".join(self.letters)
        if self.text is None:
            return named
        text = self.text.value + self.text.sign
        return f"{named}. {text}" if named else text

    def equals(self, other: ChosenOptions) -> bool:
        """Whether both are one answer: a letter with a text is the letter against letters, and the text against texts."""
        if self.text is None or other.text is None:
            return self.letters == other.letters
        if self.letters and other.letters and self.letters != other.letters:
            return False
        return self.text.equals(other.text)


class Choices(Domain):
    """Questions with a short answer, with options or without."""

    name: ClassVar[str] = "qa"
    version: ClassVar[str] = "2"
    runs_tests: ClassVar[bool] = False

    def read(self, response: str, *, query: str | None = None, thinking_opened: bool = False) -> Reading:
        """Thinking and stated answer; a hedge between options is no answer."""
        thinking, rest = split_thinking(response, opened=thinking_opened)
        if rest is None:
            return Reading(thinking, None)
        options = _options(query)
        answer = stated_answer(rest, options=options)
        if answer is not None and is_hedge(answer):
            answer = None
        return Reading(thinking or rest.strip(), answer)

    def key(self, answer: str | None, *, query: str | None = None) -> NormalAnswer:
        """The option or options that an answer names, else its text folded."""
        if answer is None or not answer.strip() or _chooses_nothing(answer, _options(query)):
            return MISSING
        return NormalAnswer(choice(answer, _options(query)).key or answer.strip(), True)

    def classes(self, answers: Sequence[str], *, query: str | None = None, seconds: float = 1.0) -> list[int]:
        """Equal keys; a letter with a text joins the lone letter, else the text, where only one such answer is there."""
        choices = [choice(answer, _options(query)) for answer in answers]
        keys = sorted({each.key for each in choices})
        leader = {key: key for key in keys}
        by_key = {each.key: each for each in choices}
        for key, other in [*_lettered(by_key), *_unsigned(by_key)]:
            leader[key] = other
        numbers = {key: number for number, key in enumerate(keys)}
        return [numbers[_root(leader, each.key)] for each in choices]

    def verify(self, items: Sequence[Item]) -> list[Verdict]:
        """1 where the answer equals an accepted gold answer, else 0."""
        return [_verdict(item) for item in items]


def choice(answer: str, options: Mapping[str, str]) -> ChosenOptions:
    """What counts of an answer, given the options of its query by letter (none: {})."""
    if len(answer) > _LONGEST_CHOICE:
        return ChosenOptions((), Text(" ".join(answer.split()).casefold()))
    text = plain(answer)
    letters = _letters(text)
    if not options:
        if letters:
            return ChosenOptions(letters, None)
        pair = _pair(text)
        return ChosenOptions((), fold(text)) if pair is None else ChosenOptions((pair[0],), fold(pair[1]))
    if letters and all(letter in options for letter in letters):
        return ChosenOptions(letters, None)
    letter = _option_of_text(fold(text), options)
    if letter is not None:
        return ChosenOptions((letter,), None)
    several = _several(text, options)
    if several:
        return ChosenOptions(several, None)
    letter = _named_option(text, options)
    return ChosenOptions((), fold(text)) if letter is None else ChosenOptions((letter,), None)


def _chooses_nothing(answer: str, options: Mapping[str, str]) -> bool:
    """Whether an answer to a question with options says that none of them fits, which none of them says."""
    if not options or len(answer) > _SHOWN or not _NONE.fullmatch(plain(answer).strip("\"'( )")):
        return False
    return not any(_NONE.match(text.strip()) for text in options.values())


def is_hedge(answer: str) -> bool:
    """Whether an answer names options and leaves open which: "B or C", "B (or maybe C)"."""
    text = plain(answer) if len(answer) <= _LONGEST_CHOICE else ""
    if _HEDGE.search(text) is None:
        return False
    parts = [part.strip(" ,;().?") for part in _HEDGE.split(text)]
    named = [letters for part in parts if part and (letters := _letters(part) or _marked(part))]
    return (
        len(named) == sum(bool(part) for part in parts) and len({letter for letters in named for letter in letters}) > 1
    )


def _marked(part: str) -> tuple[str, ...]:
    pair = next((match for pattern in _SURE_PAIRS if (match := pattern.fullmatch(part))), None)
    return () if pair is None else (pair[1].upper(),)


def _letters(text: str) -> tuple[str, ...]:
    """The options that a text names and nothing else; none where it is something else."""
    match = _LETTER.fullmatch(text)
    if match is not None:
        return (match[1].upper(),)
    if _LETTERS.fullmatch(text):
        bare = re.sub(r"\b(?:both|and|options?|choices?|letters?|answers?)\b", " ", text, flags=re.IGNORECASE)
        return tuple(sorted({letter.upper() for letter in _MEMBER.findall(bare)}))
    return ()


def _pair(text: str) -> tuple[str, str] | None:
    """A letter with its text; not a name with initials."""
    for pattern in (*_SURE_PAIRS, *_PAIRS):
        match = pattern.fullmatch(text)
        if match is not None and not (pattern in _PAIRS and _SPECIES.fullmatch(match[2])):
            return match[1].upper(), match[2].strip()
    return None


def _option_of_text(text: Text, options: Mapping[str, str]) -> str | None:
    """The one option with this text; a missing sign does not count where only one option is left by that."""
    folded = {letter: fold(plain(option)) for letter, option in options.items()}
    exact = [letter for letter, option in folded.items() if option == text]
    alike = exact or [letter for letter, option in folded.items() if option.equals(text)]
    return alike[0] if len(alike) == 1 else None


def _named_option(text: str, options: Mapping[str, str]) -> str | None:
    """The option of a letter with a text, unless the text is another option's, or the letter may be an initial."""
    first = _TEXT_FIRST.fullmatch(text)
    if first is not None and first[2] in options and _option_of_text(fold(first[1]), options) == first[2]:
        return first[2]
    pair = _pair(text)
    if pair is None:
        weak = next((match for pattern in _PAIRS if (match := pattern.fullmatch(text))), None)
        pair = None if weak is None else (weak[1], weak[2])
    if pair is None or pair[0] not in options:
        return None
    letter, stated = pair
    other = _option_of_text(fold(stated), options)
    if other is not None:
        return letter if other == letter else None
    sure = any(pattern.fullmatch(text) for pattern in _SURE_PAIRS)
    return letter if sure or _overlap(stated, options[letter]) else None


def _overlap(one: str, other: str) -> bool:
    """Whether the shorter of two texts shares half of its words with the longer."""
    words, others = (set(re.findall(r"\w+", text.casefold())) for text in (one, other))
    return 2 * len(words & others) >= min(len(words), len(others)) > 0


def _several(text: str, options: Mapping[str, str]) -> tuple[str, ...]:
    """Several options, each with its text, or as one run of letters ("AC")."""
    if _RUN.fullmatch(text) and list(text) == sorted(set(text)) and set(text) <= set(options):
        return tuple(text)
    if re.match(r"\(?[A-Z][.):]\s", text) and _HEDGE.search(text) is None:
        parts = re.split(r"\s*(?:[,;]\s*(?:and\s+)?|\band\s+)(?=\(?[A-Z][.):]\s)", text)
        named = [_named_option(part, options) for part in parts]
        if len(parts) > 1 and None not in named:
            return tuple(sorted({letter for letter in named if letter}))
    return ()


def _lettered(by_key: Mapping[str, ChosenOptions]) -> list[tuple[str, str]]:
    """Which key of a letter with a text joins which other key."""
    pairs = {key: each for key, each in by_key.items() if each.letters and each.text is not None}
    of_letter: dict[str, list[str]] = defaultdict(list)
    of_text: dict[str, list[str]] = defaultdict(list)
    for key, pair in pairs.items():
        of_letter[", ".join(pair.letters)].append(key)
        if pair.text is not None:
            of_text[pair.text.value + pair.text.sign].append(key)
    joined: list[tuple[str, str]] = []
    for groups in (of_letter, of_text):
        done = {key for key, _ in joined}
        joined += [
            (keys[0], lone)
            for lone, keys in groups.items()
            if lone in by_key and len(keys) == 1 and keys[0] not in done
        ]
    return joined


def _unsigned(by_key: Mapping[str, ChosenOptions]) -> list[tuple[str, str]]:
    """Which key of a number without a sign joins the one with a sign."""
    signed: dict[str, list[str]] = defaultdict(list)
    for key, each in by_key.items():
        if each.text is not None and not each.letters and each.text.number and each.text.sign:
            signed[each.text.value].append(key)
    return [(value, keys[0]) for value, keys in signed.items() if value in by_key and len(keys) == 1]


def _root(leader: Mapping[str, str], key: str) -> str:
    while leader[key] != key:
        key = leader[key]
    return key


def _verdict(item: Item) -> Verdict:
    if item.reference.kind != "gold":
        return Verdict(None, "questions are judged by a gold answer, and only tests are known")
    golds = [gold for gold in item.reference.accepted if gold.strip()]
    if not golds:
        return Verdict(None, "the gold answer is blank")
    if item.answer is None or not item.answer.strip():
        return Verdict(0.0, "no answer was stated")
    options = _options(item.query)
    stated = choice(item.answer, options)
    if any(stated.equals(choice(gold, options)) for gold in golds):
        return Verdict(1.0, f"{_short(item.answer)} is the gold answer")
    return Verdict(0.0, f"{_short(item.answer)} is not {' or '.join(map(_short, golds[:3]))}")


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


@lru_cache(maxsize=512)
def _options_of(query: str) -> Mapping[str, str]:
    return listed_options(query)


def _options(query: str | None) -> Mapping[str, str]:
    return {} if query is None else _options_of(query)
