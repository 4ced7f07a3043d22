r"""The answer that a text states, by the mark that counts most.

Order: the last pair of answer tags (what is inside is read), JSON, the last complete box that is not empty, `####`,
sentences that name it, and at last a text that is nothing but the answer. Nothing is guessed: a number inside other prose
is no answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from memgraph.domains.clauses import clean
from memgraph.domains.sentences import sentence_answers, value_of
from memgraph.domains.texts import fold, plain

_TAG = re.compile(r"<(?P<closing>/?)(?:final[_-]?)?(?:answer|ans)[ \t]{0,4}>|\[(?P<closing2>/?)ANSWER\]", re.IGNORECASE)
_JSON = re.compile(
    r"[\"'](?:final[_ ]?|correct[_ ]?)?answer(?:[_ ](?:choice|letter))?[\"'][ \t\n]{0,8}:[ \t\n]{0,8}"
    r"(?P<value>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|\[[^\[\]]*\]|[-+\w./%]+)",
    re.IGNORECASE | re.DOTALL,
)
_LATEX_IN_JSON = re.compile(r"(?<!\\)\\[a-zA-Z]{2,}|(?<!\\)\\[^\"\\/bfnrtu]")
_BOX_TOKEN = re.compile(
    r"(?P<box>(?:\\{1,2}(?:boxed|fbox|framebox)|\x08oxed|(?<![a-zA-Z\\])boxed(?=\{))(?:[ \t]{0,4}\[[^\[\]\n]{0,20}\]){0,2}[ \t\n]{0,4}"
    r"(?P<brace>\{|\\\{)|<\|begin_of_box\|>)"
    r"|\\boxed[ \t]{1,4}(?P<word>[^\s{}$\\]+)|(?P<open>\{)|(?P<close>\\?\}|<\|end_of_box\|>)|\\.",
    re.DOTALL,
)
_NOTHING_BOXED = re.compile(
    r"^(?:[\s~.…?_$]|\\[ ,;!:~]|\\(?:ldots|dots|cdots|quad|qquad|text\s*\{\s*\}|phantom\s*\{\s*\}|square"
    r"|hspace\s*\{[^{}]*\})|\{\s*\})*$"
    r"|^(?:\\text\s*\{)?\s*\W?(?:your |the |my |final )*(?:final )?(?:answer|result)(?: here| letter)?\W?\s*\}?$",
    re.IGNORECASE,
)
_HASHES = re.compile(r"#{4,}(?!#)([^\n#]*)")
_HEADING_WORD = re.compile(
    r"^[*_\s]*(?:\d+[.)]\s+[A-Za-z]|(?:step|final|answer|solution|explanation|conclusion|summary|verification|check|case|part|approach|method"
    r"|analysis|note|problem|question|calculation|reasoning|understanding|setup|proof|response|result|option|key|thus|therefore|so|given"
    r"|example|output|input|instructions?|notes|code|thought)s?\b(?!\s*$(?<=\d)))",
    re.IGNORECASE,
)
_NEXT = (
    r"(?:(?:next |new |another )?(?:question|problem|exercise|example|task)[ \t]?#?\d{0,3}[*_]{0,3}[ \t]?[:：]|Q\d{0,3}[:：]"
    r"|(?:human|user|student|instruction)[*_]{0,3}[ \t]?[:：]"
    r"|(?:问题|问|题目|pregunta|pergunta|domanda|frage|вопрос|문제|질문|問題)[ \t]?\d{0,3}[ \t]?[:：])"
)
_RUN_ON = re.compile(
    rf"^[ \t>*_]{{0,8}}+(?:{_NEXT}|#{{1,4}}[ \t]{{0,3}}(?:(?:instruction|question|human|user|problem|input)s?\b|[*_]{{0,3}}{_NEXT}))",
    re.MULTILINE | re.IGNORECASE,
)
_LAST_A = re.compile(r"^[ \t*]{0,4}A[*]{0,2}[:：][ \t*]{0,4}(\S[^\n]{0,200})$", re.MULTILINE)

_OPTION = re.compile(r"\W{0,2}(?:(?:option|choice)\s)?\(?([A-Za-z])(?:$|[).:,;]|\s(?:and|&)\s)", re.IGNORECASE)
_BLANK_LINES = re.compile(r"\n{4,}")
_LONGEST_BARE = 300
_MOST_WORDS = 8  # of a name or a short text
_SENTENCE_WORD = re.compile(
    r"\b(?:i|i'm|i'd|we|you|they|he|she|it|let|let's|is|are|was|were|am|be|been|do|does|don't|did|can|cannot|can't|could|should"
    r"|would|will|must|may|might|need|needs|think|know|sorry|unsure|sure|compute|first|because|since|there|this|these|here|have|has"
    r"|had|so|then|if|when|okay|ok|hello|hi|thanks|thank|please|hmm|wait|done|next|now|well|maybe|perhaps|unclear|idk|gives|give"
    r"|makes|means|shows|says|seems|looks|works|flows|lies|comes|goes|gets|equals|yields|becomes|believe|guess|suppose|probably"
    r"|not sure|no answer|no idea|answer)\b",
    re.IGNORECASE,
)
_SMALL_IN_TITLES = frozenset(
    ["of", "the", "and", "an", "in", "on", "to", "for", "with", "at", "by", "from", "or", "de", "la", "as"]
)
_CODE_LINE = re.compile(
    r"(?:ans|[A-Za-z]*_[\w]*[A-Za-z]{2}\w*) ?= ?\S|(?:import|from|return|print|def|assert)\b[ (]", re.ASCII
)
_MARK_LEFT = re.compile(r"\\(?:boxed|fbox|framebox)|</?(?:final[_-]?)?answer|####", re.IGNORECASE)
_MATHS_START = re.compile(
    r"^[-+±−–(\[{|\\$€£√∞π.]?\s?[\d\\({\[√∞π|$]|^[A-Za-z](?:\([A-Za-z\d, ]+\)|_\{?\w+\}?)?\s?(?:=|\\in|∈|[<>≤≥])"
    r"|^[-−]?[A-Za-z](?:$|[-+*/^ ²³])"
)
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}")


def stated_answer(text: str, *, options: Mapping[str, str] | bool = False) -> str | None:
    """The answer that a text (a response without its thinking) states, as it was written; None where it states none.

    Bold marks, quotes, maths delimiters and a last full stop around it are gone, and so are clauses after it.

    Args:
        options: of the query, by letter, or whether it lists any: then a letter alone in its line is an answer too.
    """
    text = _without_next_question(_BLANK_LINES.sub("\n\n\n", text.replace("\r\n", "\n")))
    tagged = _tagged(text)
    if tagged is not None:
        return _marked(tagged, options) or clean(tagged) or None
    return _marked(text, options) or _last_a(text, options) or bare_answer(text)


def _marked(text: str, options: Mapping[str, str] | bool = False) -> str | None:
    """The answer in JSON, a box, after `####`, or in a sentence; where options are known, the first of these that is one."""
    first: str | None = None
    for find in (_json, _boxed, _hashes, _sentence):
        answer = find(text)
        if answer is not None and (not isinstance(options, Mapping) or not options or _is_option(answer, options)):
            return answer
        first = first or answer
    return first


def _is_option(answer: str, options: Mapping[str, str]) -> bool:
    """Whether an answer is an option by its letter or its text; a box may hold the number that the option says."""
    stated = plain(answer)
    letter = _OPTION.match(stated)
    return (letter is not None and letter[1].upper() in options) or any(
        fold(plain(text)).equals(fold(stated)) for text in options.values()
    )


def _sentence(text: str) -> str | None:
    return next((answer for _, answer in sentence_answers(text, last_first=True)), None)


# tags ---------------------------------------------------------------------------------------------------------------


def _tagged(text: str) -> str | None:
    """What stands in the last pair of answer tags that holds something; the one mark left where the other was cut off."""
    opened: int | None = None
    last: str | None = None
    paired = False
    first_closing: int | None = None
    for tag in _TAG.finditer(text):
        if not (tag["closing"] or tag["closing2"]):
            opened = tag.end()
            continue
        if opened is not None:
            paired = True
            if text[opened : tag.start()].strip():
                last = text[opened : tag.start()]
        elif first_closing is None:
            first_closing = tag.start()
        opened = None
    if last is not None or paired:
        return last
    if opened is not None and text[opened:].strip():
        return text[opened:]
    return text[:first_closing] if first_closing is not None and text[:first_closing].strip() else None


# JSON ---------------------------------------------------------------------------------------------------------------


def _json(text: str) -> str | None:
    """The value of the last key "answer" of JSON, or of a Python dict."""
    last = next(reversed([*_JSON.finditer(text)]), None)
    if last is None or "{" not in text[: last.start()]:
        return None
    value = last["value"]
    if value in {"null", "None"}:
        return None
    if value[0] == "[":
        parts = [part.strip().strip("\"'") for part in value[1:-1].split(",")]
        return ", ".join(part for part in parts if part) or None
    if value[0] not in "\"'":
        return clean(value)
    inside = _unescaped(value)
    return (
        _boxed(inside)
        or next((answer for _, answer in sentence_answers(inside, last_first=True)), None)
        or clean(inside)
    )


def _unescaped(value: str) -> str:
    if value[0] == "'" or _LATEX_IN_JSON.search(value):
        return value[1:-1].replace("\\'", "'").replace('\\"', '"')
    try:
        return str(json.loads(value, strict=False))
    except ValueError:
        return value[1:-1]


# boxes --------------------------------------------------------------------------------------------------------------


def boxes(text: str) -> list[tuple[int, str]]:
    """Where each complete box ends that holds something, and what it holds, in the order of their ends."""
    depth: list[tuple[bool, int | None]] = []  # of each open brace: whether it is escaped, where a box's content begins
    contents: list[tuple[int, str]] = []
    if "box" not in text and "\x08oxed" not in text:
        return contents
    for token in _BOX_TOKEN.finditer(text):
        content: str | None = None
        if token["box"]:
            depth.append((token["brace"] == "\\{", token.end()))
        elif token["open"]:
            depth.append((False, None))
        elif token["word"]:
            content = token["word"].rstrip(".,;:")
        elif token["close"] and depth and (token["close"] != "\\}" or depth[-1][0]):
            begin = depth.pop()[1]
            content = None if begin is None else text[begin : token.start()]
        elif token[0] == "\\{" and depth and depth[-1][0]:
            depth.append((True, None))
        if content is not None:
            content = content.strip().rstrip("\\").strip()
            if not _NOTHING_BOXED.match(content):
                contents.append((token.end(), content))
    return contents


def _boxed(text: str) -> str | None:
    contents = boxes(text)
    if not contents:
        return None
    content = contents[-1][1]
    if inner := boxes(content):
        content = inner[-1][1]
    cue = re.match(
        r"^(?:\\text\s*\{)?(?:the )?(?:final )?answer(?: is)?\s*[:=]?\s*\}?\s*(?=\S)", content, re.IGNORECASE
    )
    return clean(content[cue.end() :] if cue else content) or None


# #### ---------------------------------------------------------------------------------------------------------------


def _hashes(text: str) -> str | None:
    """What follows the last `####` that is no heading."""
    for mark in reversed([*_HASHES.finditer(text)][-100:]):
        line = mark[1].strip(" \t*:")
        below = text[mark.end() :]
        if not line:
            line = below.lstrip("\n").partition("\n")[0].strip() if not below.lstrip(" \t\n").startswith("#") else ""
            if not line or len(line) > _LONGEST_BARE:
                continue
        elif _HEADING_WORD.match(line) or mark[1].rstrip(" *").endswith(":"):
            continue
        elif below.strip() and not _MATHS_START.match(line) and len(line.split()) > 1:
            continue  # words with text below them are a heading
        if answer := value_of(line):
            return answer
    return None


# a text that is nothing but the answer ------------------------------------------------------------------------------


def _last_a(text: str, options: Mapping[str, str] | bool) -> str | None:
    """The answer of a last line "A: …", the other half of a prompt with "Q: …"; not where A is an option."""
    last = text.strip().rpartition("\n")[2]
    line = _LAST_A.fullmatch(last)
    if line is None or options:
        return None
    return bare_answer(line[1])


def bare_answer(text: str) -> str | None:
    """A text that is one short answer and nothing else: a number, an expression, a letter, a name."""
    line = text.strip()
    if not line or len(line) > _LONGEST_BARE or _MARK_LEFT.search(line) or _CODE_LINE.match(line):
        return None
    if line.startswith(("$$", "\\[")):
        line = " ".join(line.split())
    if "\n" in line:
        return None
    answer = clean(line)
    if not answer or answer.endswith(("?", ":")) or line.rstrip("* ").endswith((":", "?")):
        return None
    words = _WORD.findall(re.sub(r"\\(?:text|mathrm|textbf|mathbf)\s*\{", " ", answer))
    if _MATHS_START.match(answer):
        return (
            answer if len(words) <= 6 and not _SENTENCE_WORD.search(" ".join(words)) and " I " not in answer else None
        )
    if not words and not re.search(r"\w", answer):
        return None
    if len(answer.split()) > _MOST_WORDS or re.search(r"[.!?]\s+\S{3,}", answer):
        return None
    title = len(words) > 1 and words[0] not in {"We", "Let"} and words[-1][0].isupper()
    title = (
        title and all(word[0].isupper() or word in _SMALL_IN_TITLES for word in words) and " I " not in f" {answer} "
    )
    return answer if title or not _SENTENCE_WORD.search(answer) else None


# run-on text --------------------------------------------------------------------------------------------------------


def _without_next_question(text: str) -> str:
    """The text up to where it goes on into a next question, after the first answer that it states."""
    questions = [mark.start() for mark in _RUN_ON.finditer(text)]
    if not questions:
        return text
    before = text[: questions[0]]
    if before.strip() and bare_answer(before) is not None:
        return before
    first = _first_statement(text)
    cut = None if first is None else next((start for start in questions if start > first), None)
    return text[:cut]


def _first_statement(text: str) -> int | None:
    """Where the first answer is stated, by whichever mark."""
    places = [start for start, _ in [*sentence_answers(text, last_first=False)][:1]]
    places += [end for end, _ in boxes(text)[:1]]
    places += [mark.start() for mark in _HASHES.finditer(text) if mark[1].strip() and not _HEADING_WORD.match(mark[1])][
        :1
    ]
    places += [tag.start() for tag in _TAG.finditer(text) if tag["closing"] or tag["closing2"]][:1]
    places += [mark.start() for mark in _JSON.finditer(text)][:1]
    return min(places, default=None)
