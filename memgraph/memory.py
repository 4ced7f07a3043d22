"""The experience memory: one object that stores rollouts, hands out labels by ledger, exports and scores."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from neo4j import ManagedTransaction

from memgraph import export, keys
from memgraph.connect import Database, open_endpoint
from memgraph.domains import Domain, Domains, Judge
from memgraph.embedding import Embedder, SentenceEmbedder
from memgraph.errors import EmbeddingSpaceError, ModelError
from memgraph.export import Caps, Group
from memgraph.ingest import Ingest, IngestReport
from memgraph.labels.rows import LabelRow
from memgraph.late_labels import LabelReport, label_rows
from memgraph.ledger import Ledger
from memgraph.migrate import migrate
from memgraph.records import LabelKind, LabelView, Purpose, Rollout
from memgraph.resources import cypher
from memgraph.reward_model import RewardModel, RewardModelConfig, require_same_reader
from memgraph.rollouts.files import ColumnNames, Reject, Row, read_rows, rows_of
from memgraph.rollouts.given import GivenEmbeddings
from memgraph.rollouts.reader import as_list, require_reader, versions_of
from memgraph.scorers import DEFAULT_SCORER, Scores
from memgraph.settings import Settings
from memgraph.snapshot import Bools, Floats, Snapshot
from memgraph.space import GuardedEmbedder, bind_space

_BATCH = 2000
_COMPARE_SECONDS = 1.0  # for the answers of a reward call


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A reward model as the graph knows it."""

    key: str
    folder: str
    ledger: str | None


class Memory:
    """An open memory. Use `Memory.open()`; close it, or use it in a `with` block.

    Several processes may hold one memory open and write at once. Pickling drops the connection; the copy opens its own
    at first use.
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
        say: Callable[[str], None] = lambda _: None,
    ) -> Self:
        """Connect (starting the managed server if there is no other), bring the schema up to date, bind the space.

        Args:
            settings: where the memory lives; by default from the environment.
            embedder: another embedding model than the settings name.
            domains: your own ways to read and judge answers, beside those of the settings.
            say: told what is being waited for.

        Raises:
            ConnectionFailed, ServerError: no usable server.
            MigrationError: the schema in the database is not this package's.
            EmbeddingSpaceError: the memory was made with another embedding model.
        """
        settings = settings or Settings.load()
        database = Database(open_endpoint(settings, say))
        migrate(database, say=say)
        chosen = embedder or SentenceEmbedder(
            settings.embedding_model,
            revision=settings.embedding_revision,
            device=settings.device,
            cache=settings.cache,
        )
        known = Domains.of(settings, domains)
        require_reader(database, known)
        return cls(settings, database, bind_space(database, chosen), known)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; a managed server goes on running (`memreward db stop` stops it)."""
        self.database.close()

    def add(self, rollouts: Iterable[Rollout]) -> IngestReport:
        """Store rollouts from Python; `report.stored` says where each went. Adding them again changes nothing."""
        rows = (Row(number, rollout, {}) for number, rollout in enumerate(rollouts, start=1))
        return self._ingest(compare_seconds=_COMPARE_SECONDS).run(rows)

    def import_file(
        self,
        file: Path,
        *,
        run: str = "import",
        dataset: str | None = None,
        domain: str | None = None,
        columns: ColumnNames = None,
        thinking_opened: bool = False,
        embeddings: GivenEmbeddings | None = None,
        started: datetime | None = None,
        progress: Callable[[int], None] | None = None,
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
            file, run=run, dataset=dataset, domain=domain, columns=columns, thinking_opened=thinking_opened
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
        started: datetime | None = None,
    ) -> IngestReport:
        """Store rows as a file would have them, for instance a `datasets.Dataset`; bad ones are rejected one by one.

        The arguments are those of `import_file`.
        """
        found = rows_of(
            ((number, dict(row)) for number, row in enumerate(rows, start=1)),
            source="rows",
            run=run,
            dataset=dataset,
            domain=domain,
            columns=columns,
            thinking_opened=thinking_opened,
        )
        return self._ingest(started=started).run(found, file="rows")

    def ingest(
        self, rows: Iterable[Row | Reject], *, file: str = "", embeddings: GivenEmbeddings | None = None
    ) -> IngestReport:
        """Store rows that were read already (`memgraph.rollouts.files.read_rows`), as `import_file` does."""
        return self._ingest(given=embeddings).run(rows, file=file)

    def _ingest(self, **options: Any) -> Ingest:
        settings = self.settings
        return Ingest(
            self.database,
            self._embedder,
            neighbours=settings.neighbours,
            run_programs=settings.run_programs,
            domains=self.domains,
            **options,
        )

    def ledger(self, name: str, *, budget: int | None = None, seed: int = 0) -> Ledger:
        """The ledger of that name, opened or created."""
        return Ledger(self.database, name, budget=budget, seed=seed)

    def count_queries(self) -> int:
        """How many queries it holds."""
        return int(self.database.query(cypher("read/query_count"))[0]["queries"])

    def label(
        self,
        rows: Iterable[LabelRow],
        *,
        ledger: str = "default",
        budget: int | None = None,
        judge: Judge | None = None,
        purpose: Purpose = Purpose.TRAIN,
    ) -> LabelReport:
        """Store labels that arrive late, paid for in a ledger (see `memgraph.late_labels`); bad rows are reported by number.

        Args:
            budget: raises the ledger's budget to so many.
            judge: compares stored answers with `gold` or `tests`, for instance `memgraph.domains.verifiers.judge`.

        Raises:
            LedgerError: if the ledger's budget does not reach; then nothing is written.
        """
        return label_rows(
            self.database,
            self.domains,
            self.ledger(ledger, budget=budget),
            enumerate(rows, start=1),
            judge=judge,
            purpose=purpose,
        )

    def subgraph(
        self,
        query_keys: Sequence[str],
        view: LabelView,
        *,
        group: Group | None = None,
        as_of: datetime | None = None,
        caps: Caps = Caps(),  # noqa: B008 (frozen)
    ) -> Snapshot:
        """A bounded neighbourhood of these queries (see `memgraph.export.subgraph`)."""
        return export.subgraph(self.database, self.space, query_keys, view, group=group, as_of=as_of, caps=caps)

    def now(self) -> datetime:
        """The database's time, by which it dates what is stored."""
        found: datetime = self.database.query(cypher("read/now"))[0]["now"].to_native()
        return found

    def snapshot(
        self, view: LabelView, *, query_keys: Sequence[str] | None = None, rollouts: int | None = None
    ) -> Snapshot:
        """The whole memory, or some queries with at most `rollouts` of each, as columns."""
        return export.snapshot(self.database, self.space, view, query_keys=query_keys, rollouts=rollouts)

    def labels(self, snapshot: Snapshot, view: LabelView) -> Floats:
        """[rollouts] labels in force on a snapshot's rollouts under another view, NaN where there is none."""
        return export.labels_of(self.database, snapshot, view)

    def drawn_at_random(self, snapshot: Snapshot, view: LabelView) -> Bools | None:
        """[rollouts] whether the label in force belongs to a query drawn at random; None where the view has no such query."""
        found: Bools = ~np.isnan(self.labels(snapshot, replace(view, purposes=(Purpose.CALIBRATE,))))
        return found if Purpose.CALIBRATE in view.purposes and found.any() else None

    def units(self, query_keys: Iterable[str]) -> list[list[str]]:
        """These queries in near-duplicate units: the portions in which labels are drawn and data are split."""
        wanted = sorted(set(query_keys))
        return export.units(self.database, self.space, wanted)

    def fit(
        self,
        view: LabelView,
        *,
        seed: int = 0,
        config: RewardModelConfig | None = None,
        query_keys: Sequence[str] | None = None,
        rollouts: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> tuple[RewardModel, RegisteredModel]:
        """Fit a reward model on the labels of a view, save its checkpoint under `home` and register it in the graph.

        Calibration and held-out metrics rest on the labels that were drawn at random, where the view has any.

        Args:
            query_keys, rollouts: bound what is read (see `snapshot`).

        Raises:
            ModelError: if the labels do not suffice.
        """
        snapshot = self.snapshot(view, query_keys=query_keys, rollouts=rollouts)
        model = RewardModel.fit(
            snapshot,
            seed=seed,
            config=config or RewardModelConfig(),
            at_random=self.drawn_at_random(snapshot, view),
            progress=progress,
        )
        ledger = view.ledgers[0] if view.ledgers and len(view.ledgers) == 1 else None
        digest = keys.key_of("reward-model", self.space.key, model.fingerprint())
        folder = self.settings.home / "models" / digest[:16]
        model.readers = self.domains.versions
        model.save(folder)
        properties = {
            "scorer": DEFAULT_SCORER,
            "space": self.space.key,
            "readers": as_list(self.domains.versions),
            "folder": str(folder),
            "ledger": ledger,
            "seed": seed,
            "config": json.dumps(asdict(config or RewardModelConfig())),
            "metrics": json.dumps(model.metrics),
        }
        self.database.query(cypher("write/reward_model"), write=True, key=digest, properties=properties)
        return model, RegisteredModel(digest, str(folder), ledger)

    def latest_model(self, *, ledger: str | None = None) -> tuple[RewardModel, RegisteredModel]:
        """The newest registered reward model of this memory's space, loaded from its checkpoint.

        Raises:
            ModelError: if none was fitted yet, its checkpoint is gone, or its answers were read by an earlier reader.
            EmbeddingSpaceError: if all were fitted before the memory moved to its present embedding space.
        """
        rows = self.database.query(cypher("read/latest_reward_model"), space=self.space.key, ledger=ledger)
        if not rows and self.database.query(cypher("read/latest_reward_model"), space=None, ledger=ledger):
            raise EmbeddingSpaceError(
                f"the reward models of this memory were fitted on vectors of another embedding model than {self.space.model} "
                f"{self.space.revision}, to which it was moved since; run `memreward fit`: the labels are all there"
            )
        if not rows:
            raise ModelError(
                "no reward model was fitted in this memory yet; label some rollouts and run `memreward fit`"
            )
        return self._load(rows[0])

    def registered_model(self, key: str) -> tuple[RewardModel, RegisteredModel]:
        """A registered reward model, loaded from its checkpoint.

        Raises:
            ModelError: if there is none of that key, its checkpoint is gone, or its answers were read by an earlier reader.
        """
        rows = self.database.query(cypher("read/reward_model"), key=key)
        if not rows:
            raise ModelError(f"no reward model {key[:12]} is registered in this memory; `memreward fit` makes one")
        return self._load(rows[0])

    def _load(self, row: Mapping[str, Any]) -> tuple[RewardModel, RegisteredModel]:
        """From a row of cypher/read/reward_model or latest_reward_model."""
        registered = RegisteredModel(row["key"], row["folder"], row["ledger"])
        require_same_reader(
            versions_of(row["readers"] or ()), self.domains.versions, f"the reward model {registered.key[:12]}"
        )
        here = self.settings.home / "models" / registered.key[:16]  # wherever it was fitted: memories move
        folder = here if here.is_dir() else Path(registered.folder)
        return RewardModel.load(folder, space=self.space.key, readers=self.domains.versions), registered

    def write_predictions(
        self, snapshot: Snapshot, scores: Scores, *, kind: LabelKind, model: str | None = None
    ) -> int:
        """Store scores as labels on their rollouts (kind GNN or VOTE); returns how many. Abstentions are not stored."""
        rows = prediction_rows(snapshot, scores, kind=kind, model=model)
        self.write_prediction_rows(rows, kind=kind, model=model)
        return len(rows)

    def write_prediction_rows(
        self, rows: Sequence[Mapping[str, Any]], *, kind: LabelKind, model: str | None = None
    ) -> None:
        """Store what `prediction_rows` made; again changes nothing."""
        for start in range(0, len(rows), _BATCH):
            batch = sorted(rows[start : start + _BATCH], key=lambda row: str(row["target"]))
            self.database.query(cypher("write/predictions"), write=True, kind=kind.value, model=model, rows=batch)

    def start_attempt(
        self, run: str, *, policy: str = "", config: str = "", resume_step: int | None = None, ranks: int = 1
    ) -> int:
        """Number of a new attempt at a training run, from 1.

        Args:
            resume_step: where the run goes on; None or 0 where it starts anew. What is discarded is superseded.
            ranks: how many processes train together.
        """
        key = keys.key_of("run", run)

        def start(tx: ManagedTransaction) -> int:
            if resume_step:
                tx.run(cypher("write/supersede"), key=key, step=resume_step).consume()
            started = tx.run(
                cypher("write/attempt"),
                key=key,
                name=run,
                policy=policy,
                config=config,
                fresh=not resume_step,
                ranks=ranks,
            )
            return int(started.single(strict=True)["attempt"])

        return self.database.execute_write(start)

    def supersede(self, run: str, step: int) -> int:
        """Mark the rollouts that a run sampled at `step` and later, which it discards by going on from there.

        Starting the next attempt does it too; before that, it keeps them out of what a scorer is fitted on.
        """
        rows = self.database.query(cypher("write/supersede"), write=True, key=keys.key_of("run", run), step=step)
        return int(rows[0]["superseded"])

    def record_rewards(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep with each rollout the reward that the trainer got, its source, and the reason where there was none."""
        ordered = sorted(rows, key=lambda row: str(row["key"]))
        self.database.query(cypher("write/rewards"), write=True, rows=ordered)


def prediction_rows(
    snapshot: Snapshot, scores: Scores, *, kind: LabelKind, model: str | None = None, reason: str = "reward call"
) -> list[dict[str, Any]]:
    """Scores as rows for `Memory.write_prediction_rows`, without abstentions; `reason` says what they were made for."""
    return [
        {
            "key": keys.key_of("label", kind.value, snapshot.rollout_keys[row], model or "", repr(float(score))),
            "target": snapshot.rollout_keys[row],
            "score": float(score),
            "reason": reason,
        }
        for row, score in zip(scores.rollout_rows, scores.probability, strict=True)
        if not np.isnan(score)
    ]
