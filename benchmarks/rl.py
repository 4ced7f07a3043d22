"""How far does GRPO come with few labels? The arms of MemReward's experiment with the tiny policy, side by side.

Every run starts from the same weights in an empty memory of its own and ends with the accuracy on held-out problems.
A finished run is one row of --out, so a call that was stopped goes on where it was. `rl_page.py` makes docs/rl.md of the rows
that the project keeps. Examples:

    python benchmarks/rl.py --quick
    python benchmarks/rl.py --shares 0.2 --seeds 3 --out rows.jsonl --table table.md
    python benchmarks/rl.py --seeds 0 --of-seeds 11 12 --out benchmarks/results/rl.jsonl    # runs nothing, shows two seeds

Arms:

    oracle      every answer is judged
    labelled    only the labelled queries are trained on (R1-p in the paper)
    majority    labelled queries are judged, the others rewarded by majority vote
    vote        majority vote alone, no labels (TTRL)
    memory      labelled queries are judged, the others rewarded by the reward model
    moment      the same, from the rollouts of the call alone: no experience is read (only where it is named)
    acquired    the same, with labels spent where they help most
    chosen      only queries that are chosen in this way are trained on: are the labels worth it, or the rewards?
    random      a random number for every rollout
    threshold   acquired with rewards of 0 or 1 (only where it is named)
    by_group    acquired with rewards scaled by the spread of their group (only where it is named)
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from harness import Rows, add_row_options, parser_of, report, say
from rl_tables import JUDGED_EVERY, LABEL, SHARE_OF, FinishedRun, commits, plot_runs, tables

from memgraph.domains.verifiers import judge
from memgraph.evaluation import temporary_memory
from memgraph.labels.ledger import StatedAnswer
from memgraph.memory import Memory
from memgraph.store.archive import export_archive
from trainer.reward.report import read_records
from trainer.run.config import RunConfig
from trainer.run.data import load_problems
from trainer.run.narrator import Narrator
from trainer.run.train import run

CONFIG, LLM_CONFIG = Path(__file__).with_name("rl.yaml"), Path(__file__).with_name("rl_smollm2.yaml")
QUICK: dict[str, dict[str, Any]] = {  # does it run, not what it finds
    "data": {"train": 60, "test": 30, "ood": 15},
    "reward": {"initial_rollouts": 4, "labelled_rollouts": 8},
    "refit": {"every": 3},
    "grpo": {"max_steps": 4, "per_device_train_batch_size": 64},
}
QUICK_ARMS = ("oracle", "memory")
_NO_MODEL = {"initial_rollouts": 1, "labelled_rollouts": 1}
_NOBODY_WATCHES = {"monitor": 0}
ARMS: dict[str, dict[str, dict[str, Any]]] = {
    "oracle": {"labels": {"budget": 1.0, **_NOBODY_WATCHES}, "reward": {"scorer": "none", **_NO_MODEL}},
    "labelled": {"labels": _NOBODY_WATCHES, "reward": {"scorer": "none", **_NO_MODEL}},
    "majority": {"labels": _NOBODY_WATCHES, "reward": {"scorer": "majority_vote", **_NO_MODEL}},
    "vote": {"labels": {"budget": 0}, "reward": {"scorer": "majority_vote", **_NO_MODEL}},
    "memory": {},
    "moment": {"reward": {"experience": 0}},
    "acquired": {"labels": {"acquisition": "informative"}},
    "chosen": {"labels": {"acquisition": "informative", **_NOBODY_WATCHES}, "reward": {"scorer": "none"}},
    "random": {"labels": {"budget": 0}, "reward": {"scorer": "random", **_NO_MODEL}},
    "threshold": {"labels": {"acquisition": "informative"}, "reward": {"kind": "threshold"}},
    "by_group": {"labels": {"acquisition": "informative"}, "grpo": {"scale_rewards": "group"}},
}
_COMPARED_ONCE = ("moment", "threshold", "by_group")


def configuration(
    arm: str, share: float, seed: int, folder: Path, *, quick: bool = False, problems: Path | None = None
) -> RunConfig:
    """The frozen settings with those of an arm.

    Args:
        problems: a folder that `smollm2.py` made; None for the tiny world and its policy.
    """
    values = RunConfig.load(CONFIG if problems is None else LLM_CONFIG).model_dump()
    values |= {"name": f"{arm}-{share}-{seed}", "output": folder, "seed": seed}
    if problems is not None:
        values["policy"]["model"] = str(problems / "start")
        values["data"] |= {f"{split}_files": [problems / f"{split}.jsonl"] for split in ("train", "test")}
    own = {"data": {"seed": seed}, "labels": {"budget": share, "seed": seed}}
    for changes in (QUICK if quick else {}, own, ARMS[arm]):
        for section, changed in changes.items():
            values[section] |= changed
    return RunConfig.model_validate(values)


def run_arm(
    arm: str,
    share: float,
    seed: int,
    *,
    quick: bool = False,
    problems: Path | None = None,
    archives: Path | None = None,
) -> FinishedRun:
    """One run in an empty memory.

    Args:
        archives: a folder that gets the run's memory as an archive; None to keep none.
    """
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, temporary_memory() as memory:
        config = configuration(arm, share, seed, Path(folder), quick=quick, problems=problems)
        result = run(config, memory, narrator=Narrator(quiet=True))
        calls = read_records(config.folder / "rewards.jsonl")
        if archives is not None:
            export_archive(memory.database, archives / config.name, models=memory.settings.home / "models")
        accuracy, agreement, advantages = judged_rollouts(memory, config)
        return FinishedRun(
            arm=arm,
            share=share,
            seed=seed,
            scores=verdicts(json.loads((config.folder / "scores.json").read_text())),
            accuracy=accuracy,
            agreement=agreement,
            advantages=advantages,
            rewards=result.reward_sources,
            reward_seconds=round(float(np.mean([call["seconds"] for call in calls])), 4),
            seconds=round(time.perf_counter() - start, 1),
            queries_paid=int(result.spending["queries_paid"]),
            commit=commit(),
        )


def judged_rollouts(memory: Memory, config: RunConfig) -> tuple[list[float], dict[str, float], list[float | None]]:
    """The truth about a run's training rollouts, read after it for this report only.

    Of every third step, since each new program among them has to be run.

    Returns:
        Share of right rollouts by step, share of rewards on the right side of ½ by source, and how far predicted advantages
        follow the true ones in each half of the run.
    """
    rows = memory.database.query(
        "MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking {run: $run})-[:LEADS_TO]->(a:Answer) "
        "WHERE t.call % $every = 0 "
        "RETURN q.key AS query, q.text AS text, q.domain AS domain, a.key AS answer, "
        "a.written AS written, a.valid AS valid, t.call AS call, "
        "t.reward AS reward, t.reward_source AS source",
        run=config.name,
        every=JUDGED_EVERY,
    )
    answers = {
        row["answer"]: StatedAnswer(row["query"], row["written"] if row["valid"] else None, row["domain"], row["text"])
        for row in rows
    }
    truth = load_problems(config.data).train.truth
    verdicts = memory.ledger(f"{config.name}/report").evaluate_answers(truth, list(answers.values()), judge=judge)
    right = {answer: (verdict.score or 0.0) >= 0.5 for answer, verdict in zip(answers, verdicts, strict=True)}
    by_call: dict[int, list[bool]] = defaultdict(list)
    predicted: dict[int, list[tuple[float, bool, str]]] = defaultdict(list)
    agreed: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        by_call[row["call"]].append(right[row["answer"]])
        if row["reward"] is not None:
            agreed[row["source"]].append((row["reward"] >= 0.5) == right[row["answer"]])
            if row["source"] != LABEL:
                predicted[row["call"]].append((row["reward"], right[row["answer"]], f"{row['call']} {row['query']}"))
    steps = [round(float(np.mean(by_call[call])), 4) for call in sorted(by_call)]
    calls = sorted(by_call)
    halves = (calls[: len(calls) // 2], calls[len(calls) // 2 :])
    advantages = [advantage_correlation([one for call in half for one in predicted[call]]) for half in halves]
    return steps, {source: round(float(np.mean(hits)), 4) for source, hits in sorted(agreed.items())}, advantages


def advantage_correlation(rewards: Sequence[tuple[float, bool, str]]) -> float | None:
    """Correlation of predicted with true advantages, which are all that GRPO learns from; None where either has no spread.

    An advantage is a reward less the mean of its group. So groups without a right rollout count, which an AUC within queries
    leaves out: whatever predictions tell apart there is noise.

    Args:
        rewards: predicted reward, whether the rollout was right, and its group.
    """
    if not rewards:
        return None
    reward, right, named = zip(*rewards, strict=True)
    _, group, size = np.unique(np.array(named), return_inverse=True, return_counts=True)
    predicted, true = (
        values - (np.bincount(group, values) / size)[group]
        for values in (np.array(reward, float), np.array(right, float))
    )
    spread = float(np.sqrt((predicted @ predicted) * (true @ true)))
    return round(float(predicted @ true) / spread, 4) if spread else None


def verdicts(scores: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Verdicts of `scores.json`, by split and domain."""
    digits: dict[str, list[str]] = defaultdict(lambda: ["", ""])
    for score in sorted(scores, key=lambda score: str(score["query_key"])):
        for place, when in enumerate(("before", "after")):
            digits[f"{score['split']}/{score['domain']}"][place] += str(round(score[when]))
    return dict(sorted(digits.items()))


def commit() -> str:
    """Of the code, with a mark where files were changed."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
        check=False,
    )
    return described.stdout.strip() or "unknown"


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = parser_of(__doc__, quick=f"one seed of {' and '.join(QUICK_ARMS)}, few problems, few steps", seeds=3)
    add_row_options(parser, "rl.jsonl")
    parser.add_argument(
        "--arms",
        nargs="*",
        default=[arm for arm in ARMS if arm not in _COMPARED_ONCE],
        choices=list(ARMS),
        help="by default all but those that are run only where they are named",
    )
    parser.add_argument("--shares", type=float, nargs="*", default=[0.2], help="of the training queries to label")
    parser.add_argument("--first-seed", type=int, default=0, help="the others follow it")
    parser.add_argument(
        "--of-seeds", type=int, nargs="*", help="what is shown rests on these; by default on all in --out"
    )
    parser.add_argument("--problems", type=Path, help="train an LLM instead, on what `smollm2.py` put into this folder")
    parser.add_argument(
        "--archives", type=Path, help="keep the memory of each run here, as `memreward restore` reads it"
    )
    options = parser.parse_args(argv)
    if options.quick:
        options.arms, options.seeds, options.shares = list(QUICK_ARMS), 1, [0.2]
    rows = Rows(options, ("arm", "share", "seed"))
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    wanted = (
        (arm, SHARE_OF.get(arm, share), seed) for share, seed, arm in product(options.shares, seeds, options.arms)
    )
    for arm, share, seed in rows.missing(dict.fromkeys(wanted)):
        say(f"running {arm}, {share:.0%} labels, seed {seed}")
        done = run_arm(arm, share, seed, quick=options.quick, problems=options.problems, archives=options.archives)
        rows.add(asdict(done))
    shown = [row for row in rows.all if not options.of_seeds or row["seed"] in options.of_seeds]
    finished = [FinishedRun.of(row) for row in shown]
    report("rl", options, shown, lambda _: f"{tables(finished)}\n\nCode at {commits(finished)}.")
    if options.table is not None:
        plot_runs(finished, options.table.with_suffix(".png"))


if __name__ == "__main__":
    main()
