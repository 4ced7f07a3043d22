"""Is the predicted reward still what the verifier would say? A few queries are paid for to watch just that.

Their rollouts are rewarded like all others, by prediction, and their labels (purpose MONITOR) train nothing. Calibrated
probabilities say how often their verdicts should agree with the verifier: max(p, 1 - p). Where a policy learns to please the
scorer, agreement falls below that first.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from memgraph import LabelView, Memory
from memgraph.domains import Judge
from memgraph.labels.truth import TruthSource
from memgraph.labels.view import Purpose
from memgraph.models.scores import Scorer, reads_vectors
from trainer.reward.report import append_records, read_records
from trainer.run.predictions import Prediction, by_group

_BETS = (0.25, 0.5, 0.9)  # of the largest that cannot lose everything
_NEWEST = 64  # rollouts of a watched query that are read back


class AgreementTest:
    """Has agreement fallen below what is expected by more than chance?

    Groups are the unit, since rollouts of one query are right or wrong together. For each,

        x = expected - observed - allowance

    has a mean of at most 0 as long as agreement is as expected. A bet on x > 0 multiplies its stake by 1 + λx and starts again from
    1 whenever it lies below; the evidence is the mean over three λ. This is a CUSUM of log(1 + λx), and an e-detector (Shin,
    Ramdas and Rinaldo 2024): among n groups the chance of a false alarm is at most n / `threshold`, however the groups are
    distributed and however often one looks.

    Args:
        allowance: gap between expected and observed agreement that is no reason for an alarm.
        threshold: evidence at which there is one; the evidence then starts again.
    """

    def __init__(self, *, allowance: float, threshold: float) -> None:
        self.allowance = allowance
        self._threshold = threshold
        # x is smallest where ½ was expected and all of it right
        self._bets = np.array(_BETS) / (0.5 + allowance)
        self._stakes = np.ones(len(_BETS))

    @property
    def evidence(self) -> float:
        """That agreement is lower than expected; 1 and below is none."""
        return float(self._stakes.mean())

    def update(self, expected: float, observed: float) -> bool:
        """Take in a group's expected and real agreement (0..1); True where that raises the alarm."""
        self._stakes = np.maximum(self._stakes, 1.0) * (1 + self._bets * (expected - observed - self.allowance))
        alarm = self.evidence >= self._threshold
        if alarm:
            self._stakes = np.ones(len(_BETS))
        return alarm


@dataclass(frozen=True, slots=True)
class GroupAgreement:
    """One group of a watched query: the agreement that its probabilities expect, and how often scorer and verifier agree."""

    expected: float
    observed: float
    rollouts: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """How the predicted rewards of watched queries stand to the verifier.

    Attributes:
        queries: that are watched.
        groups, rollouts: compared so far.
        expected: agreement that the probabilities expect of these; None before the first.
        observed: share of them on whose verdict scorer and verifier agree.
        baseline_gap: by how much agreement fell short of that on these queries before training, where it was: part of the allowance,
            since a few queries may be harder than they look.
        evidence: that agreement is lower than expected (see `AgreementTest`).
        alarms: so often it was too much.
    """

    queries: int
    groups: int
    rollouts: int
    expected: float | None
    observed: float | None
    baseline_gap: float
    evidence: float
    alarms: int


class Monitor:
    """Compares predictions with the verifier on the queries of a ledger that serve for it.

    Args:
        query_keys: queries paid for with purpose MONITOR.
        tolerance: gap between expected and observed agreement that is no reason for an alarm.
        threshold: groups between false alarms, on average at least.
        log: a JSON-lines file, a row for the start and for each step at which a watched query was sampled.
    """

    def __init__(
        self,
        memory: Memory,
        *,
        ledger: str,
        query_keys: Collection[str],
        source: TruthSource,
        judge: Judge,
        tolerance: float,
        threshold: float,
        log: Path,
    ) -> None:
        self._memory = memory
        self._ledger = ledger
        self._query_keys = frozenset(query_keys)
        self._source = source
        self._judge = judge
        self._tolerance = tolerance
        self._threshold = threshold
        self._log = log
        self._view = LabelView(ledgers=(ledger,), purposes=(Purpose.MONITOR,))
        self._test = AgreementTest(allowance=tolerance, threshold=threshold)
        self._compared: list[GroupAgreement] = []
        self.baseline_gap = 0.0
        self.alarms = 0

    @property
    def agreement(self) -> Agreement:
        """All comparisons so far."""
        groups, rollouts = self._compared, sum(group.rollouts for group in self._compared)
        return Agreement(
            queries=len(self._query_keys),
            groups=len(groups),
            rollouts=rollouts,
            expected=_mean(groups, "expected"),
            observed=_mean(groups, "observed"),
            baseline_gap=self.baseline_gap,
            evidence=self._test.evidence,
            alarms=self.alarms,
        )

    def start(self, scorer: Scorer, *, resumed_at: int | None = None) -> None:
        """Measure the baseline gap on what is stored of the watched queries already.

        Args:
            resumed_at: step from which a run goes on. It takes up what its log says until then: what it has sampled since it
                began would make a fall in agreement look like a baseline gap, and alarms that were raised count.
        """
        rows = [] if resumed_at is None else _until(self._log, resumed_at)
        self.baseline_gap = rows[0]["so_far"]["baseline_gap"] if rows else self._measured_baseline_gap(scorer)
        self._test = AgreementTest(allowance=self._tolerance + self.baseline_gap, threshold=self._threshold)
        for row in rows:
            self._take([GroupAgreement(*group) for group in row.get("compared", ())])
        if not rows:
            self._write(0, [], 0)

    def observe(self, step: int, predictions: Sequence[Prediction]) -> bool:
        """Take in a step's predictions; True where they raise the alarm."""
        groups = self._compare([prediction for prediction in predictions if prediction.query in self._query_keys])
        if not groups:
            return False
        alarms = self._take(groups)
        self._write(step, groups, alarms)
        return alarms > 0

    def _measured_baseline_gap(self, scorer: Scorer) -> float:
        view, vectors = LabelView(ledgers=(self._ledger,)), reads_vectors(scorer)
        snapshot = self._memory.subgraph(sorted(self._query_keys), view, vectors=vectors)
        scores = scorer.score(snapshot)
        stored = [
            Prediction(0, snapshot.query_keys[snapshot.rollout_query[row]], snapshot.rollout_keys[row], float(score))
            for row, score in zip(scores.rollout_rows, scores.probability, strict=True)
            if not np.isnan(score)
        ]
        gaps = [group.expected - group.observed for group in self._compare(stored)]
        return max(0.0, float(np.mean(gaps))) if gaps else 0.0

    def _take(self, groups: Sequence[GroupAgreement]) -> int:
        """Count groups; how many alarms they raise."""
        alarms = sum(self._test.update(group.expected, group.observed) for group in groups)
        self.alarms += alarms
        self._compared += groups
        return alarms

    def _write(self, step: int, groups: Sequence[GroupAgreement], alarms: int) -> None:
        expected, observed = _mean(groups, "expected"), _mean(groups, "observed")
        values = {"step": step, "groups": len(groups), "expected": expected, "observed": observed, "alarms": alarms}
        compared = [astuple(group) for group in groups]
        append_records(self._log, {**values, "so_far": asdict(self.agreement), "compared": compared})

    def _compare(self, predictions: Sequence[Prediction]) -> list[GroupAgreement]:
        """Each group that the verifier could judge, in part at least."""
        watched = sorted({prediction.query for prediction in predictions})
        if not watched:
            return []
        account = self._memory.ledger(self._ledger)
        account.reveal(self._source, watched, judge=self._judge, purpose=Purpose.MONITOR)
        snapshot = self._memory.snapshot(self._view, query_keys=watched, rollouts=_NEWEST, vectors=False)
        label = dict(zip(snapshot.rollout_keys, snapshot.labels.tolist(), strict=True))
        compared = []
        for group in by_group(predictions).values():
            judged = [prediction for prediction in group if not np.isnan(label.get(prediction.rollout, np.nan))]
            if judged:
                probability = np.array([prediction.probability for prediction in judged])
                right = np.array([label[prediction.rollout] for prediction in judged]) >= 0.5
                expected = float(np.maximum(probability, 1 - probability).mean())
                compared.append(GroupAgreement(expected, float(((probability >= 0.5) == right).mean()), len(judged)))
        return compared


def _until(log: Path, step: int) -> list[dict[str, Any]]:
    """Rows of the log up to a step, without those of steps that were discarded and sampled again, or of earlier runs."""
    rows: list[dict[str, Any]] = []
    for row in read_records(log):
        while rows and rows[-1]["step"] >= row["step"]:
            rows.pop()
        rows.append(row)
    return [row for row in rows if row["step"] <= step]


def _mean(groups: Sequence[GroupAgreement], what: Literal["expected", "observed"]) -> float | None:
    """Over rollouts; None without any."""
    if not groups:
        return None
    return float(np.average([getattr(group, what) for group in groups], weights=[group.rollouts for group in groups]))
