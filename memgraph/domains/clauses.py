"""Where an answer ends in the sentence that names it, and what around it is no part of it."""

from __future__ import annotations

import re

_MATHS = re.compile(r"\$\$.*?\$\$|\$[^$\n]*\$|\\\(.*?\\\)|\\\[.*?\\\]", re.DOTALL)
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}")
_ASIDE = re.compile(
    r"\s\((?=(?:because|since|as|which|where|i\.e|see|from|rounded|approx|about|after|using|if|given|not|that|in other)\b)"
)
_CLAUSE = re.compile(
    r",\s+(?:which|because|since|so|where|but|not|i\.e|that is|rounded|assuming|given|thus|hence|therefore|making|meaning"
    r"|though|although|while|when|if|after|as(?=\s+(?:it|we|the|this|there|that|shown|required|desired|expected|you|can|all"
    r"|a|stated|requested|seen|he|she|they|only|its|each|both)\b)|and(?=\s+(?:this|it|we|that|so|thus|I|not|hence"
    r"|therefore|the\s+\w+\s+(?:is|are|was|works|holds|follows|checks))\b)|as per|according to|instead of|rather than)\b"
    r"|\s+(?:because|since(?!\s+\d)|which(?=\s+(?:is|was|are|were|means|gives|equals|corresponds|makes|has|can|will|we))"
    r"|as(?=\s+(?:it|we|this|required|desired|expected|requested|stated|shown|you can|can be)\b)"
    r"|so(?=\s+(?:the|we|it)\b)|and(?=\s+(?:we|this|it|I|not|so)\b)|rather than|instead of|whereas)\s"
    r"|,\s+(?=(?:A|B|C|D|E|F)\s+(?:is|are|was)\b)"
    r"|\s+[—–-]{1,3}\s+(?=(?:because|since|which|that|this|the|it|as|so|not|we|and|a)\s)"
    r"|\s+(?:⇒|=>|∵)\s"
    r"|;\s+(?=(?:the|this|that|it|we|so|hence|thus|therefore|because|since|but|and|all|I|option|check|note)\b)"
    r"|,?\s+(?:porque|ya que|parce que|puisque|weil|perché|poiché|потому что|так как)\s|,\s+(?:car|denn|pues|da|où|donde|wobei|где)\s"
    r"|[,，](?=因为|因為|所以|其中|即|也就是)|因为|因為",
)
_STOP = re.compile(r"[.!?](?=\s|$|[\"'”’)*\]}_]+(?:\s|$))|[。！？]")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"“])(?:Mr|Mrs|Ms|Dr|St|Mt|Ft|Jr|Sr|Prof|Gen|Sen|Gov|Rev|Hon|Col|Capt|Lt|Sgt|vs|v|No|Nos|Vol|Fig|Eq|Inc|Ltd"
    r"|Co|Corp|approx|ca|c|cf|al|etc|sq|e\.g|i\.e|a\.m|p\.m|U\.S|B\.C|A\.D|Jan|Feb|Mar|Apr|Aug|Sept|Oct|Nov|Dec)$"
)
_INITIAL = re.compile(r"(?:^|[\s.\-(\"“*])[A-Z]$")
_LONE_LETTER = re.compile(r"^[\s*_(\[\"'$\\]{0,6}([A-Z])[)\]*_$\"']{0,4}$")
_OPENERS = frozenset(
    word
    for words in (
        "the this that these those why because since it we i so as in however therefore thus hence here there option options if",
        "when while for let to note all both none other others only given based also and but or is are was my our you your they",
        "he she its it's that's i'm i've done first second what how which explanation reason reasoning answer choice each a an",
        "although though on at by from with after before using according they're not",
    )
    for word in words.split()
)
_VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|does|do|will|would|can|could|should|must|means|gives|states|says)\b"
)
_NAME_WORDS = 12

_BOLD = re.compile(  # in pairs: 2**3 is a power, a*b a product, C* a name
    r"(?<![\w)\]}*^])(?P<mark>\*{1,3})(?=[^\s*])(?P<inside>[^*\n]{1,300})(?<=\S)(?P=mark)(?![\w(\\{*])"
)
_BOLD_LEFT = re.compile(
    r"^\s*\*{2,3}(?=\S)|^\s*\*(?=[^\s*])|(?<=\S)\*{2,3}\s*$|(?<=[\d)}\].])\*\s*$"
)  # its other half was cut off
_SPACED = re.compile(r"(?:(?<!\\)\\[ ,;:!]\s*)+$")
_APPROXIMATE = re.compile(
    r"^(?:(?:approximately|approx\.?|about|roughly|around|nearly|almost|circa|exactly)\s+(?=[-+]?[\d$€£\\.√π(])"
    r"|(?:\\approx|\\simeq|\\sim|≈|≃|~|∼)(?![A-Za-z])\s*)",
    re.IGNORECASE,
)
_DELIMITERS = (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"))
_QUOTES = {'"': '"', "“": "”", "«": "»", "‘": "’", "「": "」", "'": "'", "„": "“"}
_LETTER = re.compile(r"^[(\[（]\s*([A-Za-z])\s*[)\]）]$")
_OPTION_WORD = re.compile(r"^(?:option|choice|letter|answer)\s+(?=[(\[]?[A-Z][)\]]?(?:$|[\s.:,]))", re.IGNORECASE)


def first_clause(line: str) -> str:
    """The part of a line that names the answer: up to the end of its sentence, without clauses about it.

    >>> first_clause("42, which is even. Done")
    '42'
    >>> first_clause("J. R. R. Tolkien.")
    'J. R. R. Tolkien'
    """
    masked = _masked(line)
    end = _sentence_end(masked)
    cuts = [cut.start() for pattern in (_CLAUSE, _ASIDE) if (cut := pattern.search(masked, 1, end)) is not None]
    return line[: min([end, *cuts])]


def _masked(line: str) -> str:
    """The line with what stands in maths or in brackets blotted out; the length stays.

    An aside in round brackets stays readable from its first word on, so that it can be cut.
    """
    masked = _MATHS.sub(lambda match: "x" * len(match[0]), line)
    for _ in range(3):  # brackets in brackets in brackets
        masked = _BRACKETS.sub(
            lambda match: (
                match[0][:12].replace(".", "x").replace(",", "x").replace("(", "‹") + "x" * (len(match[0]) - 12)
                if len(match[0]) > 12
                else match[0].replace(".", "x").replace(",", "x").replace("(", "‹")
            ),
            masked,
        )
    return masked.replace("‹", "(")


def _sentence_end(masked: str) -> int:
    for stop in _STOP.finditer(masked):
        before = masked[: stop.start()]
        if stop[0] == "." and stop.end() < len(masked.rstrip()):
            if _LONE_LETTER.match(before):
                if _goes_on_as_a_name(masked[stop.end() :]):
                    continue
            elif _INITIAL.search(before) or _ABBREVIATION.search(before[-12:]):
                continue
        return stop.start()
    return len(masked)


def _goes_on_as_a_name(rest: str) -> bool:
    """Whether "B. …" goes on with the option's text, or with a name, and not with a next sentence."""
    sentence = re.split(r"[.!?](?:\s|$)|\n", rest.strip(), maxsplit=1)[0]
    words = sentence.split()
    first = words[0].strip("*_\"'“(").casefold() if words else ""
    if not words or re.match(r"[A-Z]$", words[0]):
        return bool(words)
    return len(words) <= _NAME_WORDS and first not in _OPENERS and not (_VERB.search(sentence) and len(words) > 1)


def clean(answer: str) -> str:
    """An answer without bold marks, quotes and delimiters around it, a last full stop, or a word for "about"."""
    text = answer.replace("`", "")
    if "*" in text:
        text = _BOLD_LEFT.sub("", _BOLD.sub(r"\g<inside>", text))
    for _ in range(4):
        before = text
        text = _outer(text.strip().strip("\u200b"))
        text = _APPROXIMATE.sub("", _OPTION_WORD.sub("", text))
        if text == before:
            break
    letter = _LETTER.match(text)
    return letter[1] if letter else text


def _outer(text: str) -> str:
    text = _SPACED.sub("", text.lstrip(":：=> ")).rstrip(" ,;:：，")
    if text.endswith((".", "。", "．")) and not text.endswith("..") and text != ".":
        text = text[:-1].rstrip()
    for opening, closing in _DELIMITERS:
        inner = text[len(opening) : len(text) - len(closing)]
        if (
            len(text) > len(opening) + len(closing)
            and text.startswith(opening)
            and text.endswith(closing)
            and opening not in inner
            and closing not in inner
        ):
            return inner
    if len(text) > 2 and _QUOTES.get(text[0]) == text[-1] and text[-1] not in text[1:-1]:
        return text[1:-1]
    if text.endswith((")", "]", "}")) and _closers(text) > 0 and not text.endswith("\\]"):
        return text[:-1]
    return text


def _closers(text: str) -> int:
    """How many brackets close that were never opened."""
    return sum(text.count(closing) for closing in ")]}") - sum(text.count(opening) for opening in "([{")
