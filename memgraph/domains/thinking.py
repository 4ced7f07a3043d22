"""The thinking of a response, told apart from what it says afterwards.

Knows the marks of the common families: `<think>` and its kin, `[THINK]`, `<|begin_of_thought|>`, `<seed:think>`,
`<|think:start|>`, the channels of harmony. A mark in quotes on both sides is only talked about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_NAMES = "think|thinking|thought|thoughts|reasoning|seed:think|mm:think|longcat_think|scratchpad"
_OPEN = (
    rf"(?i:<(?:{_NAMES})(?:[ \t][^<>\n]{{0,80}})?>)|\[THINK(?:ING)?\]|<\|begin_of_thought\|>|<\|START_THINKING\|>"
    r"|◁think▷|<unused94>(?:thought\b)?|<\|channel>(?:thought\b)?|<\|think:start\|>|<\|inner_prefix\|>"
    r"|<\|plamo:begin_think:plamo\|>|<ifm\|think(?:_fast|_faster)?>|<\|open\|>think<\|sep\|>"
)
_CLOSE = (
    rf"(?i:</(?:{_NAMES})[ \t]{{0,4}}>)|\[/THINK(?:ING)?\]|<\|end_of_thought\|>|<\|END_THINKING\|>|◁/think▷|<unused95>"
    r"|<channel\|>|<\|think:end\|>|<\|inner_suffix\|>|<\|plamo:end_think:plamo\|>|</ifm\|think(?:_fast|_faster)?>"
    r"|<\|close\|>think<\|sep\|>"
)
_MARK = re.compile(rf"(?=<[/a-zA-Z|]|\[[/T]|◁)(?:(?P<open>{_OPEN})|(?P<close>{_CLOSE}))")

# harmony: <|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final<|message|>…<|return|>
_CHANNEL = re.compile(r"<\|channel\|>[ \t]{0,4}(\w{1,40})[^<\n]{0,200}(?:<\|constrain\|>[^<\n]{0,80})?<\|message\|>")
_CHANNEL_END = re.compile(r"<\|(?:end|return|call|start|channel)\|>")
_BARE_HARMONY = re.compile(r"\s{0,8}analysis(?=[A-Z\"'(])")  # its special tokens were lost in decoding
_BARE_FINAL = "assistantfinal"

_THOUGHT_HEADING = re.compile(r"\s{0,8}(?:Here is|Here's) my thought process:?")
_RESPONSE_HEADING = re.compile(r"^(?:Here is|Here's) my response:?", re.MULTILINE)
_RESPONSE_WITHIN = re.compile(r"(?:Here is|Here's) my response:")

_START = (
    r"<s>|<bos>|<\|im_start\|>(?:[ \t]*assistant\b)?|<\|begin_of_text\|>|<\|assistant\|>|<｜Assistant｜>"
    r"|<\|start_header_id\|>assistant<\|end_header_id\|>|<start_of_turn>model\b|<\|start\|>assistant(?:<\|message\|>)?"
    r"|<\|begin_of_solution\|>|<\|START_RESPONSE\|>|<\|open\|>response<\|sep\|>"
)
_END = (
    r"<[|｜](?:endoftext|end_of_text|im_end|im_start|eot_id|eot|eom_id|eom|end|return|call|start|eos|pad|user|human|system"
    r"|assistant|observation|start_header_id|begin_of_text|end_of_turn_token|start_of_turn_token|end_response"
    r"|end_of_solution|end▁of▁sentence|begin▁of▁sentence|endofprompt|fim_\w{1,12}|file_sep|sep)[|｜]>"
    r"|<\|close\|>response<\|sep\|>|<\|plamo:tag\|>|</s>|<eos(?::[0-9a-f]{8})?>|<end_of_turn>|<start_of_turn>|<end_of_utterance>|<pad>|<turn\|>|\[EOS\]|\[/?INST\]|\[\|endofturn\|\]"
)
_TOKEN = re.compile(rf"(?=<[/a-zA-Z|｜]|\[[/|EeIi])(?:{_END})", re.IGNORECASE)
_TOKENS_FIRST = re.compile(rf"(?:\s{{0,8}}(?:{_START}|{_END}))+", re.IGNORECASE)
_ANY_TOKEN = re.compile(rf"{_START}|{_END}", re.IGNORECASE)
_QUOTES = "\"'`“”‘’"


def split_thinking(response: str, *, opened: bool = False) -> tuple[str, str | None]:
    """The thinking of a response, and the rest.

    Where no thinking is marked, all is rest and the thinking is "". What comes after a token that ends the turn is no part
    of the response and is dropped with it.

    Args:
        opened: the prompt already opened the thinking, so what has no closing mark is thinking to its end.

    Returns:
        Thinking and rest; the rest is None where the thinking was cut off, since there is no answer then.
    """
    channels = _by_channels(response)
    if channels is None and not opened:
        channels = _by_headings(response)
    thinking, rest = channels if channels is not None else _by_tags(response, opened)
    return thinking.strip(), None if rest is None else _turn(rest)


def is_mention(text: str, start: int, end: int) -> bool:
    """Whether what stands at `start:end` is quoted on both sides, so that the text only talks of it."""
    return start > 0 and end < len(text) and text[start - 1] in _QUOTES and text[end] in _QUOTES


def _by_channels(response: str) -> tuple[str, str | None] | None:
    """By the channels of harmony, None where there are none; only the last final channel is said aloud."""
    if "<|channel|>" in response:
        thinking, final, position = [], None, 0
        for opening in _CHANNEL.finditer(response):
            closing = _CHANNEL_END.search(response, opening.end())
            thinking.append(response[position : opening.start()])
            position = closing.start() if closing else len(response)
            content = response[opening.end() : position]
            if opening[1].lower() == "final":
                final = content
            else:
                thinking.append(content)
        return "\n".join(part for part in map(_without_tokens, thinking) if part), final
    if _BARE_HARMONY.match(response):
        before, mark, after = response.rpartition(_BARE_FINAL)
        return (before.strip()[len("analysis") :], after) if mark else (response.strip()[len("analysis") :], None)
    return None


def _without_tokens(text: str) -> str:
    return _ANY_TOKEN.sub("", text).strip()


def _by_headings(response: str) -> tuple[str, str | None] | None:
    """By "Here is my thought process:" and "Here is my response:", None where it does not begin so."""
    heading = _THOUGHT_HEADING.match(response)
    if heading is None:
        return None
    answer = _RESPONSE_HEADING.search(response, heading.end()) or _RESPONSE_WITHIN.search(response, heading.end())
    if answer is None:
        return response[heading.end() :], None
    return response[heading.end() : answer.start()], response[answer.end() :]


def _by_tags(response: str, opened: bool) -> tuple[str, str | None]:
    """By opening and closing marks. A closing mark without an opening one ends a thinking that began with the response."""
    parts: list[tuple[bool, str]] = []  # (thought or said, text), in order
    inside, closed, position = opened, False, 0
    stray: list[int] = []  # number of parts before each closing mark that closes nothing
    for is_opening, start, end in _marks(response):
        parts.append((inside, response[position:start]))
        position = end
        if not is_opening:
            if not inside:
                stray.append(len(parts))
            closed = True
        inside = is_opening
    parts.append((inside, response[position:]))
    if inside and not closed:
        return _joined(parts, True) or _joined(parts, False), None
    last_text = next((n for n in reversed(range(len(parts))) if not parts[n][0] and _turn(parts[n][1]).strip()), -1)
    begun = max((count for count in stray if count <= last_text), default=0)  # closing marks after it are left over
    parts = [(True, text) for _, text in parts[:begun]] + parts[begun:]
    return _joined(parts, True), _joined(parts, False)


def _marks(response: str) -> Iterator[tuple[bool, int, int]]:
    """Whether it opens, and where it stands, of each mark that is not just talked about."""
    for mark in _MARK.finditer(response):
        if not is_mention(response, mark.start(), mark.end()):
            yield mark["open"] is not None, mark.start(), mark.end()


def _joined(parts: list[tuple[bool, str]], thought: bool) -> str:
    chosen = [text for is_thought, text in parts if is_thought is thought and text.strip()]
    return chosen[0] if len(chosen) == 1 else "\n".join(text.strip() for text in chosen)


def _turn(text: str) -> str:
    """The text up to the token that ends its turn, without the tokens it begins with."""
    first = _TOKENS_FIRST.match(text)
    begin = first.end() if first else 0
    struck = text.find("<s>", begin)
    for token in _TOKEN.finditer(text, begin):
        if is_mention(text, token.start(), token.end()) or (token[0] == "</s>" and 0 <= struck < token.start()):
            continue  # quoted in a program, or a tag of HTML
        return text[begin : token.start()]
    return text[begin:]
