"""Layouts that rollouts come in, each read into the project's own fields.

A layout is known by its columns, row by row: a file may hold several. What it says of the truth goes into `gold`, `tests` and
`correct`, which only `memgraph.labels.truth` reads. Rewards in the logs of TRL are not read: they may be the truth, or
anything else.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from memgraph.rollouts.columns import Columns
from memgraph.rollouts.formats import RawRow
from memgraph.rollouts.messages import (
    Spoken,
    is_conversation,
    is_message,
    read_completion,
    read_prompt,
    read_rendered,
    split_conversation,
)
from memgraph.store.keys import key_of

Fields = dict[str, Any]
"""A row under the project's own names of fields; what is none of them keeps its own name."""

_QUERIES = ("query", "prompt", "problem", "question", "instruction")
_SEVERAL = ("responses", "completions", "generations", "outputs", "samples")
_SPREAD = ("correct", "thinking", "answer", "rollout_id", "policy", "step", "sample", "features", "reasoning_content")
_CONVERSATIONS = ("messages", "conversations", "conversation")
_TEXT_OF = ("text", "response", "content", "completion", "output", "generation", "message")
_REQUIRED = ("query", "response")
_STATED, _OPENED, _NAME = (
    "memreward.stated",
    "memreward.thinking_opened",
    "memreward.name",
)  # between functions of this module


@dataclass(frozen=True, slots=True)
class Layout:
    """A known way to write rollouts down.

    Attributes:
        fits: whether a row has its columns.
        read: the row in our own fields. Columns that the user named are gone from it already.
        sampled: whether neighbours with one prompt were sampled together, and are named by what all of them say.
    """

    name: str
    fits: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Fields], Fields]
    sampled: bool = False


@dataclass(frozen=True, slots=True)
class Sampled:
    """One response of a row: its fields, and what `Rollout` says of `stated` and `thinking_opened`."""

    fields: Fields
    stated: str | None = None
    thinking_opened: bool = False


def layout_of(raw: Mapping[str, Any]) -> Layout | None:
    """The layout of a row, None for one that has neither our own columns nor those of a known layout."""
    return next((layout for layout in LAYOUTS if layout.fits(raw)), None)


def standard_rows(rows: Iterable[RawRow], *, columns: Columns, run: str) -> Iterator[tuple[int, Sampled | str]]:
    """Rows of any layout in our own fields, one for each response; the number stays that of the row in its file.

    Neighbours with one prompt in a log of TRL are one group, named by what all of it says. So equal completions of different
    steps are different rollouts, while a batch that TRL logs again at each step that it serves is stored once.
    """
    seen: Counter[str] = Counter()
    for prompt, group in groupby(rows, key=_prompt_of):
        if prompt is None:
            for number, raw in group:
                for fields in [raw] if isinstance(raw, str) else _read(raw, columns):
                    yield number, fields if isinstance(fields, str) else _sampled(fields, run, seen)
            continue
        members = [(number, raw) for number, raw in group if isinstance(raw, dict)]
        completions = [_repr((raw.get("completion"), raw.get("advantage"))) for _, raw in members]
        name = key_of("completions", run, prompt, *completions)[:32]
        sample = 0
        for number, raw in members:
            for fields in _read(raw, columns):
                named = {"rollout_id": f"{name}-{sample}", "sample": sample, "call": raw.get("step")}
                if isinstance(fields, str):
                    yield number, fields
                else:
                    yield number, _sampled({**named, **fields, "sample": sample}, run, seen)
                sample += 1


def _prompt_of(row: RawRow) -> str | None:
    """What groups a completion with its neighbours; None for a row that is none of TRL's."""
    _, raw = row
    layout = None if isinstance(raw, str) else layout_of(raw)
    return _repr(raw["prompt"]) if isinstance(raw, dict) and layout is not None and layout.sampled else None


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except (RecursionError, ValueError):  # nested too deep, a number too long: rejected where it is looked at
        return "unreadable"


def _sampled(fields: Fields, run: str, seen: Counter[str]) -> Sampled:
    """Takes out what belongs beside the fields, and names a rollout of a dump that has no id."""
    stated, opened, parts = (fields.pop(name, None) for name in (_STATED, _OPENED, _NAME))
    if parts is not None and "rollout_id" not in fields:
        how, *parts = parts
        name = key_of("dump", run, *map(_repr, parts))[:32]
        fields["rollout_id"] = f"{name}-{seen[name]}"
        seen[name] += how == "each"
    return Sampled(fields, stated, bool(opened))


def _read(raw: Fields, columns: Columns) -> list[Fields | str]:
    """A row as rollouts, or the reason why one of them is none."""
    named, rest = columns.take(raw)
    layout = layout_of(raw)
    try:
        fields = {**(layout.read(rest) if layout else rest), **named}
        present = {name: value for name, value in fields.items() if value is not None or name in _REQUIRED}
        return [_spoken(fields) for fields in _spread(present)]
    except ValueError as error:
        return [str(error)]
    except RecursionError:
        return ["its values are nested too deep"]


def _spread(fields: Fields) -> Iterator[Fields]:
    """One row for each response; lists of verdicts, ids and the like go along with a list of responses."""
    response = fields.get("response")
    lists = {name: fields[name] for name in _SPREAD if isinstance(fields.get(name), list)}
    if not isinstance(response, list) or (response and is_conversation(response) and not _are_replies(response)):
        verdicts = lists.get("correct", [])
        yield {**fields, "correct": verdicts[0]} if len(verdicts) == 1 else fields
        return
    if not response:
        raise ValueError("'response' is an empty list")
    for name, values in lists.items():
        if len(values) != len(response):
            raise ValueError(f"{name!r} holds {len(values)} values for {len(response)} responses")
    for place, text in enumerate(response):
        row = {**fields, "response": text, **{name: values[place] for name, values in lists.items()}}
        if len(response) > 1:
            row.setdefault("sample", place)
            if "rollout_id" in fields and "rollout_id" not in lists:
                row["rollout_id"] = f"{fields['rollout_id']}-{place}"
            if _NAME in fields:
                row[_NAME] = (*fields[_NAME], place)
        yield row


def _are_replies(response: list[Any]) -> bool:
    """Whether these messages answer one prompt each on their own, as the choices of an API do."""
    return all("role" not in turn and "from" not in turn for turn in response)


def _spoken(fields: Fields) -> Fields | str:
    """A row whose query and response are texts, where they can be read as such."""
    try:
        response = fields.get("response")
        if isinstance(response, dict) and not is_message(response):
            response = next((response[name] for name in _TEXT_OF if response.get(name) is not None), response)
        spoken = Spoken(response)  # type: ignore[arg-type]  # anything else is rejected as no text, with what was found
        if isinstance(response, str) or is_message(response) or is_conversation(response):
            spoken = read_completion(response)
        texts = {"query": read_prompt(fields.get("query")), "response": spoken.response}
        read = {**fields, **{name: text for name, text in texts.items() if name in fields}}
        apart = fields.get("reasoning_content")
        thinking = spoken.thinking if spoken.thinking is not None else apart
        if thinking is not None and fields.get("thinking") is None:
            read["thinking"] = (
                read_completion({"content": thinking}).response if isinstance(thinking, list) else thinking
            )
        if spoken.stated is not None:
            read[_STATED] = spoken.stated
        return read
    except ValueError as error:
        return str(error)


def _has(*names: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda raw: all(name in raw for name in names)


def _renamed(raw: Fields, new: Mapping[str, Any], *without: str) -> Fields:
    """A row with new fields in place of some of its columns; a gap replaces nothing but what is required."""
    kept = {name: value for name, value in raw.items() if name not in without}
    return {**kept, **{name: new[name] for name in new if new[name] is not None or name in ("query", "response")}}


def _own(raw: Fields) -> Fields:
    return dict(raw)


def _trl(raw: Fields) -> Fields:
    prompt = raw.get("prompt")
    messages = _rendered(prompt)
    rewards = [
        name for name in ("answer", "correct") if isinstance(raw.get(name), float)
    ]  # of functions of these names
    return _renamed(raw, {**messages, "response": raw.get("completion")}, "prompt", "completion", *rewards)


def _verl(raw: Fields) -> Fields:
    """`input` is the prompt as the template wrote it; `acc` says whether it is right, and `score` where there is no `acc`."""
    truth = raw.get("gts") if raw.get("gts") is not None else raw.get("ground_truth")
    new = {**_rendered(raw.get("input")), "response": raw.get("output"), "correct": _first_share(raw, "acc", "score")}
    new["tests" if _are_tests(truth) else "gold"] = truth
    if raw.get("step") is not None:
        new[_NAME] = ("each", raw["step"], raw.get("input"), raw.get("output"))  # equal ones of other steps are others
    return _renamed(raw, new, "input", "output", "gts", "ground_truth", "acc", "score")


def _rendered(prompt: Any) -> Fields:
    if not isinstance(prompt, str):
        return {"query": prompt}
    read = read_rendered(prompt)
    return {"query": read.text, _OPENED: read.thinking_opened or None}


def _are_tests(truth: Any) -> bool:
    """Whether a truth is what stdin or function tests are written as, and no answer."""
    if isinstance(truth, str) and truth.lstrip().startswith("{"):
        try:
            truth = json.loads(truth)
        except (ValueError, RecursionError):
            return False
    return isinstance(truth, dict) and bool(truth.keys() & {"inputs", "outputs", "input_output", "test_cases"})


def _first_share(raw: Fields, *names: str) -> Any:
    """The first of these that is true, false or a share; a score beyond 0..1 is a reward of another scale."""
    for name in names:
        value = raw.get(name)
        if isinstance(value, (bool, int, float)) and 0 <= value <= 1:
            return value
    return None


def _lm_eval(raw: Fields) -> Fields:
    """`resps` holds a list of replies for each request; the gold is `target`."""
    doc = raw.get("doc") or {}
    replies = raw.get("resps")
    while isinstance(replies, list) and replies and all(isinstance(part, list) for part in replies):
        replies = [reply for part in replies for reply in part]
    if isinstance(replies, list) and not any(isinstance(reply, str) for reply in replies):
        raise ValueError("'resps' holds no text, only log-likelihoods: such a task samples no response")
    query = next((doc[name] for name in _QUERIES if isinstance(doc.get(name), str)), None)
    if query is None or doc.keys() & {"choices", "options"}:
        query = _request(raw) or query
    new = {
        "query": query,
        "response": replies[0] if isinstance(replies, list) and len(replies) == 1 else replies,
        "gold": raw.get("target"),
    }
    new[_NAME] = ("once", query, replies)  # each filter of a task repeats the sample
    return _renamed(raw, new, "doc", "arguments", "resps", "filtered_resps", "target", "answer")


def _request(raw: Fields) -> str | None:
    """The prompt as it was sent."""
    arguments = raw.get("arguments")
    while isinstance(arguments, (list, dict)) and arguments:
        arguments = next(iter(arguments.values())) if isinstance(arguments, dict) else arguments[0]
    return arguments if isinstance(arguments, str) else None


def _open_r1(raw: Fields) -> Fields:
    verdicts = raw.get("correctness_math_verify")
    if not isinstance(verdicts, list):
        verdicts = raw.get("correctness_llama")
    new = {
        "query": raw.get("problem"),
        "response": raw.get("generations"),
        "gold": raw.get("answer"),
        "correct": verdicts,
    }
    return _renamed(raw, new, "problem", "generations", "answer", "solution", "messages")


def _synthetic_1(raw: Fields) -> Fields:
    """The truth is in `verification_info`, a text of JSON: a gold, or test cases of a program."""
    info = raw.get("verification_info")
    if isinstance(info, str):
        try:
            info = json.loads(info)
        except (ValueError, RecursionError):
            info = None
    info = info if isinstance(info, dict) else {}
    tests = info.get("test_cases")
    gold = None if tests is not None else info.get("ground_truth", raw.get("gold_standard_solution"))
    new = {"query": raw.get("prompt"), "response": raw.get("llm_response"), "gold": gold, "tests": tests}
    new |= {
        "rollout_id": raw.get("rollout_id") or raw.get("response_id"),
        "correct": _first_share(raw, "score", "reward"),
    }
    gone = ("prompt", "llm_response", "gold_standard_solution", "verification_info", "response_id", "score", "reward")
    return _renamed(raw, new, *gone)


def _prompt_response(raw: Fields) -> Fields:
    return _renamed(raw, _rendered(raw.get("prompt")) | {"response": raw.get("response")}, "prompt")


def _has_several(raw: Mapping[str, Any]) -> bool:
    return any(isinstance(raw.get(name), list) for name in _SEVERAL) and any(name in raw for name in _QUERIES)


def _several(raw: Fields) -> Fields:
    replies = next((name for name in _SEVERAL if isinstance(raw.get(name), list)), _SEVERAL[0])
    query = next((name for name in _QUERIES if name in raw), _QUERIES[0])
    return _renamed(raw, {"query": raw.get(query), "response": raw.get(replies)}, query, replies)


def _has_conversation(raw: Mapping[str, Any]) -> bool:
    return any(isinstance(raw.get(name), list) for name in _CONVERSATIONS)


def _conversation(raw: Fields) -> Fields:
    name = next(name for name in _CONVERSATIONS if isinstance(raw.get(name), list))
    messages = raw[name]
    if not is_conversation(messages):
        odd = next(message for message in messages if not is_message(message))
        raise ValueError(f"{name!r} must hold messages with 'role' and 'content', found {type(odd).__name__}")
    system = raw.get("system") if isinstance(raw.get("system"), str) else None
    query, response = split_conversation(messages)
    return _renamed(raw, {"query": query, "response": response}, name, *(["system"] if system is not None else []))


LAYOUTS = (
    Layout("memreward", _has("query", "response"), _own),
    Layout("lm-eval", lambda raw: isinstance(raw.get("doc"), dict) and "resps" in raw, _lm_eval),
    Layout("OpenR1", _has("problem", "generations"), _open_r1),
    Layout("SYNTHETIC-1", _has("prompt", "llm_response"), _synthetic_1),
    Layout("TRL", _has("prompt", "completion"), _trl, sampled=True),
    Layout("verl", lambda raw: "input" in raw and "output" in raw and "instruction" not in raw, _verl),
    Layout("several responses", _has_several, _several),
    Layout("prompt and response", _has("prompt", "response"), _prompt_response),
    Layout("conversation", _has_conversation, _conversation),
)
