"""Sentences that name an answer: "the answer is …", "Final answer: …", headings, and the same in other languages.

A sentence about the answer ("the answer is correct", "why the answer is not A") names none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from memgraph.domains.clauses import clean, first_clause

_WINDOW = 2_000  # characters after a cue in which its answer is looked for
_BEFORE = 140  # characters before it that can change what it says
_TRIED = 300  # words looked at from either end; where none of so many names an answer, no more are tried

# Every cue holds one of these words. They are searched for first, since that takes no time in a long text.
_WORDS = tuple(
    word
    for words in (
        "answer|ans:|ans.|ans :|option|choice|i choose|i pick|i select|i'll go with|i would go with",
        "答案|答え|正解|解答|故选|故選|应选|本题选|정답|답|respuesta|resposta|risposta|réponse|reponse|antwort|antwoord|endergebnis",
        "lösung:|cevap|đáp án|odpowiedź|svar|ответ|الإجابة|الجواب|उत्तर",
    )
    for word in words.split("|")
)
_MARKS = r"[ \t*_\"'`]{0,6}"
_IS = (
    r"(?<![A-Za-z])(?:is|are|would[ \t]be|must[ \t]be|should[ \t]be|will[ \t]be|has[ \t]to[ \t]be|equals"
    r"|(?:comes|works|turns)[ \t]out[ \t](?:to(?:[ \t]be)?|as))\b"
)
_TO_THE_QUESTION = r"(?:[ \t]+(?:to|for|of|in)[ \t][^.:：\n?!]{1,100}?)?"
_ADJECTIVES = "final|final,|correcta|correta|corretta|correcte|finale|exacta|exacte|esatta|definitiva|corecta|cuối cùng"
_CUE = re.compile(
    rf"answers?(?:[ \t]choice)?\b(?:\(s\))?{_TO_THE_QUESTION}{_MARKS}(?:{_IS}|[:：→])"
    rf"|(?P<valued>answer{_MARKS}(?:=|[-–—](?=[ \t])))"
    r"|ans\b\.?[ \t]{0,3}[:：]|ans\.[ \t](?=[-\d$\\(A-Z])"
    rf"|(?P<chosen>(?:option|choice)\b{_TO_THE_QUESTION}{_MARKS}(?:{_IS}|[:：]))"
    r"|I(?:'ll|[ \t]would)?[ \t](?:choose|pick|select|go[ \t]with)[ \t](?=(?:option|choice|answer)?[ \t]?[*(]{0,3}[A-Z]\b(?!'))"
    r"|(?:答案|答え|正解|解答)[ \t*_]{0,4}(?:】[:：]?|(?:应该|應該|应|应当)?(?:选择|选|選|是|为|為|は|[:：])[:：]?[ \t]?(?:选项|選項)?)"
    r"|(?:故选|故選|应选|本题选)(?:择)?[:：]?"
    r"|(?:정답|답)(?:변)?[ \t*_]{0,4}(?:은|는|이|[:：])"
    rf"|(?:respuesta|resposta|risposta|réponse|reponse|antwoord|cevap|đáp[ \t]án|odpowiedź|svar(?:et)?)"
    rf"(?:[ \t](?:{_ADJECTIVES})){{0,2}}(?:[ \t](?:à|a|de|do|da|alla)[ \t][^.:\n?!]{{1,80}}?)?{_MARKS}"
    r"(?:es|é|è|est|is|là|to|är|er|[:：])(?!\w)"
    rf"|(?:antwort|endergebnis)(?:[ \t]auf[ \t][^.:\n?!]{{1,60}}?)?{_MARKS}(?:ist|lautet|wäre|[:：])(?!\w)"
    r"|lösung:[ \t*]{1,4}(?=[-\d$\\(])"
    r"|(?P<inverted>antwort[ \t]*:?[ \t]+(?=[-\d$\\*]))"
    rf"|ответ(?:ом)?{_MARKS}(?:[:：—–-]|это|равен|является|будет)(?!\w)"
    r"|(?:الإجابة|الجواب)(?:[ \t]النهائية|[ \t]الصحيحة)?[ \t*_]{0,4}(?:هي|هو|[:：])"
    r"|उत्तर[ \t*_]{0,4}(?:है|[:：])",
    re.IGNORECASE,
)
_HEADING = re.compile(
    r"[ \t>#*_\-]{0,12}(?:\d{1,2}\.[ \t])?(?:(?:the|my|our)[ \t])?(?:final|correct|short|direct|numerical)?[ \t]?"
    r"answers?[ \t*_#:：.]{0,8}"
    r"|[ \t>#*_\-]{0,12}【?(?:最终|最終|最后)?(?:的)?(?:答案|答え|정답)】?[ \t*_#:：.]{0,8}"
    rf"|[ \t>#*_\-]{{0,12}}(?:respuesta|réponse|antwort|resposta|risposta|ответ)(?:[ \t](?:{_ADJECTIVES}))?[ \t*_#:：.]{{0,8}}",
    re.IGNORECASE,
)
_NAMED_BEFORE = re.compile(  # the answer comes first: "(B) is the correct answer"
    r"(?:^|[.!?:,]\s|\b(?:so|thus|hence|therefore|that)[ \t])[ \t*_]{0,4}"
    r"(?P<named>(?:option[ \t])?[(\[]?[A-Z][)\]]?[*_]{0,2}|[^\s.!?:,][^.!?:,\n]{0,80}?)"
    r"[ \t]is[ \t](?:the[ \t])?(?:(?:only|most)[ \t])?(?:correct|right|best|final)[ \t]$",
    re.IGNORECASE | re.MULTILINE,
)
_CALL = re.compile(r"answer\([ \t]{0,4}[\"']?(?P<named>[^\"'()\n]{1,200})[\"']?[ \t]{0,4}\)", re.IGNORECASE)
_LETTER_LINE = re.compile(
    r"[ \t>#*_]{0,6}(?:final )?answer[ \t*_]{1,4}(?P<named>\(?[A-Z]\)?)[.*_ \t]{0,4}", re.IGNORECASE
)
_IST_DIE = re.compile(r"\b(?:ist|lautet|wäre)[ \t]die[ \t](?:\w+[ \t])?$", re.IGNORECASE)
_PLAIN_NAMED = re.compile(  # "42 is the answer"
    r"(?:^|[.!?:,]\s|\b(?:so|thus|hence|therefore|that)[ \t])[ \t*_]{0,4}"
    r"(?P<named>[^\s,.!?:]\S{0,60}(?:[ \t]\S{1,30}){0,2}?)[ \t]is[ \t]"
    r"(?:the|our|my)[ \t](?:final[ \t])?$",
    re.IGNORECASE | re.MULTILINE,
)
_PRONOUN = re.compile(
    r"(?:this|that|it|which|here|there|what|who|none|neither|nothing|each|one|[a-z ]*\bnot)\b", re.IGNORECASE
)
_BEST = re.compile(
    r"\b(?:correct|right|best|final|my|appropriate|suitable|accurate|chosen|正确|正確)[ \t*_]{1,4}(?:answer[ \t])?$",
    re.IGNORECASE,
)
_OWN = re.compile(r"\b(?:final|the|my|our)[ \t]$", re.IGNORECASE)  # "answer = x" alone is a line of a program

# What may not stand before "answer": another answer than the one given, or words that do not claim it.
_NOT_THE = re.compile(
    r"\b(?:this|that|an|any|each|every|no|another|other|whose|same|which|what|whether|wrong|incorrect|partial|previous|initial"
    r"|intermediate|student's|his|her|their|such|these|those|false|possible|user's|expected|sample|example|first|old|original)"
    r"[ \t]+(?:(?!(?:the|my|our|its|your|final)\b)\w+[ \t]+)?$",
    re.IGNORECASE,
)
_NOT_STATED = re.compile(
    r"\b(?:if|whether|unless|why|how|suppose|supposing|assume|assuming|imagine|hope|hoping|check|verify|confirm|ensure|unsure"
    r"|until|doubt|when|(?:n't|n’t|not|never)[ \t](?:think|believe|say|mean|know|sure)|(?:what|how)[ \t]\w+|format|write|writing"
    r"|return|returns|find|finding|give|giving|calculate|compute|get|getting|print|output|determine|provide|obtain"
    r"|simplify|present|define)"
    r"(?:[ \t]+(?:that|if))?[ \t]+(?:(?:the|my|our|your|its)[ \t]+)?(?:(?:final|correct|right|best|only|real)[ \t]+)?[*_\"'`]{0,3}$",
    re.IGNORECASE,
)

# What may stand between "is" and the answer.
_LEAD = re.compile(
    r"(?:[*_\s]{0,4}(?:therefore|thus|hence|then|so|indeed|simply|just|clearly|obviously|actually|really|of course|also|still|now"
    r"|in fact|probably|most likely|likely|definitely|certainly|equal to|equivalent to|given by|found to be|going to be|the following"
    r"|as follows|to be|that|,|=)(?=[\s:：,*]|$)[\s:：,]{0,4}|[*_]{0,3}[:：=][*_]{0,3}\s{0,4}"
    r"|there (?:are|is|will be|were|was) (?=[\d$]))"
    r"{1,4}",
    re.IGNORECASE,
)
_HOW_MUCH = r"(?:(?:absolutely|clearly|indeed|definitely|very|quite|also|now|therefore|not|already|perfectly|more|too|so|less)\s+){0,2}"
_JUDGED = (
    r"(?:correct|incorrect|right|wrong|verified|consistent|reasonable|unreasonable|plausible|sensible|clear|unclear|obvious|simple"
    r"|straightforward|helpful|useful|confirmed|checked|complete|incomplete|final|done|ready|valid|invalid|sound|boxed|shown|stated"
    r"|written|provided|presented|expressed|obtained|supposed|expected|required|needed|above|below|here|ambiguous|unique|known|found"
    r"|derived|supported|justified|based|given|accurate|exact|missing|easy|hard|difficult|marked|highlighted|enclosed|rounded|close"
    r"|acceptable|fine|good|perfect|great|better|certain|sure|pending|displayed|determined|calculated|computed|unknown to)"
)
_THEN = (
    r"(?=\s*$|\s*[.,;:!?)]|\s+(?:because|since|as|and|but|for|with|by|in|when|if|to|from|at|that|than|on|of|above|below|enough|inside"
    r"|within|here|now|i|you|too|so|yet|up|again|after|before|using|it|the|me)\b)"
)
_ABOUT = re.compile(
    rf"[*_\s]{{0,4}}(?:{_HOW_MUCH}{_JUDGED}{_THEN}|as (?:above|below)\b"
    r"|(?:not|n't|never|neither(?=\s+\w)|nowhere|no longer|what|why|because|how|whether|where|when|if|within|inside)\b"
    r"|in (?:the |this |that |my |our |a |an |its |simplest |lowest |agreement|line |terms|good |full )[^.\n]{0,40}?"
    r"(?:box|form|line|agreement|units?|terms|format|solution|section|text|explanation|with)\b"
    r"|(?:up|down) (?:above|below|to)\b|i\.e\.|left as\b|to be (?:given|written|put|boxed|found|determined)\b|going to\b"
    r"|one of (?:the|these|those)\b|(?:hidden|located|available)\b|(?:yet|still) to\b|(?:something|anything|uncertain)\b)",
    re.IGNORECASE,
)
_DENIAL = re.compile(  # an answer itself: "Answer: Not a function"
    r"[*_\s]{0,4}Not (?:an? )?(?!sure|certain|clear|known|found|available|provided|given|stated|determined|correct|here"
    r"|only|quite|just)[a-z]{4,}"
)
_AFTER_COLON = re.compile(r"[^.:\n]{0,60}:[ \t*_]{1,4}(?=\S)")
_NEGATED = re.compile(r"\s*(?:not|never)\b", re.IGNORECASE)
_WORDY = re.compile(  # "the total cost is $5" below a heading
    r"(?=[A-Za-z])(?:[A-Za-z][\w'’-]*[ ,]+){2,14}?(?:is|are|equals|was|were|will be|has|costs?|gets?)\s+"
    r"(?=[-+]?[\d$€£]|\\[(\[]|\*\*|[-+]?\\(?:frac|sqrt|pi))"
)
_POLITE_END = re.compile(
    r"(?:입니다|이다|이에요|예요|가 됩니다|이 됩니다)[.]?$|(?:です|である|となります|になります)[。.]?$"
)
_CJK = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")
_BLANK = " \t*_:：>#\"'`"


def sentence_answers(text: str, *, last_first: bool) -> Iterator[tuple[int, str]]:
    """Where each sentence that names an answer stands, and the answer; from the last or from the first one on.

    At most some hundred sentences from that end are looked at.
    """
    places = _places(text)
    for place in places[::-1][:_TRIED] if last_first else places[:_TRIED]:
        answer = _answer_at(text, place)
        if answer:
            yield place, answer


def _places(text: str) -> list[int]:
    """Where the words stand that cues hold, in order."""
    lower = text.lower()
    if len(lower) != len(text):  # a letter whose small form is two
        lower = "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)
    places: set[int] = set()
    for word in _WORDS:
        place = lower.find(word)
        while place >= 0:
            places.add(place)
            place = lower.find(word, place + len(word))
    return sorted(places)


def _answer_at(text: str, place: int) -> str | None:
    """The answer that the sentence with a cue's word at this place names, None where it names none."""
    begin = max(text.rfind("\n", max(0, place - _BEFORE), place) + 1, place - _BEFORE, 0)
    before = text[begin:place]
    if before[-1:].isalpha() and before[-1:].isascii() and text[place : place + 1].isascii():
        return None  # "transaction", "adoption"
    end = text.find("\n", place, place + _WINDOW)
    line = text[begin : end if end >= 0 else place + _WINDOW]
    for pattern, subject in ((_CALL, text[place : place + 240]), (_LETTER_LINE, line)):
        named = pattern.match(subject) if pattern is _CALL else pattern.fullmatch(subject)
        if named is not None:
            return clean(named["named"]) or None
    named = _NAMED_BEFORE.search(before) or (
        _PLAIN_NAMED.search(before) if re.match(r"answer\b(?! to| for|\?)", text[place : place + 16]) else None
    )
    if named is not None and not _PRONOUN.match(named["named"].strip()):
        return clean(re.split(r"\b(?:that|so|thus|[Hh]ence|[Tt]herefore|[Tt]hus|[Ss]o)\s", named["named"])[-1]) or None
    if _HEADING.fullmatch(line):
        following = _line_after(text, begin + len(line))
        return None if following is None else value_of(following)
    cue = _CUE.match(text, place, place + _WINDOW)
    if cue is None or (cue["chosen"] and not _BEST.search(before)) or (cue["valued"] and not _OWN.search(before)):
        return None
    if cue["inverted"] and not _IST_DIE.search(before):
        return None
    sentence = re.split(r"[.!?]", before)[-1]
    if _NOT_THE.search(sentence) or _NOT_STATED.search(sentence):
        return None
    following = _line_after(text, cue.end())
    return None if following is None else value_of(following)


def value_of(line: str) -> str | None:
    """The answer that a line names which goes on after "the answer is"."""
    line = line.strip()
    lead = _LEAD.match(line)
    if lead is not None and lead.end() < len(line):
        line = line[lead.end() :].strip()
    if _ABOUT.match(line) and not _DENIAL.match(line):
        after_colon = _AFTER_COLON.match(line)
        if after_colon is None or _NEGATED.match(line):
            return None
        line = line[after_colon.end() :]
    wordy = _WORDY.match(line)
    if wordy is not None:
        line = line[wordy.end() :]
    clause = first_clause(line)
    rest = line[len(clause) :].lstrip(" *_\"')")
    if rest.startswith("?") and (len(clause.split()) < 2 or clause.lstrip(" *_\"'(")[:1].islower()):
        return None  # a question; a title may end in its mark
    if _CJK.search(line):
        clause = _POLITE_END.sub("", clause.strip(" *."))
    return clean(clause) or None


def _line_after(text: str, position: int) -> str | None:
    """The line that goes on at a position, or the next one (or block of display maths) where nothing stands in this one."""
    window = text[position : position + _WINDOW]
    line, _, below = window.partition("\n")
    core = line.strip(_BLANK + ".=\\}-")
    display = core == "$$" or (core in {"", "["} and "\\[" in line)
    if core and not display:
        return re.sub(r"^[ \t*_:：>\"'`}]{1,12}(?=\s)|^[*_]{1,3}", "", line)
    if display:  # it begins in this line
        mark = "$$" if core == "$$" else "\\["
        return _display(line[line.index(mark) :] + "\n" + below)
    if line.strip(_BLANK + ".=}-"):
        return None
    below = below.lstrip("\n \t>")
    if below.startswith(("$$", "\\[", "\\begin{")):
        return _display(below)
    if below.startswith("```"):
        below = below.partition("\n")[2]
    return below.partition("\n")[0] if below.strip() else None


def _display(block: str) -> str:
    """The inside of the display maths that a text begins with, in one line."""
    for opening, closing in (("$$", "$$"), ("\\[", "\\]")):
        if block.startswith(opening):
            inside, mark, _ = block[len(opening) :].partition(closing)
            return "$" + " ".join(inside.split()).rstrip(".") + "$" if mark else inside.strip().partition("\n")[0]
    return " ".join(block.partition("\n\n")[0].split())
