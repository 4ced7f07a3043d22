"""The reward follows the policy, and somebody watches: with a real memory, and scorers that are right or fooled."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from transformers import TrainerControl, TrainerState

from memgraph.domains.verifiers import judge
from memgraph.errors import ConnectionFailed, TrainingError
from memgraph.labels.view import LabelView
from memgraph.memory import Memory
from memgraph.models.reward_model import RewardModel, RewardModelConfig
from memgraph.models.scorers import RewardModelScorer
from memgraph.models.scores import Scorer, Scores
from memgraph.snapshot.snapshot import Snapshot
from memgraph.store.keys import draw_position
from trainer.reward.memory_reward import MemoryReward
from trainer.reward.truth import Judged
from trainer.run.callback import RewardCallback
from trainer.run.config import RefitSection
from trainer.run.data import Problems, training_dataset
from trainer.run.monitor import Monitor
from trainer.run.narrator import Narrator
from trainer.run.predictions import Predictions
from trainer.run.refit import Refit, fit_queries
from trainer.tiny.world import Problem

TOWNS = [f"Town{letter}{other}" for letter in "ABCDEFGH" for other in "mnopqr"]
QUESTIONS = [
    f"Where does {who} {what}?"
    for who in ("the old miller", "a young fox", "my aunt Selma", "the king of the bees")
    for what in ("live in winter", "buy bread", "keep the treasure", "play the violin")
]


def problems(gold: dict[str, str] | None = None) -> Problems:
    """A town answers each question; `gold` changes some of the truths."""
    return Problems.of(
        [
            Problem(
                query, "qa", f"town-{number}", "facts", gold=(gold or {}).get(query, TOWNS[number]), dataset="towns"
            )
            for number, query in enumerate(QUESTIONS)
        ]
    )


class Believer(Scorer):
    """Believes in the answers of the queries' own towns, or in anything but these."""

    name = "believer"

    def __init__(self, *, fooled: bool = False) -> None:
        self._fooled = fooled

    def fit(self, snapshot: Snapshot, *, seed: int = 0) -> None:
        """Nothing to learn."""

    def score(self, snapshot: Snapshot) -> Scores:
        right = {town.lower() for town in TOWNS[:16]}
        values = [snapshot.answer_values[snapshot.rollout_answer[row]] for row in snapshot.target_rollouts]
        believed = np.array([(value in right) != self._fooled for value in values])
        return Scores.of(snapshot, np.where(believed, 0.9, 0.1).astype(np.float32), source=self.name)


class Run:
    """Training without a policy: the same four answers to every query at each step, of which two are right."""

    def __init__(self, memory: Memory, folder: Path, *, scorer: Scorer, every: int | None = None, monitor: int = 4,
                 stop_after: int | None = None, truth: Problems | None = None, name: str = "r") -> None:  # fmt: skip
        self.memory, self.problems, self.folder = memory, truth or problems(), folder
        self.columns = training_dataset(self.problems.tasks, format_prompt=str).to_dict()
        self.store("before")
        self.spent = memory.reveal(self.problems.truth, ledger=name, budget=10, judge=judge, monitor=monitor)
        judged = Judged(name, self.spent.training, self.problems.truth, judge, self.spent.limit)
        self.reward = MemoryReward(memory, run=name, judged=judged, scorer=scorer)
        self.monitor = self.make_monitor()
        self.refit = Refit(
            memory, RefitSection(), ledger=name, training=self.columns["query_key"], every=every,
            config=RewardModelConfig(), seed=0, log=folder / "refits.jsonl",
        )  # fmt: skip
        self.callback = RewardCallback(
            self.reward, monitor=self.monitor, refit=self.refit, stop_after=stop_after, narrator=Narrator(quiet=True)
        )
        self.state = TrainerState(is_world_process_zero=True)

    def make_monitor(self) -> Monitor:
        return Monitor(
            self.memory, ledger=self.reward.run, query_keys=self.spent.monitored, source=self.problems.truth, judge=judge,
            tolerance=0.05, threshold=50, log=self.folder / "monitor.jsonl",
        )  # fmt: skip

    def store(self, run: str) -> None:
        reward = MemoryReward(self.memory, run=run, view=LabelView())
        reward(**self.batch())

    def batch(self) -> dict[str, Any]:
        four = {name: [value for value in values for _ in range(4)] for name, values in self.columns.items()}
        prompts = four.pop("prompt")
        said = [
            f"The answer is {TOWNS[number] if sample % 2 else TOWNS[20]}."
            for number in range(16)
            for sample in range(4)
        ]
        return {"prompts": prompts, "completions": said, **four}

    def steps(self, count: int, scorer: Scorer | None = None) -> None:
        for _ in range(count):
            self.step(scorer)

    def step(self, scorer: Scorer | None = None) -> list[float | None]:
        self.reward.scorer = scorer or self.reward.scorer
        rewards = self.reward(trainer_state=self.state, **self.batch())
        self.state.global_step += 1
        self.callback.on_step_end(None, self.state, TrainerControl())
        return rewards


def test_the_alarm_is_silent_for_a_good_scorer_and_fires_for_one_that_is_fooled(
    memory: Memory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = Run(memory, tmp_path, scorer=Believer())
    run.monitor.start(Believer())
    run.steps(4)
    good = run.monitor.agreement
    assert (good.queries, good.groups, good.rollouts, good.alarms) == (4, 16, 64, 0)
    assert (good.observed, good.expected, good.baseline_gap) == (1.0, pytest.approx(0.9), 0.0)
    assert run.reward.metrics == {
        "refits": 0.0, "agreement/observed": 1.0, "agreement/expected": pytest.approx(0.9),
        "agreement/evidence": good.evidence, "agreement/alarms": 0.0,
    }  # fmt: skip
    assert not [record for record in caplog.records if "calibrated" in record.message]

    run.steps(3, Believer(fooled=True))
    fooled = run.monitor.agreement
    assert fooled.alarms >= 1
    assert fooled.observed == pytest.approx(4 / 7)
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert any("no longer calibrated" in record.getMessage() for record in warnings)
    rows = [json.loads(line) for line in (tmp_path / "monitor.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [0, 1, 2, 3, 4, 5, 6, 7]
    assert [row["observed"] for row in rows] == [None] + [1.0] * 4 + [0.0] * 3
    assert rows[-1]["so_far"]["alarms"] == fooled.alarms
    assert len(memory.ledger("r").revealed()) == 10, "watching costs nothing beyond the queries paid for"


def test_a_scorer_that_was_wrong_from_the_start_is_not_an_alarm_but_known_bad_luck(
    memory: Memory, tmp_path: Path
) -> None:
    run = Run(memory, tmp_path, scorer=Believer(fooled=True))
    run.monitor.start(Believer(fooled=True))
    assert run.monitor.agreement.baseline_gap == pytest.approx(0.9)
    run.steps(4)
    assert run.monitor.agreement.alarms == 0


def test_a_resumed_run_neither_forgets_its_alarms_nor_takes_miscalibration_for_bad_luck(
    memory: Memory, tmp_path: Path
) -> None:
    run = Run(memory, tmp_path, scorer=Believer())
    run.monitor.start(Believer())
    run.steps(2)
    run.steps(4, Believer(fooled=True))
    told = run.monitor.agreement
    assert told.alarms >= 1

    again = run.make_monitor()
    again.start(Believer(fooled=True), resumed_at=6)
    assert again.agreement == told
    earlier = run.make_monitor()
    earlier.start(Believer(fooled=True), resumed_at=2)
    assert (earlier.agreement.groups, earlier.agreement.alarms, earlier.agreement.baseline_gap) == (8, 0, 0.0)

    with (tmp_path / "monitor.jsonl").open("a", encoding="utf-8") as log:
        log.write('{"step": 7, "gro')  # where the kill left it
    run.state.global_step, run.callback._monitor = 2, earlier  # goes on from there, and is killed once more
    run.steps(1, Believer())
    after = run.make_monitor()
    after.start(Believer(), resumed_at=3)
    assert after.agreement == earlier.agreement


def test_training_stops_past_the_limit_of_alarms(memory: Memory, tmp_path: Path) -> None:
    run = Run(memory, tmp_path, scorer=Believer(fooled=True), stop_after=1)
    with pytest.raises(TrainingError, match=r"Stopped after 1 alarms \(monitor.stop_after\)"):
        run.steps(5)


def test_what_was_missed_while_the_memory_was_out_of_reach_is_made_up_for(
    memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(memory, tmp_path, scorer=Believer(), every=2)
    run.monitor.start(Believer())
    tried: list[str] = []

    def fits() -> list[int]:
        return [record.step for record in run.refit.records]

    run.step()
    with monkeypatch.context() as away:
        away.setattr(Predictions, "new", lambda self: out_of_reach(tried))
        run.step()
    assert (tried, fits()) == (["once more"], [])
    run.step()
    assert fits() == [3]
    with monkeypatch.context() as away:
        away.setattr(Refit, "fit", lambda self: out_of_reach(tried))
        run.step()
    assert (len(tried), fits()) == (2, [3])
    before = run.reward.scorer
    run.step()
    assert fits() == [3, 5]
    assert run.reward.scorer is not before
    found = run.monitor.agreement
    assert (found.groups, found.rollouts) == (4 * 5, 4 * 4 * 5), "each group of each step, once"


def test_training_stops_where_the_memory_stays_out_of_reach_longer_than_the_user_allows(
    memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(memory, tmp_path, scorer=Believer())
    run.reward.max_failed_calls = 1
    monkeypatch.setattr(Predictions, "new", lambda self: out_of_reach([]))
    run.step()
    with pytest.raises(
        TrainingError, match=r"at 2 steps in a row the memory was out of reach \(reward.max_failed_calls\)"
    ):
        run.step()
    unwatched = RewardCallback(run.reward, monitor=None, refit=None, stop_after=None, narrator=Narrator(quiet=True))
    for _ in range(3):  # reads nothing
        unwatched.on_step_end(None, run.state, TrainerControl())


def out_of_reach(tried: list[str]) -> Any:
    tried.append("once more")
    raise ConnectionFailed("the server went away")


def test_each_prediction_is_handed_out_once_and_those_of_other_runs_never(memory: Memory, tmp_path: Path) -> None:
    run = Run(memory, tmp_path, scorer=Believer(), monitor=0)
    predictions = Predictions(memory, "r")
    for call in range(2):
        run.reward(trainer_state=run.state, **run.batch())
        run.reward.flush()
        found = predictions.new()
        assert {one.call for one in found} == {call}
        assert len(found) == 4 * (16 - len(run.spent.training))
        assert {round(one.probability, 4) for one in found} == {0.9, 0.1}
        assert predictions.new() == []


def test_a_refit_learns_from_the_rollouts_since_changes_the_scorer_and_is_registered(
    memory: Memory, tmp_path: Path
) -> None:
    run = Run(memory, tmp_path, scorer=Believer(), every=2)
    first = run.refit.fit()
    run.step(RewardModelScorer(first))
    assert run.refit.records == []
    before = run.reward.scorer
    run.step()
    assert run.reward.scorer is not before
    (record,) = run.refit.records
    assert record.step == 2
    assert record.metrics["labelled_rollouts"] > first.metrics["labelled_rollouts"]
    assert run.reward.metrics["model/held_out_auc"] == record.metrics["held_out_auc"]
    assert run.reward.metrics["model/held_out_ece"] == record.metrics["held_out_ece"]
    newest = memory.model(ledger="r")
    assert newest.key == record.model
    assert newest.fingerprint() != first.fingerprint()
    assert json.loads((tmp_path / "refits.jsonl").read_text())["model"] == record.model

    run.step()
    by_step = memory.database.query(
        "MATCH (t:Thinking {run: 'r'})<-[:SCORES]-(l:Prediction) RETURN DISTINCT t.step AS step, l.model AS model"
    )
    assert {row["step"]: row["model"] for row in by_step}[2] == record.model, (
        "predictions name the model that made them"
    )


def test_a_checkpoint_keeps_the_model_in_force_for_whoever_resumes_from_it(
    memory: Memory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = Run(memory, tmp_path, scorer=Believer(), every=2)
    args = SimpleNamespace(output_dir=str(tmp_path))
    for step in (1, 2):
        run.step()
        (tmp_path / f"checkpoint-{step}").mkdir()
        for _ in range(2):  # a step that was discarded is saved again
            run.callback.on_save(args, run.state, TrainerControl())
    assert not any((tmp_path / "checkpoint-1").iterdir())  # no reward model was in force
    (kept,) = (tmp_path / "checkpoint-2").iterdir()
    in_force = run.reward.model
    assert RewardModel.load(kept).fingerprint() == memory.model(in_force).fingerprint()

    def resumed() -> str | None:
        run.reward.scorer, run.reward.model = Believer(), None
        run.callback.on_train_begin(args, run.state, TrainerControl())
        assert isinstance(run.reward.scorer, Believer) == (run.reward.model is None)
        return run.reward.model

    memory.database.query("MATCH (m:RewardModel) DETACH DELETE m", write=True)  # as in a memory that has not fitted it
    assert in_force is not None
    assert resumed() == in_force == memory.model(ledger="r").key
    (kept / "config.json").write_text("{")
    assert resumed() is None
    assert f"the reward model of {kept.parent} is not used" in caplog.text


def test_poisoned_hidden_and_watched_labels_change_nothing_in_a_refit(memory: Memory, tmp_path: Path) -> None:
    def fitted(name: str, truth: Problems | None) -> tuple[Run, str]:
        memory.database.autocommit("MATCH (n) WHERE NOT n:__Neo4jMigration AND NOT n:EmbeddingSpace DETACH DELETE n")
        run = Run(memory, tmp_path / name, scorer=Believer(), truth=truth)
        run.step()
        return run, run.refit.fit().fingerprint()

    honest, expected = fitted("honest", None)
    lies = {task.query: "Nowhere" for task in honest.problems.tasks if task.query_key not in honest.spent.training}
    deceived, found = fitted("deceived", problems(lies))
    assert deceived.spent.training == honest.spent.training
    assert deceived.monitor.agreement.observed != honest.monitor.agreement.observed
    assert found == expected


def test_a_refit_reads_labelled_queries_first_and_no_more_than_it_may(memory: Memory, tmp_path: Path) -> None:
    run = Run(memory, tmp_path, scorer=Believer())
    keys = run.columns["query_key"]
    few, many = (fit_queries(memory, "r", keys, limit=limit, seed=0) for limit in (4, 12))
    assert set(few) <= run.spent.training
    assert many[:4] == few
    assert set(many) > run.spent.training
    assert many[6:] == sorted(set(keys) - run.spent.training, key=lambda key: draw_position(0, [key]))[:6]
    snapshot = memory.snapshot(run.monitor._view, query_keys=many, rollouts=2)
    assert len(snapshot.rollout_keys) == 24
