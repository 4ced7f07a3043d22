"""How good are rewards under harder conditions, and what is each part of the reward model worth?

    answered      rollouts without an answer are left out, in fitting and in scoring
    new policies  two policies have no labels at all; the metrics are over their rollouts
    noisy labels  a tenth of the labels is flipped
    look-alikes   the metrics are over queries with a labelled neighbour of cosine ≥ .9 and another right answer
    one judged    the most frequent answer of each query is judged late; the metrics are over its other rollouts
    none judged   the same rollouts without that label
    transfer      fitted on the labelled queries of one set, the metrics are over all rollouts of another one
    without …     the reward model without form, all checks, what other sets taught

What the model learned of other sets should leave these sets' family out (`--prior`, made by learn_prior.py). 20 % of the
queries are labelled. Rollouts: `rollout_files.py`. Rows are written to --out as they come, so a call that was stopped goes on
where it was. Example:

    python benchmarks/reward_robustness.py ROLLOUTS --sets humaneval --seeds 3 --out rows.jsonl
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, lru_cache, partial
from itertools import permutations
from typing import Any

import numpy as np
from harness import Row, Rows, add_row_options, markdown, mean_sd, parser_of, report, say
from rollout_files import add_rollout_options, files_of, name_of, read_set

from memgraph.domains.checks import ALL_CHECKS
from memgraph.errors import ModelError
from memgraph.models.metrics import evaluate_scores
from memgraph.models.prior import SHIPPED
from memgraph.models.reward_model import RewardModelConfig
from memgraph.models.scorers import SCORERS, RewardModelScorer
from memgraph.models.scores import DEFAULT_SCORER, Scorer
from memgraph.snapshot.snapshot import Bools, Floats, Snapshot, rows_of_each
from memgraph.snapshot.splits import Split, splits

KEY = ("set", "case", "scorer", "seed")
SCORERS_HERE = ("majority_vote", "consensus_share", "logistic", "boosting", DEFAULT_SCORER)
ABLATIONS: dict[str, dict[str, Any]] = {  # what changes in the model's configuration
    "form": {"checks": tuple(check for check in ALL_CHECKS if check != "form")},
    "checks": {"checks": ()},
    "prior": {"prior": "none"},
}
_SHARE, _FLIPPED, _ALIKE = 0.2, 0.1, 0.9

Case = tuple[Snapshot, Snapshot, Floats, Bools]
"""(to fit on, to score, [target rollouts] truth, [target rollouts] over which the metrics are)"""


def cases(split: Split) -> Iterator[tuple[str, Case]]:
    """The conditions that need one set only."""
    snapshot, truth = split.snapshot, split.truth
    rng = np.random.default_rng(split.seed)
    rows, labelled = snapshot.target_rollouts, ~np.isnan(truth)
    yield "plain", (snapshot, snapshot, truth, labelled)

    answered = snapshot.rollout_valid
    fewer = snapshot.with_rollouts(answered)
    yield "answered", (fewer, fewer, truth[answered[rows]], labelled[answered[rows]])

    policies = np.array(snapshot.rollout_policies)
    if len(np.unique(policies)) > 2:
        new = np.isin(policies, rng.choice(np.unique(policies), 2, replace=False))
        unseen = replace(snapshot, labels=np.where(new, np.nan, snapshot.labels).astype(np.float32))
        yield "new policies", (unseen, unseen, truth, labelled & new[rows])

    flipped = rng.random(len(snapshot.labels)) < _FLIPPED
    noisy = replace(snapshot, labels=np.where(flipped, 1 - snapshot.labels, snapshot.labels).astype(np.float32))
    yield "noisy labels", (noisy, noisy, truth, labelled)

    yield "look-alikes", (snapshot, snapshot, truth, labelled & look_alikes(split)[snapshot.rollout_query[rows]])

    judged, others = one_judged(split)
    yield "none judged", (snapshot, snapshot, truth, labelled & others)
    yield "one judged", (snapshot, snapshot.with_labels(judged), truth, labelled & others)


def look_alikes(split: Split) -> Bools:
    """[queries] with a similar labelled query that has none of its right answers."""
    snapshot = split.snapshot
    right: dict[int, set[str]] = defaultdict(set)
    judged = snapshot.labels.copy()
    judged[snapshot.target_rollouts] = split.truth
    for row in np.flatnonzero(judged >= 0.5):
        answer = snapshot.rollout_answer[row]
        right[int(snapshot.rollout_query[row])].add(snapshot.answer_values[answer])
    marked = np.zeros(len(snapshot.query_keys), np.bool_)
    near = snapshot.similar[:, snapshot.similar_scores >= _ALIKE]
    for one, other in np.concatenate([near, near[::-1]], axis=1).T.tolist():
        labelled = not snapshot.query_targets[one] and snapshot.query_targets[other]
        if labelled and right[one] and right[other] and not right[one] & right[other]:
            marked[other] = True
    return marked


def one_judged(split: Split) -> tuple[Floats, Bools]:
    """Labels with those of each target query's most frequent answer, and [target rollouts] that gave another answer."""
    snapshot, rows = split.snapshot, split.snapshot.target_rollouts
    labels, others = snapshot.labels.copy(), np.zeros(len(rows), np.bool_)
    classes, valid = snapshot.rollout_class[rows], snapshot.rollout_valid[rows]
    for mine in rows_of_each(snapshot.rollout_query[rows]):
        stated = mine[valid[mine] & ~np.isnan(split.truth[mine])]
        if len(stated):
            judged = stated[classes[stated] == np.bincount(classes[stated]).argmax()]
            labels[rows[judged]] = split.truth[judged]
            others[np.setdiff1d(mine, judged)] = True
    return labels, others


def measure(make: Callable[[], Scorer], case: Case, seed: int) -> dict[str, Any]:
    """Metrics of a scorer in a case; None where it cannot answer."""
    to_fit, scored, truth, counted = case
    try:
        probability = fitted(make, to_fit, seed).score(scored).probability
    except ModelError:
        probability = np.full(len(truth), np.nan, np.float32)
    query = scored.rollout_query[scored.target_rollouts]
    metrics = evaluate_scores(probability[counted], truth[counted], query[counted])
    return {**asdict(metrics), "rollouts": int(counted.sum())}


@lru_cache(maxsize=64)
def fitted(make: Callable[[], Scorer], snapshot: Snapshot, seed: int) -> Scorer:
    """A scorer fitted on a snapshot; cases that differ in what is scored share it."""
    scorer = make()
    scorer.fit(snapshot, seed=seed)
    return scorer


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = parser_of(__doc__, quick="the smallest set, one split, no transfer", seeds=3)
    add_rollout_options(parser, snapshots=True)
    add_row_options(parser, "reward_robustness.jsonl")
    parser.add_argument("--prior", default=SHIPPED, help="what the reward model starts from: a file, or none")
    options = parser.parse_args(argv)
    if options.quick:
        options.seeds = 1
    rows = Rows(options, KEY)
    loaded: dict[str, list[Split]] = {}
    for file in files_of(options):
        wanted = [(_SHARE, seed) for seed in range(options.seeds)]
        loaded[name_of(file)] = list(splits(read_set(file, options.snapshots), wanted))
        for split in loaded[name_of(file)]:
            for trial in trials(name_of(file), split, options.prior):
                run(rows, trial)
    for source, target in permutations(loaded, 2):
        for split in loaded[source]:
            for trial in transfers(source, split, target, loaded[target][split.seed], options.prior):
                run(rows, trial)
    report("reward_robustness", options, rows.all, tables)


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One scorer in one case: what a row will be of."""

    set: str
    case: str
    scorer: str
    seed: int
    make: Callable[[], Scorer]
    on: Case


def trials(name: str, split: Split, prior: str) -> Iterator[Trial]:
    """All scorers in all conditions of one set, and the reward model without each of its parts."""
    for kind, case in cases(split):
        for scorer, make in scorers(prior).items():
            yield Trial(name, kind, scorer, split.seed, make, case)
    plain = (split.snapshot, split.snapshot, split.truth, ~np.isnan(split.truth))
    for part, changed in ABLATIONS.items():
        make = with_config(**{"prior": prior, **changed})
        yield Trial(name, f"without {part}", DEFAULT_SCORER, split.seed, make, plain)


def transfers(source: str, split: Split, target: str, other: Split, prior: str) -> Iterator[Trial]:
    """Fitted on one set, asked for all rollouts of another one."""
    scored = replace(other.snapshot, labels=np.full_like(other.snapshot.labels, np.nan))
    case = (split.snapshot, scored, other.truth, ~np.isnan(other.truth))
    for scorer in ("majority_vote", "logistic", DEFAULT_SCORER):
        yield Trial(target, f"transfer from {source}", scorer, split.seed, scorers(prior)[scorer], case)


def run(rows: Rows, trial: Trial) -> None:
    """Add the row of a trial unless it is there."""
    what = (trial.set, trial.case, trial.scorer, trial.seed)
    if rows.missing([what]):
        rows.add(dict(zip(KEY, what, strict=True)) | measure(trial.make, trial.on, trial.seed))
        say(f"{' '.join(map(str, what))}: AUC {rows.all[-1]['auc']}")


@cache
def scorers(prior: str) -> dict[str, Callable[[], Scorer]]:
    """Those that are compared, by name."""
    return {name: SCORERS[name] for name in SCORERS_HERE} | {DEFAULT_SCORER: with_config(prior=prior)}


def with_config(**changed: Any) -> Callable[[], Scorer]:
    """Makes reward models of a configuration."""
    return partial(RewardModelScorer, config=RewardModelConfig(**changed))


def tables(rows: Sequence[Row]) -> str:
    """Markdown: the reward model's means by case and set, then means ± standard deviations over the splits of all scorers."""
    parts = [f"{_SHARE:.0%} of the queries labelled", summary(rows)]
    head = ["case", "scorer", "rollouts", "AUC", "within-query AUC", "accuracy", "ECE"]
    for name in dict.fromkeys(row["set"] for row in rows):
        here = [row for row in rows if row["set"] == name]
        lines = []
        for kind, scorer in dict.fromkeys((row["case"], row["scorer"]) for row in here):
            group = [row for row in here if (row["case"], row["scorer"]) == (kind, scorer)]
            cells = [mean_sd([row[field] for row in group]) for field in ("auc", "within_query_auc", "accuracy", "ece")]
            counted = f"{np.mean([row['rollouts'] for row in group]):.0f}"
            lines.append([kind, scorer, counted, *cells])
        parts.append(f"**{name}**, {len({row['seed'] for row in here})} splits\n\n{markdown(head, lines)}")
    return "\n\n".join(parts)


def summary(rows: Sequence[Row]) -> str:
    """Markdown: AUC / within-query AUC / accuracy of the reward model, mean over the splits; "–" where there are no rollouts."""
    ours = [row for row in rows if row["scorer"] == DEFAULT_SCORER]
    sets = list(dict.fromkeys(row["set"] for row in ours))

    def cell(case: str, name: str) -> str:
        rows_of_cell = [row for row in ours if (row["case"], row["set"]) == (case, name) and row["rollouts"]]
        values = [[row[field] for row in rows_of_cell] for field in ("auc", "within_query_auc", "accuracy")]
        return "/".join(f"{np.mean(value):.3f}".removeprefix("0") for value in values) if rows_of_cell else "–"

    lines = [[case, *(cell(case, name) for name in sets)] for case in dict.fromkeys(row["case"] for row in ours)]
    return markdown(["case", *sets], lines)


if __name__ == "__main__":
    main()
