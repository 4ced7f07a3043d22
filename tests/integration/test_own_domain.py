"""A domain of one's own is one object: it reads, names, joins and judges wherever the built-in ones do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import ClassVar

import numpy as np
import pytest

from memgraph import LabelView, Memory, Rollout, read_response, same_answer, verify
from memgraph.domains import Item, NormalAnswer, Verdict
from memgraph.domains.choices import Choices
from memgraph.domains.references import Reference
from memgraph.domains.verifiers import Auto
from memgraph.errors import MigrationError, SettingsError
from memgraph.labels.truth import Truth
from memgraph.rollouts.embedding import SentenceEmbedder
from memgraph.settings import Settings
from memgraph.store.keys import query_key
from trainer.reward.memory_reward import MemoryReward
from trainer.reward.truth import Judged

DAYS = ("1 May 2024", "2024-05-01", "2 May 2024")


class Dates(Choices):
    """Dates, however they are written."""

    name: ClassVar[str] = "dates"
    version: ClassVar[str] = "1"

    def key(self, answer: str | None, *, query: str | None = None) -> NormalAnswer:
        day = _date(answer)
        return super().key(answer, query=query) if day is None else NormalAnswer(day.isoformat(), True)

    def classes(self, answers: Sequence[str], *, query: str | None = None, seconds: float = 1.0) -> list[int]:
        values = [self.key(answer).value for answer in answers]
        return [values.index(value) for value in values]

    def verify(self, items: Sequence[Item]) -> list[Verdict]:
        return [
            Verdict(float(self.key(item.answer) == self.key(item.reference.value)), "compared as dates")
            for item in items
        ]


class LaterDates(Dates):
    """The same, read by another version."""

    version: ClassVar[str] = "2"


def _date(text: str | None) -> date | None:
    for form in ("%Y-%m-%d", "%d %B %Y"):
        try:
            return datetime.strptime((text or "").strip(), form).date()
        except ValueError:
            continue
    return None


class Known:
    def query_keys(self) -> Sequence[str]:
        return [query_key("default", "When?")]

    def truth(self, query_key: str) -> Truth | None:
        return Truth(Reference("gold", "2024-05-01"))


def test_it_reads_and_judges_without_a_memory() -> None:
    assert read_response("The answer is 1 May 2024.", Dates()).answer == "1 May 2024"
    assert same_answer("1 May 2024", "2024-05-01", Dates())
    assert verify("The answer is 1 May 2024.", gold="2024-05-01", domain=Dates()).score == 1.0
    assert not same_answer("1 May 2024", "2024-05-01", "qa")


def test_it_is_used_by_import_votes_labels_and_asked_for_again(
    memory: Memory, settings: Settings, embedder: SentenceEmbedder
) -> None:
    with Memory.open(settings, embedder=embedder, domains=[Dates()]) as opened:
        opened.add(Rollout(query="When?", response=f"The answer is {day}.", domain="dates") for day in DAYS)
        snapshot = opened.snapshot(LabelView())
        assert len(snapshot.answer_keys) == 2, "its key names the nodes"
        ledger = opened.ledger("l", budget=1)
        ledger.reveal(Known(), Known().query_keys(), judge=Auto(opened.domains))
        labels = opened.snapshot(LabelView(ledgers=("l",))).labels
        assert sorted(labels.tolist()) == [0.0, 1.0, 1.0]
        assert not np.isnan(labels).any()
        said = [{"query": "And then?", "response": f"The answer is {day}.", "answer": "1 May 2024"} for day in DAYS[:2]]
        opened.import_rows(said, domain="dates")
        given = opened.database.query(
            "MATCH (:Query {text: 'And then?'})-[:GENERATES_REASONING]->(t) RETURN t.given AS given"
        )
        assert [row["given"] for row in given] == ["answer"] * 2, "the answers are theirs, and no gold"
        before = opened.domains
        judged = Judged("l", Known().query_keys(), Known(), Auto(opened.domains), 1)
        reward = MemoryReward(opened, run="rl", judged=judged)
        columns = {"query_key": Known().query_keys(), "query": ["When?"], "domain": ["dates"], "dataset": ["default"]}
        assert reward(["When?"], ["The answer is 1 May 2024."], **columns) == [1.0]
        reward.close()
        assert opened.domains is before, "a reward takes the memory as it is"
    with pytest.raises(MigrationError, match="rollouts of the domain dates, which nothing defines here"):
        Memory.open(settings, embedder=embedder)
    with pytest.raises(MigrationError, match=r"dates \(version 1, now 2\).*memreward migrate"):
        Memory.open(settings, embedder=embedder, domains=[LaterDates()])


def test_it_is_named_by_module_and_attribute() -> None:
    named = Settings.load(domains=f"{__name__}:Dates").domains
    assert named == (f"{__name__}:Dates",)
    from memgraph.domains import Domains

    assert Domains(named)["dates"].version == "1"
    with pytest.raises(SettingsError, match="cannot be imported"):
        Domains(["no_such_module:Dates"])
    with pytest.raises(SettingsError, match="is no memgraph"):
        Domains(["math:pi"])
