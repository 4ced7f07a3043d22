"""A memory of sums in clusters, partly labelled, with a model: for tests of what labels reach."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memgraph.labels.judgements import Judgement
from memgraph.labels.truth import FileTruth
from memgraph.labels.view import LabelView
from memgraph.memory import Memory
from memgraph.models.reward_model import RewardModel
from memgraph.rollouts.given import GivenEmbeddings
from memgraph.scoring.rescore import RelabelReport
from memgraph.store.cypher import cypher
from tests.conftest import write_rows
from tests.integration.rollouts import sums

VIEW = LabelView(ledgers=("l",))
QUERIES, START = 27, 45  # the later sums are hard enough for several answers each
OPEN = QUERIES - QUERIES // 3  # queries without a label
_fitted: list[tuple[RewardModel, dict[str, Any]]] = []


class World:
    """A memory of sums in three clusters with near-duplicates and a hub, a third of them labelled, and a model."""

    def __init__(self, memory: Memory, folder: Path) -> None:
        self.memory = memory
        rows = sums(START + QUERIES)[START * 4 :]
        self.source = FileTruth([write_rows(folder / "r.jsonl", rows)], run="import")
        memory.import_file(folder / "r.jsonl", embeddings=vectors(QUERIES, 4, start=START))
        self.keys = list(self.source.query_keys())
        memory.ledger("l").reveal(self.source, self.keys[::3])
        if not _fitted:  # the same memory gives the same model
            model = memory.fit(VIEW)
            stored = memory.database.query("MATCH (m:RewardModel {key: $key}) RETURN properties(m) AS p", key=model.key)
            _fitted.append((model, stored[0]["p"]))
        self.model, properties = _fitted[0]
        memory.database.query(cypher("write/reward_model"), write=True, key=self.model.key, properties=properties)

    def relabel(self, *, preview: bool = False) -> RelabelReport:
        return self.memory.relabel(self.model, VIEW, preview=preview)

    def stored(self) -> dict[str, float]:
        """The newest prediction of each rollout."""
        rows = self.memory.database.query(
            "MATCH (t:Thinking)<-[:SCORES]-(l:Prediction {scorer: 'reward_model'}) WITH t, l ORDER BY l.created_at "
            "RETURN t.key AS rollout, collect(l.score)[-1] AS score"
        )
        return {row["rollout"]: row["score"] for row in rows}

    def rescored(self) -> dict[str, float]:
        """What the model says of every rollout without a label, each query on its own."""
        found, everything = {}, self.memory.snapshot(VIEW)
        for query in np.unique(everything.rollout_query[np.isnan(everything.labels)]).tolist():
            snapshot = self.memory.subgraph([everything.query_keys[query]], VIEW, neighbours=False)
            for row, score in zip(snapshot.target_rollouts, self.model.predict(snapshot), strict=True):
                if np.isnan(snapshot.labels[row]):
                    found[snapshot.rollout_keys[row]] = float(score)
        return found

    def judge_one(self, query: str, *, right: bool = True) -> str:
        """Somebody judges the answer of an unlabelled rollout of a query: key of the answer."""
        snapshot = self.memory.snapshot(VIEW, query_keys=[query])
        open_ = snapshot.rollout_answer[np.isnan(snapshot.labels)]
        answer = snapshot.answer_keys[int(np.bincount(open_).argmax())]
        self.memory.ledger("l").accept([Judgement(query, {answer: float(right)}, "ann")])
        return answer

    def several_answers(self) -> list[str]:
        """Keys of the queries without a label whose rollouts give three answers or more."""
        found = self.memory.snapshot(VIEW)
        count = np.bincount(found.answer_query, minlength=len(found.query_keys))
        unlabelled = np.setdiff1d(np.flatnonzero(count >= 3), found.labelled_queries)
        return [found.query_keys[query] for query in unlabelled.tolist()]

    def check(self) -> None:
        """Stored scores are those that scoring everything gives."""
        stored, rescored = self.stored(), self.rescored()
        assert {rollout: stored[rollout] for rollout in rescored} == pytest.approx(rescored, abs=1e-6)


def vectors(queries: int, rollouts: int, *, start: int = 0, seed: int = 0) -> GivenEmbeddings:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(3, 384))
    by_query = {f"sum-{q}": centres[q % 3] + 0.6 * rng.normal(size=384) for q in range(start, start + queries)}
    by_query[f"sum-{start}"] = centres[0]  # a hub: the whole cluster lists it
    for q in range(start, start + queries, 9):  # near-duplicates, in chains
        by_query[f"sum-{q + 3}"] = by_query[f"sum-{q}"] + 0.09 * rng.normal(size=384)
        by_query[f"sum-{q + 6}"] = by_query[f"sum-{q + 3}"] + 0.09 * rng.normal(size=384)
    by_rollout = {
        f"sum-{q}-{r}": by_query[f"sum-{q}"] + rng.normal(size=384)
        for q in range(start, start + queries)
        for r in range(rollouts)
    }
    as_float = [{name: vector.astype(np.float32) for name, vector in found.items()} for found in (by_query, by_rollout)]
    return GivenEmbeddings(384, as_float[0], as_float[1], as_float[1])
