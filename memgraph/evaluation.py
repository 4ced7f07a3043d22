"""How good are rewards? Scorers side by side on rollouts whose truth is known but hidden from them.

A file is read once, through a memory and its ledger as in earnest (`read_judged`). A share of the queries is drawn and their
labels are shown (`memgraph.snapshot.splits`). Every scorer then answers for the rollouts of all other queries, and only the metrics
see their truth.
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from memgraph.domains import Domains, Item, Judge, Verdict
from memgraph.domains.answer_report import AnswerReport
from memgraph.domains.checks import CHECKS_PROPERTY
from memgraph.domains.checks.behaviour import BEHAVIOUR_VERSION
from memgraph.errors import InputError, ModelError
from memgraph.labels.ledger import Ledger, StatedAnswer
from memgraph.labels.truth import FileTruth, TruthSource
from memgraph.labels.view import LabelView
from memgraph.memory import Memory
from memgraph.models.metrics import Curves, evaluate_scores, evaluation_curves
from memgraph.models.prior import SHIPPED, Prior
from memgraph.models.scorers import SCORERS, PaperGnnScorer, RewardModelScorer
from memgraph.models.scores import reads_vectors
from memgraph.progress import Say, silent
from memgraph.rollouts.columns import Columns
from memgraph.rollouts.embedding import Embedder, GivenVectors, SentenceEmbedder
from memgraph.rollouts.files import ColumnNames, Reject, Row, read_rows
from memgraph.rollouts.given import GivenEmbeddings
from memgraph.rollouts.preparation import RolloutKeys
from memgraph.settings import Settings
from memgraph.snapshot.file import FORMAT, JudgedSnapshot
from memgraph.snapshot.snapshot import Floats, Snapshot
from memgraph.snapshot.splits import Experience, HistoryLabels, Split, splits
from memgraph.store.keys import file_digest, key_of, query_key
from memgraph.store.server.local import LocalServer


@dataclass(frozen=True, slots=True)
class EvaluationRow:
    """One scorer on one file, share of labels and split; metrics are over the rollouts of the unlabelled queries.

    Attributes:
        now: run whose rollouts were scored, None for all rollouts of the file.
        history: runs whose rollouts were in the memory before.
        history_labels: which labels of the history were known.
        networks_on: whether graph networks were on in the fitted model, None where there is no such model.
        prior: what the model started from (`memgraph.models.prior`), None for scorers that start from none.
        seen_in_pretraining: whether that was learned on one of the file's queries, None without a prior.
        samples: so many rollouts of each query in that run, None for all.
    """

    file: str
    labels: float
    seed: int
    scorer: str
    rollouts: int
    accuracy: float | None
    auc: float | None
    within_query_auc: float | None
    ece: float | None
    coverage: float
    seconds: float
    curves: Curves
    now: str | None = None
    history: tuple[str, ...] = ()
    history_labels: HistoryLabels = "none"
    networks_on: bool | None = None
    prior: str | None = None
    seen_in_pretraining: bool | None = None
    samples: int | None = None


@contextmanager
def temporary_memory(embedder: Embedder | None = None, *, brief: bool = True, say: Say = silent) -> Iterator[Memory]:
    """A memory on a managed server of its own, in a temporary home; both are gone afterwards, also after SIGTERM.

    Args:
        brief: the server starts quickly and is slower once it is warm. False for one like that of `memreward db start`.
    """
    with _leaving_on_sigterm(), tempfile.TemporaryDirectory(prefix="memreward-") as home:
        settings = Settings.load(home=Path(home) / "home").model_copy(update={"uri": None, "throwaway": brief})
        server = LocalServer(settings)
        try:
            with Memory.open(settings, embedder=embedder, say=say) as memory:
                yield memory
        finally:
            server.discard()


@contextmanager
def _leaving_on_sigterm() -> Iterator[None]:
    """SIGTERM, which would end the process on the spot, leaves it through its `finally` blocks instead."""
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    ):
        yield
        return
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def evaluate_files(
    files: Sequence[Path],
    *,
    shares: Sequence[float],
    seeds: int,
    scorers: Sequence[str],
    embeddings: Sequence[Path | None] | None = None,
    confidence: float = 0.5,
    dataset: str | None = None,
    domain: str | None = None,
    columns: ColumnNames = None,
    thinking_opened: bool = False,
    experience: Experience | None = None,
    judge: Judge | None = None,
    snapshots: Path | None = None,
    prior: str = SHIPPED,
    done: Collection[tuple[str, float, int, str]] = (),
    answers: AnswerReport | None = None,
    say: Say = silent,
) -> Iterator[EvaluationRow]:
    """Evaluate scorers on each file in turn, a row as soon as it is known.

    Args:
        shares: of the queries to label.
        seeds: number of splits for each share.
        scorers: names out of `memgraph.models.scorers.SCORERS`.
        embeddings: one NPZ for each file; None to embed here.
        confidence: scorers abstain where their verdict is less probable (½..1).
        experience: which runs of the files are scored, and which were there before; None scores all.
        done: (file name, share, seed, scorer) of rows that are known already and are left out.
        answers: counts rollouts without an answer, and verdicts that could not be given.
        dataset, domain, columns, thinking_opened, judge, snapshots: how each file is read (`read_judged`).
    """
    for position, file in enumerate(files):
        open_scorers: dict[tuple[float, int], list[str]] = {}
        for share, seed, name in product(shares, range(seeds), scorers):
            if (file.name, share, seed, name) not in done:
                open_scorers.setdefault((share, seed), []).append(name)
        if not open_scorers:
            continue
        judged = read_judged(
            file,
            embeddings=embeddings[position] if embeddings else None,
            dataset=dataset,
            domain=domain,
            columns=columns,
            thinking_opened=thinking_opened,
            judge=judge,
            snapshots=snapshots,
            vectors=any(reads_vectors(SCORERS[name]()) for name in scorers),
            say=say,
        )
        if answers is not None:
            answers.add(judged.answers)
        for split in splits(judged, list(open_scorers), experience=experience):
            for name in open_scorers[split.share, split.seed]:
                row = _evaluate_scorer(name, split, file, confidence, prior)
                if experience is not None:
                    row = replace(
                        row,
                        now=experience.now,
                        samples=experience.samples,
                        history=experience.history,
                        history_labels=experience.labels,
                    )
                yield row


def read_judged(
    file: Path,
    *,
    embeddings: Path | None = None,
    dataset: str | None = None,
    domain: str | None = None,
    columns: ColumnNames = None,
    thinking_opened: bool = False,
    judge: Judge | None = None,
    snapshots: Path | None = None,
    vectors: bool = True,
    say: Say = silent,
) -> JudgedSnapshot:
    """All rollouts of a file with what it says of each, read through a temporary memory and judged by its ledger.

    Args:
        embeddings: NPZ of vectors; None to embed here.
        dataset, domain, columns, thinking_opened: how the file is read, as at an import (`Memory.import_file`).
        judge: compares an answer with `gold` or `tests` where a row does not say itself whether it is `correct`.
        snapshots: folder in which what was read is kept. Where it is there already, of the same content read in the same
            way, nothing is read again and no server starts.
        vectors: whether embeddings of rollouts are wanted. Without, only queries are embedded, to find near-duplicates.

    Raises:
        InputError: if the file cannot be read, or judges no rollout.
    """
    kept = None
    if snapshots is not None:
        way = {
            "dataset": dataset,
            "domain": domain,
            "columns": Columns.of(columns).named(),
            "thinking_opened": thinking_opened,
            "judged": judge is not None,
        }
        for more in ({}, {"vectors": False})[: 1 if vectors else 2]:  # what has vectors serves those too that need none
            kept = snapshots / f"{file.name.split('.')[0]}-{_snapshot_key(file, embeddings, way | more)[:16]}.npz"
            if kept.exists():
                return JudgedSnapshot.load(kept)
    given = GivenEmbeddings.load(embeddings) if embeddings is not None else None
    rows = list(
        read_rows(
            file,
            run="import",
            dataset=dataset,
            domain=domain,
            columns=columns,
            thinking_opened=thinking_opened,
            domains=Domains.of(Settings.load()),
        )
    )
    source = FileTruth.of_rows(rows, file=file)
    if not source.query_keys():
        raise _nothing_judged(file)
    with temporary_memory(given_embedder(given), say=say) as memory:
        say(f"importing {file.name}")
        report = memory.ingest(rows, file=str(file), embeddings=given)
        if report.rejected:
            say(f"{len(report.rejected)} rows of {file.name} rejected; the first: {report.rejected[0].reason}")
        judged = _judged(memory, rows, source, judge, report.answers, vectors=vectors)
    if np.isnan(judged.truth).all():
        raise _nothing_judged(file)
    if kept is not None:
        judged.save(kept)
    return judged


def _nothing_judged(file: Path) -> InputError:
    return InputError(f"{file} judges no rollout: its rows need `correct`, or `gold` or `tests` to judge answers by")


def _snapshot_key(file: Path, embeddings: Path | None, way: Mapping[str, Any]) -> str:
    """Key of the content that is read, of the way in which it is read, and of all versions that decide what comes out."""
    settings = Settings.load()
    made_of = {
        **way,
        "format": FORMAT,
        "rollouts": file_digest(file),
        "embeddings": embeddings and file_digest(embeddings),
        "space": SentenceEmbedder.of(settings).space.key,
        "readers": Domains.of(settings).versions,
        "checks": CHECKS_PROPERTY,
        "behaviour": BEHAVIOUR_VERSION,
        **settings.model_dump(include={"neighbours", "run_programs", "libraries", "partial_credit"}),
    }
    return key_of("judged-snapshot", json.dumps(made_of, sort_keys=True))


def _judged(
    memory: Memory,
    rows: Iterable[Row | Reject],
    source: FileTruth,
    judge: Judge | None,
    answers: AnswerReport,
    *,
    vectors: bool,
) -> JudgedSnapshot:
    """What a memory holds of these rows, with truth for metrics, and with labels by paying for every query."""
    judge = None if judge is None else _asked_once(judge)
    snapshot = memory.snapshot(LabelView(ledgers=()), vectors=vectors)
    truth = _truth(snapshot, source, memory.ledger("metrics"), judge, answers)
    memory.ledger("labels").reveal(source, source.query_keys(), judge=judge)
    places = _places(rows)
    judgeable = set(source.query_keys())
    return JudgedSnapshot(
        snapshot,
        [places[key][0] for key in snapshot.rollout_keys],
        np.array([places[key][1] for key in snapshot.rollout_keys], np.int64),
        truth,
        memory.labels_in_force(snapshot, LabelView(ledgers=("labels",))),
        np.array([key in judgeable for key in snapshot.query_keys], np.bool_),
        answers,
    )


def _places(rows: Iterable[Row | Reject]) -> dict[str, tuple[str, int]]:
    """Rollout key → its run, and its place among that run's rollouts of its query."""
    places: dict[str, tuple[str, int]] = {}
    seen: Counter[tuple[str, str]] = Counter()
    key_of_rollout = RolloutKeys()
    for row in rows:
        if isinstance(row, Row):
            rollout = row.rollout
            group = query_key(rollout.dataset, rollout.query), rollout.run
            sample = seen[group] if rollout.sample is None else rollout.sample
            places.setdefault(key_of_rollout(rollout), (rollout.run, sample))
            seen[group] += 1
    return places


def _asked_once(judge: Judge) -> Judge:
    """The same judge, which is not asked again what it has judged."""
    given: dict[Item, Verdict] = {}

    def verdicts(items: Sequence[Item]) -> list[Verdict]:
        new = [item for item in dict.fromkeys(items) if item not in given]
        given.update(zip(new, judge(new) if new else (), strict=True))
        return [given[item] for item in items]

    return verdicts


def _truth(
    snapshot: Snapshot, source: TruthSource, ledger: Ledger, judge: Judge | None, report: AnswerReport
) -> Floats:
    """[rollouts] 0..1, NaN where neither the source says it nor the judge can tell; what it could not tell is counted."""
    scores = ledger.evaluate(source, snapshot.query_keys)
    truth = np.array([scores.get(key, np.nan) for key in snapshot.rollout_keys], np.float32)
    answers = np.unique(snapshot.rollout_answer[np.isnan(truth)]).tolist()
    if judge is None or not answers:
        return truth
    asked = [
        StatedAnswer(
            snapshot.query_keys[query],
            snapshot.answer_written[row] if snapshot.answer_valid[row] else None,
            snapshot.query_domains[query],
            snapshot.query_texts[query],
        )
        for row in answers
        for query in [int(snapshot.answer_query[row])]
    ]
    judged = dict(zip(answers, ledger.evaluate_answers(source, asked, judge=judge), strict=True))
    for row in np.flatnonzero(np.isnan(truth)):
        verdict = judged[int(snapshot.rollout_answer[row])]
        truth[row] = np.nan if verdict.score is None else verdict.score
        domain = snapshot.query_domains[snapshot.rollout_query[row]]
        report.judged(domain, verdict.score, verdict.reason, snapshot.answer_written[snapshot.rollout_answer[row]])
    return truth


def _evaluate_scorer(name: str, split: Split, file: Path, confidence: float, prior: str) -> EvaluationRow:
    snapshot = split.snapshot
    start = time.perf_counter()
    scorer = SCORERS[name]()
    learned = None
    if isinstance(scorer, RewardModelScorer):
        scorer.config = replace(scorer.config, prior=prior)
        learned = Prior.of(prior)
    try:
        scorer.fit(snapshot, seed=split.seed)
        probability: Floats = scorer.score(snapshot).above(confidence).probability
    except ModelError:
        probability = np.full(len(snapshot.target_rollouts), np.nan, np.float32)
    seconds = time.perf_counter() - start
    judged = ~np.isnan(split.truth)
    query = snapshot.rollout_query[snapshot.target_rollouts]
    metrics = evaluate_scores(probability[judged], split.truth[judged], query[judged])
    return EvaluationRow(
        **asdict(metrics),
        file=file.name,
        labels=split.share,
        seed=split.seed,
        scorer=name,
        seconds=round(seconds, 3),
        rollouts=int(judged.sum()),
        curves=evaluation_curves(probability[judged], split.truth[judged]),
        prior=None if learned is None else Path(learned.name).name,
        seen_in_pretraining=None if learned is None else learned.has_seen(snapshot.query_texts),
        networks_on=scorer.networks_on if isinstance(scorer, (RewardModelScorer, PaperGnnScorer)) else None,
    )


def summarise(rows: Iterable[EvaluationRow]) -> Iterator[tuple[str, list[list[str]]]]:
    """Tables for people: a title, and for each scorer its means and standard deviations over the splits."""
    tables: dict[tuple[str, float], dict[str, list[EvaluationRow]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        tables[row.file, row.labels][row.scorer].append(row)
    for (file, share), scorers in tables.items():
        lines = []
        for scorer, group in scorers.items():
            cells = [
                _mean([getattr(row, field) for row in group])
                for field in ("auc", "within_query_auc", "accuracy", "ece", "coverage", "seconds")
            ]
            lines.append([scorer, *cells])
        yield f"{file}, {share:.0%} of the queries labelled", lines


def _mean(values: Sequence[float | None]) -> str:
    present = [value for value in values if value is not None]
    if not present:
        return "–"
    return f"{np.mean(present):.3f} ± {np.std(present):.3f}" if len(present) > 1 else f"{present[0]:.3f}"


def given_embedder(given: GivenEmbeddings | None) -> Embedder | None:
    """The configured model, or, where given vectors are of another dimension, a space that only they fill."""
    if given is None:
        return None
    settings = Settings.load()
    embedder = SentenceEmbedder.of(settings)
    return embedder if embedder.space.dimension == given.dimension else GivenVectors("given", given.dimension)
