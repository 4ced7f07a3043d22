"""How much of a query's reward a scorer knows, from the rollouts that the memory has."""

from __future__ import annotations

from memgraph import LabelView, Memory, Rollout, keys
from memgraph.scorers import MajorityVote
from trainer.curriculum import explained_of


def test_a_vote_knows_the_reward_of_groups_that_differ(memory: Memory) -> None:
    said = {"What is 1 + 2?": "333", "What is 2 + 2?": "4444", "What is 5 + 2?": "7768"}
    memory.add(
        Rollout(
            query=query, response=f"#### {answer}", domain="math", run="r", attempt=1, call=0, step=0, sample=sample
        )
        for query, answers in said.items()
        for sample, answer in enumerate(answers)
    )
    of = {query: keys.query_key("default", query) for query in [*said, "Who asked?"]}
    found = explained_of(memory, MajorityVote(), of.values(), LabelView(ledgers=()))
    assert found == {of["What is 1 + 2?"]: 0, of["What is 2 + 2?"]: 0, of["What is 5 + 2?"]: 1}
