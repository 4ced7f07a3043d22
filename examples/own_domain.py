"""A fourth kind of task in one file: answers that are JSON, equal if they hold the same.

    python examples/own_domain.py rollouts.jsonl

Rows have query, response, gold and domain = "json". What a domain says of answers holds in import, votes, labels and rewards.
"""

import json
import sys
from collections.abc import Sequence
from typing import Any

from memgraph import Domain, Item, Memory, NormalAnswer, Reading, Verdict


class Json(Domain):
    """The last line that parses as JSON is the answer; the order of keys does not matter."""

    name, version = "json", "1"

    def read(self, response: str, *, query: str | None = None, thinking_opened: bool = False) -> Reading:
        lines = response.splitlines()
        for number in range(len(lines) - 1, -1, -1):
            if parsed(lines[number]) is not None:
                return Reading("\n".join(lines[:number]), lines[number])
        return Reading(response, None)

    def key(self, answer: str | None, *, query: str | None = None) -> NormalAnswer:
        value = None if answer is None else parsed(answer)
        return NormalAnswer("", False) if value is None else NormalAnswer(json.dumps(value, sort_keys=True), True)

    def classes(self, answers: Sequence[str], *, query: str | None = None, seconds: float = 1.0) -> list[int]:
        values = [self.key(answer).value for answer in answers]
        return [values.index(value) for value in values]

    def verify(self, items: Sequence[Item]) -> list[Verdict]:
        return [self._judged(item) for item in items]

    def _judged(self, item: Item) -> Verdict:
        golds = [self.key(gold) for gold in item.reference.accepted]
        if not any(gold.valid for gold in golds):
            return Verdict(None, "the gold is no JSON")
        right = item.answer is not None and self.key(item.answer) in golds
        return Verdict(float(right), "the same value" if right else "another value")


def parsed(text: str) -> Any:
    """What a text holds as JSON, in a list so that null is a value; None where it is none."""
    try:
        return [json.loads(text)]
    except ValueError:
        return None


if __name__ == "__main__":
    with Memory.open(domains=[Json()]) as memory:
        memory.import_file(sys.argv[1])
        memory.reveal(sys.argv[1], budget=0.5)
        memory.fit()
        memory.score()
        for row in memory.rewards():
            print(row.rollout[:12], row.source, row.reward)
