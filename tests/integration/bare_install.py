"""What the bare wheel can do, run by its own interpreter: rollouts with given vectors, some truth, a fit, rewards for all."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np

from memgraph import Memory
from memgraph.errors import MissingPackage
from memgraph.rollouts.embedding import GivenVectors, SentenceEmbedder
from memgraph.rollouts.given import GivenEmbeddings
from memgraph.settings import Settings

HEAVY = ("torch", "torch_geometric", "transformers", "sentence_transformers", "trl", "peft", "datasets", "matplotlib")
QUERIES, ROLLOUTS, DIMENSION = 12, 4, 16


def rollouts() -> list[dict[str, str]]:
    return [
        {
            "query": f"{query} + {query + 1}?",
            "query_id": f"{query}",
            "rollout_id": f"{query}-{sample}",
            "domain": "math",
            "response": f"#### {2 * query + 1 + ((query * 7 + sample) % 3 == 0)}",
            "gold": f"{2 * query + 1}",
        }
        for query in range(QUERIES)
        for sample in range(ROLLOUTS)
    ]


def embeddings(rows: list[dict[str, str]], file: Path) -> GivenEmbeddings:
    rng = np.random.default_rng(0)
    np.savez(
        file,
        query=rng.normal(size=(QUERIES, DIMENSION)),
        query_id=np.array([f"{query}" for query in range(QUERIES)]),
        thinking=rng.normal(size=(len(rows), DIMENSION)),
        answer=rng.normal(size=(len(rows), DIMENSION)),
        rollout_id=np.array([row["rollout_id"] for row in rows]),
    )
    return GivenEmbeddings.load(file)


def refusal_of(work: object) -> str:
    try:
        work()  # type: ignore[operator]
    except MissingPackage as error:
        return str(error)
    raise AssertionError("what is not installed was not missed")


def main(folder: Path) -> None:
    found = {"installed": [name for name in HEAVY if importlib.util.find_spec(name)]}
    rows = rollouts()
    file = folder / "rollouts.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    settings = Settings.load(home=folder / "home", throwaway=True, heap_mb=512)
    with Memory.open(settings, embedder=GivenVectors("given", DIMENSION)) as memory:
        found["new"] = memory.import_file(file, embeddings=embeddings(rows, folder / "vectors.npz")).new
        found["labels"] = memory.reveal(file, budget=0.5).revealed.labels
        found["labelled"] = memory.fit().metrics["labelled_queries"]
        found["scored"] = memory.score().scored
        rewards = memory.rewards()
        found["rewards"] = sum(row.reward is not None for row in rewards)
        found["pandas"] = refusal_of(rewards.to_pandas)
    found["embed"] = refusal_of(lambda: SentenceEmbedder("some/model").space)
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
