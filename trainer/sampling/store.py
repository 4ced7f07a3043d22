"""Rollouts of given queries into a memory, batch by batch: what is stored already is not asked for again."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from memgraph import Memory, Rollout
from memgraph.errors import InputError
from memgraph.printable import percent
from memgraph.progress import silent
from memgraph.rollouts.files import Reject
from memgraph.rollouts.preparation import IngestReport
from memgraph.store.cypher import cypher
from memgraph.store.keys import key_of
from trainer.sampling.questions import Question
from trainer.sampling.sampler import LENGTH, Decoding, Request, Response, Sampler

OnResponse = Callable[[int, int], None]
"""Told of rollouts and tokens that were sampled since the last time."""

_BATCH = 128
_SECONDS = 30.0  # after which a batch is stored, however small


@dataclass(frozen=True, slots=True)
class Place:
    """Where sampled rollouts go; with the query and the number of the response it makes their keys.

    Attributes:
        group: rollouts of a query in one call, which a scorer compares; None for all of them.
    """

    run: str
    attempt: int = 0
    step: int | None = None
    group: int | None = None

    def call_and_sample(self, number: int) -> tuple[int, int]:
        """Of a query's response with this number, from 0 on."""
        return (0, number) if self.group is None else divmod(number, self.group)

    def number(self, call: int, sample: int) -> int:
        """The other way round."""
        return sample if self.group is None else call * self.group + sample


@dataclass(slots=True)
class SampleReport:
    """What sampling did.

    Attributes:
        sampled: responses that came.
        tokens: generated, where the sampler says so.
        finish_reasons: how responses ended → how many; "length" for those that the limit cut off.
        seconds: until the last response, with what was stored meanwhile.
        ingest: what storing did.
        rejected: queries without a response, and responses that the memory does not take.
    """

    sampled: int = 0
    tokens: int = 0
    finish_reasons: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    ingest: IngestReport = field(default_factory=IngestReport)
    rejected: list[Reject] = field(default_factory=list)

    @property
    def cut_off_share(self) -> float:
        """Of the responses, 0..1."""
        return self.finish_reasons[LENGTH] / max(1, self.sampled)

    def lines(self) -> Iterator[str]:
        """What people should know: how much was cut off, and what states no answer."""
        if cut := self.finish_reasons[LENGTH]:
            yield (
                f"{cut} of {self.sampled} responses were cut off at the limit of tokens ({percent(self.cut_off_share)}): raise it, or "
                "have the policy say less"
            )
        yield from self.ingest.answers.lines()


def lacking(
    memory: Memory, questions: Sequence[Question], place: Place, count: int, *, policy: str | None = None
) -> list[Request]:
    """What has to be sampled until there are `count` rollouts of each question; questions that have them are left out.

    Args:
        policy: whose run it is; None takes what is stored as it is.

    Raises:
        InputError: if the run holds rollouts of another policy, naming it.
    """
    rows = memory.database.query(cypher("read/sampled_rollouts"), key=key_of("run", place.run), attempt=place.attempt)
    others = sorted({name for row in rows for name in row["policies"]} - {policy})
    if policy is not None and others:
        raise InputError(
            f"the run {place.run!r} holds rollouts of the policy {others[0]!r}, and this is {policy!r}: name another --run, or "
            f"say that it is the same policy with --policy {others[0]!r}"
        )
    stored = {row["query"]: {place.number(*position) for position in row["places"]} for row in rows}
    requests = []
    for question in questions:
        there = stored.get(question.key, set())
        numbers = [number for number in range(count) if number not in there][: max(0, count - len(there))]
        if numbers:
            requests.append(Request(question.key, question.prompt, tuple(numbers)))
    return requests


def sample_into(
    memory: Memory,
    sampler: Sampler,
    questions: Iterable[Question],
    requests: Sequence[Request],
    *,
    place: Place,
    decoding: Decoding,
    batch: int = _BATCH,
    on_response: OnResponse = silent,
) -> SampleReport:
    """Sample and store what is asked for (`lacking`).

    A batch is stored once it is full, or half a minute old. So a process that is killed loses no more than that, and the
    next one goes on where it was. What was sampled before an error is stored before the error is raised.

    Args:
        questions: those of the requests, at least.
        batch: rollouts that are stored together.

    Raises:
        SamplingError: where nothing more can be sampled.
        InputError: for several greedy responses to a question.
    """
    report = SampleReport()
    store = _Store(memory, {question.key: question for question in questions}, sampler.policy, place, batch, report)
    began = time.monotonic()
    try:
        with closing(sampler.sample(requests, decoding)) as responses:
            for sampled in responses:
                report.seconds = time.monotonic() - began
                if sampled.response is None:
                    store.refuse(sampled.request.key, sampled.refusal)
                else:
                    store.add(sampled.request.key, sampled.sample, sampled.response)
                    on_response(1, sampled.response.tokens or 0)
    finally:
        store.flush()
    return report


class _Store:
    """Collects rollouts, and stores them batch by batch."""

    def __init__(
        self,
        memory: Memory,
        questions: Mapping[str, Question],
        policy: str,
        place: Place,
        batch: int,
        report: SampleReport,
    ) -> None:
        self._memory, self._questions, self._policy = memory, questions, policy
        self._place, self._batch, self._report = place, batch, report
        self._rollouts: list[tuple[Question, Rollout]] = []
        self._refused: set[str] = set()
        self._since = time.monotonic()

    def add(self, key: str, number: int, response: Response) -> None:
        question, report = self._questions[key], self._report
        call, sample = self._place.call_and_sample(number)
        report.sampled += 1
        report.tokens += response.tokens or 0
        report.finish_reasons[response.finish_reason] += 1
        try:
            rollout = question.rollout(
                response.text,
                thinking=response.thinking,
                stated=response.stated,
                thinking_opened=response.thinking_opened,
                policy=self._policy,
                run=self._place.run,
                attempt=self._place.attempt,
                call=call,
                step=self._place.step,
                sample=sample,
            )
        except ValueError as error:  # a lone surrogate, for instance
            self.refuse(key, str(error))
            return
        if not self._rollouts:
            self._since = time.monotonic()
        self._rollouts.append((question, rollout))
        if len(self._rollouts) >= self._batch or time.monotonic() - self._since >= _SECONDS:
            self.flush()

    def refuse(self, key: str, reason: str) -> None:
        """Once a query."""
        if key not in self._refused:
            self._refused.add(key)
            question = self._questions[key]
            self._report.rejected.append(Reject(question.file, question.row, reason))

    def flush(self) -> None:
        rollouts, self._rollouts = self._rollouts, []
        if not rollouts:
            return
        report = self._memory.add(rollout for _, rollout in rollouts)
        rejected, report.rejected = report.rejected, []  # they name places in the batch
        self._report.ingest.add(report)
        for reject in rejected:
            question = rollouts[reject.row - 1][0]
            self._report.rejected.append(Reject(question.file, question.row, reject.reason))
