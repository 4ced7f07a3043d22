"""Two real processes under accelerate (gloo), against the same memory as one."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from memgraph.labels.truth import FileTruth
from memgraph.labels.view import LabelView
from memgraph.memory import Memory
from memgraph.models.scorers import RewardModelScorer
from tests.conftest import write_rows
from tests.end_to_end.test_training import small_run
from tests.end_to_end.two_ranks import judged_by
from tests.integration.rollouts import call_on, sums
from trainer.reward.memory_reward import MemoryReward

VIEW = LabelView(ledgers=("l",))


def environment(memory: Memory) -> dict[str, str]:
    """What another process needs to open the same memory."""
    endpoint = memory.database.endpoint
    return os.environ | {
        "NEO4J_URI": endpoint.uri,
        "NEO4J_USERNAME": endpoint.user,
        "NEO4J_PASSWORD": endpoint.password.get_secret_value(),
        "MEMREWARD_HOME": str(memory.settings.home),
        "MEMREWARD_DEVICE": "cpu",
        "CUDA_VISIBLE_DEVICES": "",  # accelerate's barrier takes a GPU of each rank where it sees any, on gloo too
        "OMP_NUM_THREADS": "1",
    }


def in_two_processes(memory: Memory, *module: str) -> None:
    """Run `python -m module …` twice under torchrun, against this memory."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", *module]
    done = subprocess.run(command, env=environment(memory), capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-4000:]


def mixed(group: list[dict[str, Any]]) -> bool:
    return len({row["correct"] for row in group}) == 2


@pytest.fixture
def trained(memory: Memory, tmp_path: Path) -> Path:
    """A memory with rollouts, labels and a reward model; returns the file that knows the truth."""
    file = write_rows(tmp_path / "rollouts.jsonl", sums(40))
    memory.import_file(file)
    memory.reveal(FileTruth([file], run="import"), ledger="l", budget=0.3, seed=1)
    memory.fit(VIEW)
    return file


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_two_ranks_give_the_rewards_of_one_process_whoever_is_late(
    memory: Memory, trained: Path, tmp_path: Path
) -> None:
    labelled = memory.ledger("l").revealed()
    rows = sums(40, seed=7)
    groups = [rows[start : start + 4] for start in range(0, len(rows), 4)]
    paid = [group for group in groups if call_on(group)["query_key"][0] in labelled]
    unpaid = [group for group in groups if call_on(group)["query_key"][0] not in labelled and mixed(group)]
    batch = [row for group in (*paid[:2], *unpaid[:3]) for row in group]  # the third of five groups straddles
    model = memory.model()
    options: dict[str, Any] = {"kind": "soft", "skip_noise": False, "num_generations": 4, "view": VIEW}
    options["experience"] = 0  # the runs share a memory, and each would remember those before it
    one = MemoryReward(memory, run="one", judged=judged_by(trained, memory), scorer=RewardModelScorer(model), **options)
    expected = one([""] * 20, **call_on(batch))
    one.close()
    assert expected[:8] == [float(row["correct"]) for row in batch[:8]]
    assert len({round(value, 3) for value in expected[8:]}) > 3

    (tmp_path / "batch.json").write_text(json.dumps(batch))
    in_two_processes(memory, "tests.end_to_end.two_ranks", str(trained), str(tmp_path / "batch.json"), str(tmp_path))
    first, second = (json.loads((tmp_path / f"rank-{rank}.json").read_text()) for rank in (0, 1))

    for late in ("late-0", "late-1"):
        # the second call came in reverse order
        assert first[late][::-1] + second[late][::-1] == pytest.approx(expected, abs=1e-4)
        kept = memory.database.query(
            "MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking {run: $run}) "
            "RETURN q.key AS query, t.call AS call, t.attempt AS attempt, count(DISTINCT t.sample) AS samples, "
            "count(t.reward) AS rewards",
            run=late,
        )
        assert {(row["attempt"], row["samples"], row["rewards"]) for row in kept} == {(1, 4, 4)}
        assert len(kept) == 2 * 5
    assert first["report-0"] == second["report-0"] == [1, 1, []]
    assert first["report-1"] == second["report-1"] == [1, 1, []]

    # Rank 1 did not take part: rank 0 scored its two whole groups and two rollouts of the third, and said so.
    assert first["degraded report"] == [[1], 1]
    assert None not in first["degraded"]
    assert first["reasons"] == [""] * 8 + ["scored with 2 of 4 rollouts of its group"] * 2

    # The same through GRPOTrainer: groups of 4 on two ranks of 6.
    assert first["grpo"] == second["grpo"] == [[], 0, None]
    sampled = memory.database.query(
        "MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking {run: 'grpo', call: 0}) "
        "RETURN q.text AS query, q.ids[0] AS query_id, q.domain AS domain, q.dataset AS dataset, t.response AS response, "
        "t.reward AS reward, t.attempt AS attempt, t.step AS step ORDER BY query, t.sample"
    )
    assert len(sampled) == 12
    assert {(row["attempt"], row["step"]) for row in sampled} == {(1, 0)}
    # One rank fitted again after the step, both score with its model.
    assert [first["fits"], second["fits"]] == [1, 0]
    assert first["model"] == second["model"] == memory.model().key != model.key

    again = pickle.loads(pickle.dumps(one))
    assert again([""] * 12, **call_on(sampled)) == pytest.approx([row["reward"] for row in sampled], abs=1e-4)
    again.close()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_whole_run_in_two_processes_samples_labels_fits_trains_and_evaluates_once(
    memory: Memory, tmp_path: Path
) -> None:
    config = small_run(tmp_path, name="both", per_device_train_batch_size=8)
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    in_two_processes(memory, "tests.end_to_end.apart", "train", str(file), "--json")
    summary = json.loads((tmp_path / "both" / "summary.json").read_text())
    assert summary["steps"] == 2
    assert sum(summary["reward_sources"].values()) == 32
    assert summary["accuracy"]["all"]["problems"] == 12
    assert summary["spending"]["queries_paid"] == 6
    assert len(json.loads((tmp_path / "both" / "scores.json").read_text())) == 12
    kept = memory.database.query(
        "MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking) WHERE t.run STARTS WITH 'both' "
        "RETURN t.run AS run, t.call AS call, q.key AS query, count(*) AS rollouts, count(DISTINCT t.sample) AS samples, "
        "collect(DISTINCT t.attempt) AS attempts"
    )
    assert all(row["rollouts"] == row["samples"] and row["attempts"] == [1] for row in kept)
    initial = [row for row in kept if row["run"] == "both/initial"]
    assert sorted((row["call"], row["rollouts"]) for row in initial) == [(0, 4)] * 24 + [(1, 2)] * 19 + [(1, 4)] * 5
    assert sum(row["rollouts"] for row in kept) == 24 * 6 + 5 * 2 + 32
    models = memory.database.query("MATCH (m:RewardModel) RETURN count(m) AS n")
    assert models[0]["n"] == 2  # fitted before and after the steps
