"""The experience memory: one object that stores rollouts, hands out labels by ledger, exports and scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

import numpy as np

from memgraph.domains import Domain, Domains, Judge
from memgraph.domains.verifiers import Auto
from memgraph.errors import EmbeddingSpaceError, InputError
from memgraph.extras import installed
from memgraph.inspection.filters import Filters
from memgraph.inspection.report import summary, write_report
from memgraph.labels.budget import Acquisition, Spending, spend
from memgraph.labels.draw import in_random_order, limit_of
from memgraph.labels.ledger import Ledger
from memgraph.labels.queue import export_sheet, pending
from memgraph.labels.rows import LabelRow, read_labels_file
from memgraph.labels.submit import LabelReport, label_rows
from memgraph.labels.truth import FileTruth, TruthSource
from memgraph.labels.view import DEFAULT_VIEW, LabelKind, LabelView, Purpose
from memgraph.models import registry
from memgraph.models.reward_model import RewardModel, RewardModelConfig
from memgraph.progress import Progress, Say, silent
from memgraph.rollouts.embedding import Embedder, SentenceEmbedder
from memgraph.rollouts.files import ColumnNames, Reject, Row, data_files, read_rows, rows_of
from memgraph.rollouts.formats import without_gaps
from memgraph.rollouts.given import GivenEmbeddings
from memgraph.rollouts.guarded_embedder import GuardedEmbedder, bind_space, unused_embedder
from memgraph.rollouts.ingest import Ingest
from memgraph.rollouts.neighbours import link
from memgraph.rollouts.preparation import IngestReport
from memgraph.rollouts.reader import refuse_stale, require_reader
from memgraph.rollouts.rollout import Rollout
from memgraph.rollouts.vectors import embed_waiting
from memgraph.scoring import stored
from memgraph.scoring.compare_runs import Comparison, compare_runs
from memgraph.scoring.explain import Explanation, explain
from memgraph.scoring.history import RewardTable, rewards_in_force
from memgraph.scoring.rescore import RelabelReport, relabel
from memgraph.scoring.scope import EVERYTHING, Scope
from memgraph.scoring.table import Table
from memgraph.scoring.write_back import ScoringSummary, score_memory
from memgraph.settings import Settings
from memgraph.snapshot import read
from memgraph.snapshot.read import Group, NeighbourhoodLimits
from memgraph.snapshot.remote import NumNeighbors
from memgraph.snapshot.snapshot import Bools, Floats, Snapshot
from memgraph.store.cypher import cypher
from memgraph.store.database import Database, open_endpoint
from memgraph.store.migrations import migrate, require_current

if TYPE_CHECKING:
    from memgraph.models.remote_backend import RemoteBackend

_TRIES = 3
_COMPARE_SECONDS = 1.0  # for the answers of a reward call


class Memory:
    """An open memory. Use `Memory.open()`; close it, or use it in a `with` block.

    Several processes may hold one memory open and write at once. Pickling drops the connection; the copy opens its own
    at first use. The embedding model is loaded when it first embeds.
    """

    def __init__(
        self, settings: Settings, database: Database, embedder: GuardedEmbedder, domains: Domains | None = None
    ) -> None:
        self.settings = settings
        self.database = database
        self.domains = domains or Domains.of(settings)
        self._embedder = embedder
        self.space = embedder.space

    @classmethod
    def open(
        cls,
        settings: Settings | None = None,
        *,
        embedder: Embedder | None = None,
        domains: Iterable[Domain] = (),
        read_only: bool = False,
        say: Say = silent,
    ) -> Self:
        """Connect (starting the managed server if there is no other), bring the schema up to date, bind the space.

        Args:
            settings: where the memory lives; by default from the environment.
            embedder: another embedding model than the settings name.
            domains: your own ways to read and judge answers, beside those of the settings.
            read_only: write nothing, not even a newer schema, and refuse to. Nothing is embedded then, so the settings may name
                any embedding model.
            say: told what is being waited for.

        Raises:
            ConnectionFailed, ServerError: no usable server.
            MigrationError: the schema in the database is not this package's, or, to be read only, is older.
            EmbeddingSpaceError: the memory was made with another embedding model.
        """
        settings = settings or Settings.load()
        readers = Domains.of(settings, domains)
        database = Database(open_endpoint(settings, say), read_only=read_only)
        try:
            if read_only:
                require_current(database)
                refuse_stale(database, readers)
                return cls(settings, database, unused_embedder(database), readers)
            migrate(database, say=say)
            require_reader(database, readers)
            return cls(settings, database, bind_space(database, embedder or SentenceEmbedder.of(settings)), readers)
        except BaseException:
            database.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; a managed server goes on running (`memreward db stop` stops it)."""
        self.database.close()

    def _repr_html_(self) -> str:
        return summary(self.database)

    def add(self, rollouts: Iterable[Rollout], *, link: bool = True) -> IngestReport:
        """Store rollouts once; `report.stored` says where each is. Without `link` that waits, for its call or the next import."""
        rows = (Row(number, rollout, {}) for number, rollout in enumerate(rollouts, start=1))
        return self._ingest(compare_seconds=_COMPARE_SECONDS, link=link).run(rows)

    def link(self, query_keys: Sequence[str] | None = None) -> int:
        """Embed the queries that wait for it, all or of these, and give them their similarity edges; returns how many."""
        self.database.require_writable()
        return link(self.database, self._embedder, self.settings.neighbours, query_keys)

    def embed(self, query_keys: Sequence[str] | None = None, *, progress: Progress = silent) -> int:
        """Embed the rollouts and answers that wait for it, all or of these queries; returns how many.

        Whoever asks this object for vectors needs not call it. It is for a memory that others read.
        """
        self.database.require_writable()
        return embed_waiting(self.database, self._embedder, query_keys, progress=progress)

    def import_file(
        self,
        file: str | Path,
        *,
        run: str = "import",
        dataset: str | None = None,
        domain: str | None = None,
        columns: ColumnNames = None,
        thinking_opened: bool = False,
        embeddings: GivenEmbeddings | None = None,
        started: datetime | None = None,
        progress: Progress = silent,
    ) -> IngestReport:
        """Store the rollouts of a file (`memgraph.rollouts.files.read_rows`); bad rows are rejected one by one.

        Args:
            run: of rows that name none.
            columns: names of the file's columns by our fields, for instance {"query": "problem"}.
            thinking_opened: the prompts opened the thinking already.
            started: when the rows' runs began (UTC where it names no zone), which is their place in the order of
                experience; None for the time at which each is first imported.

        Raises:
            InputError: if the file cannot be read at all, or a run is known to have begun at another time.
            EmbeddingSpaceError: if the given embeddings are of another model than the memory's.
        """
        rows = read_rows(
            Path(file),
            run=run,
            dataset=dataset,
            domain=domain,
            columns=columns,
            thinking_opened=thinking_opened,
            domains=self.domains,
        )
        return self._ingest(given=embeddings, progress=progress, started=started).run(rows, file=str(file))

    def import_rows(
        self,
        rows: Iterable[Mapping[str, Any]],
        *,
        run: str = "import",
        dataset: str | None = None,
        domain: str | None = None,
        columns: ColumnNames = None,
        thinking_opened: bool = False,
        embeddings: GivenEmbeddings | None = None,
        started: datetime | None = None,
        progress: Progress = silent,
    ) -> IngestReport:
        """Store rows as a file would have them, for instance a `datasets.Dataset`; bad ones are rejected one by one.

        The arguments are those of `import_file`.
        """
        rollouts = rows_of(
            ((number, without_gaps(row)) for number, row in enumerate(rows, start=1)),
            source="rows",
            run=run,
            dataset=dataset,
            domain=domain,
            columns=columns,
            thinking_opened=thinking_opened,
            domains=self.domains,
        )
        return self._ingest(given=embeddings, progress=progress, started=started).run(rollouts, file="rows")

    def ingest(
        self, rows: Iterable[Row | Reject], *, file: str = "", embeddings: GivenEmbeddings | None = None
    ) -> IngestReport:
        """Store rows that were read already (`memgraph.rollouts.files.read_rows`), as `import_file` does."""
        return self._ingest(given=embeddings).run(rows, file=file)

    def _ingest(self, **options: Any) -> Ingest:
        self.database.require_writable()
        options |= {"neighbours": self.settings.neighbours, "run_programs": self.settings.run_programs}
        return Ingest(self.database, self._embedder, domains=self.domains, **options)

    def ledger(self, name: str, *, budget: int | None = None, seed: int = 0) -> Ledger:
        """The ledger of that name, opened or created."""
        return Ledger(self.database, name, budget=budget, seed=seed)

    def reveal(
        self,
        source: TruthSource | str | Path,
        *,
        budget: float | int | None = None,
        ledger: str = "default",
        seed: int = 0,
        judge: Judge | None = None,
        acquisition: Acquisition = "random",
        monitor: float | int = 0,
        reuse: Sequence[str] = (),
        run: str = "import",
        dataset: str | None = None,
        domain: str | None = None,
        columns: ColumnNames = None,
    ) -> Spending:
        """Reveal the truth about stored queries, all or within a budget, and account for it in a ledger.

        Whole queries are drawn, whole near-duplicate clusters at a time. What the ledger has paid for counts against the budget, so
        that a second call spends only what is left. Draws at random are nested: those of 10 % are among those of 20 %.

        Args:
            source: a file or folder that rollouts were imported from, or a sheet of golds; or what else knows the truth.
            budget: share of the distinct stored queries that the source knows, a number of them, or None for all.
            seed: of the random draws.
            judge: compares answers with golds or tests; by default each domain's own verifier.
            acquisition: "random", or "informative": the reward model chooses three quarters of the training queries
                (`memgraph.models.acquisition`), and calibration rests on the others.
            monitor: share of the budget, or number of queries, that watch the reward and are never trained on.
            reuse: names of other ledgers; the training queries that they have paid for are taken over at no cost.
            run, dataset, domain, columns: of a file, as at the import.

        Raises:
            LedgerError: for a budget that is none.
            InputError: if nothing that the source knows is stored.
        """
        if isinstance(source, str | Path):
            files = data_files([Path(source)])
            source = FileTruth(
                files,
                run=run,
                dataset=dataset,
                domain=domain,
                columns=columns,
                database=self.database,
                domains=self.domains,
            )
        answerable = source.query_keys()
        clusters = in_random_order(self.clusters(answerable), seed)
        queries = sorted(key for cluster in clusters for key in cluster)
        if answerable and not queries:
            raise InputError(
                f"none of the {len(answerable)} queries is in this memory; import their rollouts first with `memreward import`, or "
                "say with --dataset and --home where they went"
            )
        limit = limit_of(budget, len(queries))
        account = self.ledger(ledger, budget=None if budget is None else limit, seed=seed)
        choose = None
        if acquisition == "informative":
            from memgraph.models.acquisition import informative

            choose = informative(self, LabelView(ledgers=(ledger,)), queries, seed=seed)
        judge = judge or Auto(self.domains)
        return spend(account, source, clusters, limit=limit, judge=judge, monitor=monitor, reuse=reuse, choose=choose)

    def queue(self, sheet: str | Path, *, ledger: str = "default", limit: int = 100, scope: Scope = EVERYTHING) -> int:
        """Write the answers that wait for people to a sheet (CSV or JSONL); returns how many. `label` reads it filled in."""
        scope.require_known(self)
        waiting = pending(self.database, ledger=ledger, limit=limit, runs=scope.runs, datasets=scope.datasets)
        return export_sheet(waiting, Path(sheet))

    def label(
        self,
        rows: Iterable[LabelRow] | str | Path,
        *,
        ledger: str = "default",
        budget: int | None = None,
        kind: LabelKind = LabelKind.HUMAN,
        dataset: str | None = None,
        judge: Judge | None = None,
        purpose: Purpose = Purpose.TRAIN,
    ) -> LabelReport:
        """Store labels that arrive late, paid for in a ledger (see `memgraph.labels.submit`); bad rows are reported by number.

        Args:
            rows: or a sheet with a row for each label (docs/labels.md).
            budget: raises the ledger's budget to so many.
            kind, dataset: of a sheet's rows that name none.
            judge: compares stored answers with `gold` or `tests`; by default each domain's own verifier.

        Raises:
            LedgerError: if the ledger's budget does not reach; then nothing is written.
        """
        numbered: Iterable[tuple[int, LabelRow | None] | Reject]
        if isinstance(rows, str | Path):
            file, numbered = str(rows), read_labels_file(Path(rows), kind=kind, dataset=dataset)
        else:
            file, numbered = "", enumerate(rows, start=1)
        return label_rows(
            self.database,
            self.domains,
            self.ledger(ledger, budget=budget),
            numbered,
            judge=judge or Auto(self.domains),
            purpose=purpose,
            file=file,
        )

    def subgraph(
        self,
        query_keys: Sequence[str],
        view: LabelView,
        *,
        group: Group | None = None,
        as_of: datetime | None = None,
        limits: NeighbourhoodLimits = NeighbourhoodLimits(),  # noqa: B008 (frozen)
        neighbours: bool = True,
        vectors: bool = True,
    ) -> Snapshot:
        """A bounded neighbourhood of these queries (see `memgraph.snapshot.read.subgraph`)."""
        asked: dict[str, Any] = {"group": group, "as_of": as_of, "limits": limits, "neighbours": neighbours}
        bounded = partial(read.subgraph, self.database, self.space, query_keys, view, **asked)
        return self._with_vectors(bounded) if vectors else bounded(vectors=False)

    def now(self) -> datetime:
        """The database's time, by which it dates what is stored."""
        now: datetime = self.database.query(cypher("read/now"))[0]["now"].to_native()
        return now

    def snapshot(
        self,
        view: LabelView,
        *,
        query_keys: Sequence[str] | None = None,
        rollouts: int | None = None,
        vectors: bool = True,
    ) -> Snapshot:
        """The whole memory, or some queries with at most `rollouts` of each, as columns; embeddings only if `vectors`."""
        whole = partial(read.snapshot, self.database, self.space, view, query_keys=query_keys, rollouts=rollouts)
        return self._with_vectors(whole) if vectors else whole(vectors=False)

    def _with_vectors(self, read_snapshot: Callable[..., Snapshot]) -> Snapshot:
        """A snapshot with vectors: those that are missing are embedded, and again where others store rollouts meanwhile."""
        for _ in range(_TRIES):
            try:
                return read_snapshot(vectors=True)
            except EmbeddingSpaceError:
                if self.database.read_only:
                    raise
                self.embed(read_snapshot(vectors=False).query_keys)
        return read_snapshot(vectors=True)

    def remote_backend(
        self, view: LabelView = DEFAULT_VIEW, *, num_neighbors: NumNeighbors = (16, 16), seed: int = 0
    ) -> RemoteBackend:
        """Stores and a sampler for PyG's loaders: `num_neighbors` of a node in each hop, -1 for all (docs/remote_backend.md)."""
        with installed("gnn"):
            from memgraph.models import remote_backend
        if not self.database.read_only:
            self.embed()
        return remote_backend.RemoteBackend.open(self.database, self.space, view, num_neighbors, seed=seed)

    def labels_in_force(self, snapshot: Snapshot, view: LabelView) -> Floats:
        """[rollouts] labels in force on a snapshot's rollouts under another view, NaN where there is none."""
        return read.labels_of(self.database, snapshot, view)

    def drawn_at_random(self, snapshot: Snapshot, view: LabelView) -> Bools | None:
        """[rollouts] whether the label in force belongs to a query drawn at random; None where the view has no such query."""
        drawn: Bools = ~np.isnan(self.labels_in_force(snapshot, replace(view, purposes=(Purpose.CALIBRATE,))))
        return drawn if Purpose.CALIBRATE in view.purposes and drawn.any() else None

    def clusters(self, query_keys: Iterable[str]) -> list[list[str]]:
        """These queries in near-duplicate clusters: the portions in which labels are drawn and data are split."""
        if not self.database.read_only:
            self.link()  # what a reward call left behind
        return read.clusters(self.database, self.space, sorted(set(query_keys)))

    def fit(
        self,
        view: LabelView = DEFAULT_VIEW,
        *,
        seed: int = 0,
        config: RewardModelConfig | None = None,
        query_keys: Sequence[str] | None = None,
        rollouts: int | None = None,
    ) -> RewardModel:
        """Fit a reward model on the labels of a view, save its checkpoint under `home` and register it in the graph.

        Calibration and held-out metrics rest on the labels that were drawn at random, where the view has any.

        Args:
            view: by default the labels of the ledger `default`.
            query_keys, rollouts: bound what is read (see `snapshot`).

        Raises:
            ModelError: if the labels do not suffice.
        """
        self.database.require_writable()
        self.link()
        snapshot = self.snapshot(view, query_keys=query_keys, rollouts=rollouts, vectors=False)
        model = RewardModel.fit(
            snapshot,
            seed=seed,
            config=config or RewardModelConfig(),
            at_random=self.drawn_at_random(snapshot, view),
        )
        registry.register(
            self, model, self.settings.home, readers=self.domains.versions, ledger=_only_ledger(view), seed=seed
        )
        return model

    def model(self, key: str | None = None, *, ledger: str | None = None) -> RewardModel:
        """A registered reward model, by default the newest one.

        Args:
            key: of one in the graph.
            ledger: the newest that was fitted on this ledger alone.

        Raises:
            ModelError: if there is none, its checkpoint is gone, or its answers were read by an earlier reader.
        """
        home, readers = self.settings.home, self.domains.versions
        if key is not None:
            return registry.registered(self, home, key, readers=readers)
        return registry.latest(self, home, readers=readers, ledger=ledger)

    def score(
        self,
        model: RewardModel | None = None,
        view: LabelView = DEFAULT_VIEW,
        *,
        scope: Scope = EVERYTHING,
        confidence: float = 0.5,
        progress: Progress = silent,
    ) -> ScoringSummary:
        """Score all rollouts that have no label and write the scores back; `rewards` reads them.

        Args:
            model: by default the newest one that was fitted on the view's ledger.
            scope: runs and data sets whose rollouts are scored.
            confidence: below this probability of its verdict (½..1) a rollout is left without a score.
        """
        self.database.require_writable()
        model = model or self.model(ledger=_only_ledger(view))
        return score_memory(self, model, view, confidence=confidence, scope=scope, progress=progress)

    def relabel(
        self,
        model: RewardModel | None = None,
        view: LabelView = DEFAULT_VIEW,
        *,
        preview: bool = False,
        scope: Scope = EVERYTHING,
        confidence: float = 0.5,
        progress: Progress = silent,
    ) -> RelabelReport:
        """Score again what has changed since it was scored (`memgraph.scoring.rescore.relabel`); a preview writes nothing."""
        if not preview:
            self.database.require_writable()
        model = model or self.model(ledger=_only_ledger(view))
        return relabel(self, model, view, preview=preview, confidence=confidence, scope=scope, progress=progress)

    def rewards(
        self, view: LabelView = DEFAULT_VIEW, *, scope: Scope = EVERYTHING, as_of: datetime | None = None
    ) -> RewardTable:
        """The reward of every rollout: the label in force, else the newest prediction.

        Args:
            as_of: as it was then.
        """
        return rewards_in_force(self, view, scope=scope, as_of=as_of)

    def rollouts(self, **filters: Unpack[stored.RolloutFilters]) -> Table[stored.StoredRollout]:
        """Stored rollouts, with the label in force and the newest prediction (`memgraph.scoring.stored.stored_rollouts`)."""
        return stored.stored_rollouts(self, **filters)

    def predictions(self, **filters: Unpack[stored.TableFilters]) -> Table[stored.StoredPrediction]:
        """Every prediction ever stored (`memgraph.scoring.stored.stored_predictions`)."""
        return stored.stored_predictions(self, **filters)

    def labels(self, **filters: Unpack[stored.LabelFilters]) -> Table[stored.StoredLabel]:
        """Every label ever stored (`memgraph.scoring.stored.stored_labels`)."""
        return stored.stored_labels(self, **filters)

    def explain(
        self,
        rollout: str,
        view: LabelView = DEFAULT_VIEW,
        *,
        model: RewardModel | None = None,
        as_of: datetime | None = None,
        keep: bool = False,
    ) -> Explanation:
        """Which labels and answers moved a rollout's predicted reward (`memgraph.scoring.explain.explain`)."""
        if keep:
            self.database.require_writable()
        model = model or self.model(ledger=_only_ledger(view))
        return explain(self, model, view, rollout, as_of=as_of, keep=keep)

    def compare(
        self,
        first: str,
        second: str,
        view: LabelView = LabelView(),  # noqa: B008 (frozen)
        *,
        step: int | None = None,
        changes: int = 10,
    ) -> Comparison:
        """Two runs on the queries that both sampled, by the labels of all ledgers (`memgraph.scoring.compare_runs.compare_runs`)."""
        return compare_runs(self.database, first, second, view, step=step, changes=changes)

    def report(self, file: str | Path, **filters: Unpack[Filters]) -> Path:
        """Write what the memory knows to one HTML page (`memgraph.inspection.report.write_report`)."""

        def model(key: str | None) -> RewardModel:
            return self.model(key, ledger=filters.get("ledger"))

        return write_report(self.database, Path(file), model, **filters)


def _only_ledger(view: LabelView) -> str | None:
    return view.ledgers[0] if view.ledgers and len(view.ledgers) == 1 else None
