"""How good are rewards? Scorers side by side on rollouts whose truth is known but hidden from them.

A share of the queries is drawn and all their rollouts are labelled, through the ledger as in earnest; every scorer then
answers for the rollouts of all other queries, and only the metrics see their truth.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Self

import numpy as np

from memgraph.domains import Judge
from memgraph.domains.answer_report import AnswerReport
from memgraph.embedding import Embedder, GivenVectors, SentenceEmbedder
from memgraph.errors import InputError, ModelError
from memgraph.ingest import RolloutKeys
from memgraph.keys import query_key
from memgraph.labels.truth import FileTruth, TruthSource
from memgraph.ledger import Ledger, StatedAnswer, draw
from memgraph.memory import Memory
from memgraph.metrics import Curves, evaluate_scores, evaluation_curves
from memgraph.records import LabelView
from memgraph.rollouts.files import ColumnNames, Reject, Row, read_rows
from memgraph.rollouts.given import GivenEmbeddings
from memgraph.scorers import SCORERS
from memgraph.server.local import LocalServer
from memgraph.settings import Settings
from memgraph.snapshot import Floats, Snapshot


@dataclass(frozen=True, slots=True)
class EvaluationRow:
    """One scorer on one file, share of labels and split; metrics are over the rollouts of the unlabelled queries.

    Attributes:
        now: run whose rollouts were scored, None for all rollouts of the file.
        history: runs whose rollouts were in the memory before, without labels.
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


@dataclass(frozen=True, slots=True)
class Experience:
    """Which runs of a file are scored, and which were in the memory before them.

    Attributes:
        now: name of the run that is scored.
        samples: so many rollouts of each query in that run, the first; None for all.
        history: names of the runs before. Their labels are not known, nor do they count in the metrics.
    """

    now: str
    samples: int | None = None
    history: tuple[str, ...] = ()

    @classmethod
    def of(cls, now: str, history: Sequence[str] = ()) -> Self:
        """From RUN or RUN:N, and names of runs.

        Raises:
            InputError: if N is not a number of rollouts.
        """
        run, mark, count = now.rpartition(":")
        if not mark:
            return cls(now, None, tuple(history))
        if not count.isdigit() or int(count) < 1:
            raise InputError(f"--now is RUN or RUN:N, with N rollouts of each query, found {now!r}")
        return cls(run, int(count), tuple(history))

    def parts(self, rows: Iterable[Row | Reject]) -> tuple[set[str], set[str]]:
        """Keys of the rollouts that are scored, and of the history.

        Raises:
            InputError: if a run is not among the rows, naming those that are.
        """
        present, past, runs = set(), set(), set()
        seen: Counter[tuple[str, str]] = Counter()
        key_of_rollout = RolloutKeys()
        for row in rows:
            if isinstance(row, Reject):
                continue
            rollout, key = row.rollout, key_of_rollout(row.rollout)
            runs.add(rollout.run)
            if rollout.run == self.now:
                place = query_key(rollout.dataset, rollout.query), rollout.run
                position = seen[place] if rollout.sample is None else rollout.sample
                seen[place] += 1
                if self.samples is None or position < self.samples:
                    present.add(key)
            elif rollout.run in self.history:
                past.add(key)
        if missing := sorted({self.now, *self.history} - runs):
            raise InputError(f"no rollouts of the runs {', '.join(missing)}; the file has {', '.join(sorted(runs))}")
        return present, past


@contextmanager
def temporary_memory(
    embedder: Embedder | None = None, *, say: Callable[[str], None] = lambda _: None
) -> Iterator[Memory]:
    """A memory on a managed server of its own, in a temporary home; both are gone afterwards, also after SIGTERM."""
    with _leaving_on_sigterm(), tempfile.TemporaryDirectory(prefix="memreward-") as home:
        settings = Settings.load(home=Path(home) / "home").model_copy(update={"uri": None, "throwaway": True})
        server = LocalServer(settings)
        try:
            with Memory.open(settings, embedder=embedder, say=say) as memory:
                yield memory
        finally:
            server.stop()


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
    embeddings: Sequence[Path] | None = None,
    confidence: float = 0.5,
    dataset: str | None = None,
    domain: str | None = None,
    columns: ColumnNames = None,
    thinking_opened: bool = False,
    experience: Experience | None = None,
    judge: Judge | None = None,
    done: Collection[tuple[str, float, int, str]] = (),
    told: AnswerReport | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[EvaluationRow]:
    """Evaluate scorers on each file in turn, a row as soon as it is known.

    Args:
        shares: of the queries to label.
        seeds: number of splits for each share.
        scorers: names out of `memgraph.scorers.SCORERS`.
        embeddings: one NPZ for each file, or None to embed here.
        confidence: scorers abstain where their verdict is less probable (½..1).
        dataset, domain, columns, thinking_opened: how the files are read, as at an import (`Memory.import_file`).
        experience: which runs of the files are scored, and which were there before; None scores all.
        judge: compares an answer with `gold` or `tests` where a row does not say itself whether it is `correct`.
        told: counts rollouts without an answer, and verdicts that could not be given.
        done: (file name, share, seed, scorer) of rows that are known already and are left out.
    """
    for position, file in enumerate(files):
        open_scorers: dict[tuple[float, int], list[str]] = {}
        for share, seed, name in product(shares, range(seeds), scorers):
            if (file.name, share, seed, name) not in done:
                open_scorers.setdefault((share, seed), []).append(name)
        if not open_scorers:
            continue
        given = GivenEmbeddings.load(embeddings[position]) if embeddings else None
        with temporary_memory(given_embedder(given), say=say) as memory:
            say(f"importing {file.name}")
            report = memory.import_file(
                file,
                dataset=dataset,
                domain=domain,
                columns=columns,
                thinking_opened=thinking_opened,
                embeddings=given,
            )
            if report.rejected:
                say(f"{len(report.rejected)} rows of {file.name} rejected; the first: {report.rejected[0].reason}")
            told = told if told is not None else AnswerReport()
            told.add(report.answers)
            source = FileTruth([file], run="import", dataset=dataset, domain=domain, columns=columns)
            parts = None
            if experience is not None:
                parts = experience.parts(read_rows(file, run="import", dataset=dataset, domain=domain, columns=columns))
            for split in splits(memory, source, list(open_scorers), parts=parts, judge=judge, told=told):
                for name in open_scorers[split.share, split.seed]:
                    row = _evaluate_scorer(name, split, file, confidence)
                    if experience is not None:
                        row = replace(row, now=experience.now, history=experience.history)
                    yield row


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """A memory of which some queries are labelled and the others are asked for.

    Attributes:
        truth: [target rollouts] whether it is right, NaN where the file does not say; only metrics may see it.
    """

    share: float
    seed: int
    snapshot: Snapshot
    truth: Floats


def splits(
    memory: Memory,
    file: Path | FileTruth,
    wanted: Sequence[tuple[float, int]],
    *,
    parts: tuple[set[str], set[str]] | None = None,
    judge: Judge | None = None,
    told: AnswerReport | None = None,
) -> Iterator[Split]:
    """Splits of a memory that holds the rollouts of `file`, for each (share of queries labelled, seed), by the ledger.

    Args:
        file: what was imported, or its truth where it was not read by default.
        parts: keys of the rollouts that are scored and of their history (`Experience.parts`); others are left out. None
            scores all.
        told: counts the verdicts, and those that could not be given.

    Raises:
        InputError: if the file judges no rollout.
    """
    source = file if isinstance(file, FileTruth) else FileTruth([file], run="import")
    units = memory.units(source.query_keys())
    everything = memory.snapshot(LabelView(ledgers=()))
    truth = _truth(everything, source, memory.ledger("evaluate"), judge, told or AnswerReport())
    if np.isnan(truth).all():
        named = ", ".join(map(str, source.files))
        raise InputError(
            f"{named} judges no rollout: its rows need `correct`, or `gold` or `tests` to judge answers by"
        )
    past = np.zeros(len(truth), np.bool_)
    if parts is not None:
        kept = np.array([key in parts[0] or key in parts[1] for key in everything.rollout_keys], np.bool_)
        everything, truth = everything.with_rollouts(kept), truth[kept]
        past = np.array([key in parts[1] for key in everything.rollout_keys], np.bool_)
        truth[past] = np.nan
    for share, seed in wanted:
        name = f"evaluate {share} {seed}"
        drawn = draw(units, float(share), seed)
        ledger = memory.ledger(name, budget=len(drawn), seed=seed)
        ledger.reveal(source, drawn, judge=judge)
        labelled = set(drawn)
        snapshot = replace(
            everything,
            labels=np.where(past, np.nan, memory.labels(everything, LabelView(ledgers=(name,)))).astype(np.float32),
            query_targets=np.array([key not in labelled for key in everything.query_keys], np.bool_),
        )
        yield Split(share, seed, snapshot, truth[snapshot.target_rollouts])


def _truth(snapshot: Snapshot, source: TruthSource, ledger: Ledger, judge: Judge | None, told: AnswerReport) -> Floats:
    """[rollouts] 0..1, NaN where neither the source says it nor the judge can tell; what it could not tell is counted."""
    found = ledger.evaluate(source, snapshot.query_keys)
    truth = np.array([found.get(key, np.nan) for key in snapshot.rollout_keys], np.float32)
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
        told.judged(domain, verdict.score, verdict.reason, snapshot.answer_written[snapshot.rollout_answer[row]])
    return truth


def _evaluate_scorer(name: str, split: Split, file: Path, confidence: float) -> EvaluationRow:
    snapshot = split.snapshot
    start = time.perf_counter()
    scorer = SCORERS[name]()
    try:
        scorer.fit(snapshot, seed=split.seed)
        probability: Floats = scorer.score(snapshot).above(confidence).probability
    except ModelError:
        probability = np.full(len(snapshot.target_rollouts), np.nan, np.float32)
    seconds = time.perf_counter() - start
    known = ~np.isnan(split.truth)
    query = snapshot.rollout_query[snapshot.target_rollouts]
    metrics = evaluate_scores(probability[known], split.truth[known], query[known])
    return EvaluationRow(
        **asdict(metrics),
        file=file.name,
        labels=split.share,
        seed=split.seed,
        scorer=name,
        seconds=round(seconds, 3),
        rollouts=int(known.sum()),
        curves=evaluation_curves(probability[known], split.truth[known]),
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
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    return f"{np.mean(known):.3f} ± {np.std(known):.3f}" if len(known) > 1 else f"{known[0]:.3f}"


def given_embedder(given: GivenEmbeddings | None) -> Embedder | None:
    """The configured model, or, where given vectors are of another dimension, a space that only they fill."""
    if given is None:
        return None
    settings = Settings.load()
    embedder = SentenceEmbedder(settings.embedding_model, cache=settings.cache)
    return embedder if embedder.space.dimension == given.dimension else GivenVectors("given", given.dimension)
