"""`memreward warm-up`: what comes before training, for trainers that `memreward train` does not start (verl, verifiers).

The untrained policy's rollouts go into the memory, the ledger reveals the labels within the budget, and the reward model
is fitted and saved. Doing it twice changes nothing but the date of the model.
"""

from __future__ import annotations

from memgraph import LabelView, Memory
from memgraph.domains.verifiers import verifier
from memgraph.models.reward_model import RewardModel, RewardModelConfig
from trainer.reward.truth import Judged
from trainer.run.config import RunConfig
from trainer.run.data import load_problems
from trainer.run.initial_rollouts import require_answers, store_initial_rollouts
from trainer.run.narrator import Narrator
from trainer.run.policy import load_policy
from trainer.run.train import label, store_labelled_rollouts


def warm_up(config: RunConfig, memory: Memory, *, narrator: Narrator) -> RewardModel:
    """Rollouts, labels and a reward model for a run; returns the model's registration."""
    judge = verifier(config.labels.verifier, memory.domains)
    training = load_problems(config.data).train
    policy = load_policy(config.policy, device=memory.settings.device)
    if policy.opens_thinking and config.policy.thinking_opened is None:
        narrator.say(
            "the chat template opens the thinking; tell the rewards of other trainers: policy.thinking_opened: true"
        )
    count = config.reward.initial_rollouts
    narrator.stage(f"sampling {count} rollouts of each of {len(training.tasks)} queries")
    report = store_initial_rollouts(config, memory, policy, training.tasks, count, progress=narrator.shows_progress)
    narrator.sampled(report)
    require_answers(config, memory)
    narrator.stage("labelling within the budget")
    spent = label(config, memory, training, judge)
    if config.reward.samples_labelled:
        narrator.stage(f"sampling {config.reward.labelled_rollouts} rollouts of each labelled query")
        judged = Judged(config.ledger, spent.training, training.truth, judge, spent.limit)
        report = store_labelled_rollouts(
            config, memory, policy, training.tasks, judged, progress=narrator.shows_progress
        )
        narrator.sampled(report, judged=True)
    narrator.stage("fitting the reward model")
    settings = RewardModelConfig(checks=tuple(config.reward.checks))
    model = memory.fit(LabelView(ledgers=(config.ledger,)), seed=config.seed, config=settings)
    narrator.say(f"reward model {str(model.key)[:12]} of ledger {config.ledger!r} saved in {model.folder}")
    return model
