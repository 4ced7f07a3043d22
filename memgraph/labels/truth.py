"""What sources know about right and wrong. Only `memgraph.labels.ledger` may ask them, and it keeps account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Protocol, Self

from memgraph.domains import Domains
from memgraph.domains.references import Reference, correct_of, reference_of
from memgraph.labels.rows import LabelRow, read_labels_file
from memgraph.labels.targets import Target, find_targets
from memgraph.labels.view import LabelKind
from memgraph.rollouts.columns import Columns
from memgraph.rollouts.files import TRUTH_FIELDS, ColumnNames, Reject, Row, holds_rollouts, raw_rows, read_rows
from memgraph.rollouts.preparation import RolloutKeys
from memgraph.store import keys
from memgraph.store.database import Database

_AHEAD = 100  # rows that say whether a file is a sheet


@dataclass(frozen=True, slots=True)
class Truth:
    """What a source reveals about one query: its reference, and the rollouts that it judged itself."""

    reference: Reference | None = None
    rollouts: Mapping[str, float] = field(default_factory=dict)


class TruthSource(Protocol):
    """Where truth comes from once the ledger has paid for it: a file, a problem set, a person's queue."""

    def query_keys(self) -> Sequence[str]:
        """Distinct queries that the source knows something about."""

    def truth(self, query_key: str) -> Truth | None:
        """All it knows about a query; None for one it does not know."""


class ReferenceTruth:
    """Gold answers and tests by query key."""

    def __init__(self, references: Mapping[str, Reference]) -> None:
        self._references = dict(references)

    def query_keys(self) -> Sequence[str]:
        """Keys of all queries, sorted."""
        return sorted(self._references)

    def truth(self, query_key: str) -> Truth | None:
        """The reference of a query."""
        reference = self._references.get(query_key)
        return None if reference is None else Truth(reference)


class FileTruth:
    """The fields `correct`, `gold` and `tests` of files: those that rollouts were imported from, and sheets of golds.

    A row of a sheet has no response. It names its query by text or by id, or a rollout by id, and says what is right.

    Args:
        files: as `memgraph.rollouts.formats.data_files` gives them.
        run, dataset, domain: of rows that name none, as at the import.
        columns: names of columns by field, as at the import.
        database: of the memory; sheets that name queries by id need it.
        domains: how the memory reads answers.

    Raises:
        InputError: if a file cannot be read, or holds neither rollouts nor golds.
    """

    def __init__(
        self,
        files: Sequence[Path],
        *,
        run: str,
        dataset: str | None = None,
        domain: str | None = None,
        columns: ColumnNames = None,
        database: Database | None = None,
        domains: Domains | None = None,
    ) -> None:
        self.files = tuple(files)
        self._domains = domains or Domains()
        self.rejected: list[Reject] = []
        self._judged: dict[str, dict[str, float]] = {}
        self._references: dict[str, Reference] = {}
        named = Columns.of(columns)
        for file in files:
            if is_sheet_of_golds(file, named):
                self._read_sheet(file, named, dataset, database)
                continue
            rows = read_rows(file, run=run, dataset=dataset, domain=domain, columns=named, domains=self._domains)
            self._read_rollouts(file, rows)

    @classmethod
    def of_rows(cls, rows: Iterable[Row | Reject], *, file: Path) -> Self:
        """The truth of a file of rollouts whose rows were read already (`memgraph.rollouts.files.read_rows`)."""
        source = cls((), run="")
        source.files = (file,)
        source._read_rollouts(file, rows)
        return source

    def query_keys(self) -> Sequence[str]:
        """Distinct queries with any truth in the files, sorted."""
        return sorted(self._references.keys() | self._judged.keys())

    def truth(self, query_key: str) -> Truth | None:
        """The query's `gold` or `tests`, and each rollout's `correct`."""
        if query_key not in self._references and query_key not in self._judged:
            return None
        return Truth(self._references.get(query_key), self._judged.get(query_key, {}))

    def _read_rollouts(self, file: Path, rows: Iterable[Row | Reject]) -> None:
        key_of_rollout = RolloutKeys()
        for row in rows:
            if isinstance(row, Reject):
                self.rejected.append(row)
                continue
            query, rollout = keys.query_key(row.rollout.dataset, row.rollout.query), key_of_rollout(row.rollout)
            try:
                self._add(query, reference_of(row.raw), rollout, correct_of(row.raw.get("correct")))
            except ValueError as error:
                self.rejected.append(Reject(str(file), row.number, str(error)))

    def _add(self, query: str, reference: Reference | None, rollout: str | None, correct: float | None) -> None:
        """Raises ValueError where an earlier row says something else about the query."""
        earlier = self._references.get(query)
        if reference is not None and earlier is not None and not _agree(earlier, reference):
            raise ValueError(f"its truth differs from an earlier row's: {earlier.value[:80]!r}")
        if reference is not None and earlier is None:
            self._references[query] = reference
        if rollout is not None and correct is not None:
            self._judged.setdefault(query, {})[rollout] = correct

    def _read_sheet(self, file: Path, columns: Columns, dataset: str | None, database: Database | None) -> None:
        rows: list[tuple[int, LabelRow]] = []
        for entry in read_labels_file(file, kind=LabelKind.GROUND_TRUTH, dataset=dataset, columns=columns):
            if isinstance(entry, Reject):
                self.rejected.append(entry)
            elif (row := entry[1]) is not None:
                if row.kind is LabelKind.GROUND_TRUTH and (row.score is None or row.rollout_id or row.rollout_key):
                    rows.append((entry[0], row))
                else:
                    reason = "it is a judgement, and no gold, no tests and no verdict on a rollout: `memreward label` takes it"
                    self.rejected.append(Reject(str(file), entry[0], reason))
        targets = _targets([row for _, row in rows], database, self._domains)
        for (number, row), target in zip(rows, targets, strict=True):
            try:
                if isinstance(target, str):
                    raise ValueError(target)
                self._add(target.query, row.reference, target.rollout, row.score)
            except ValueError as error:
                self.rejected.append(Reject(str(file), number, str(error)))


def is_sheet_of_golds(file: Path, columns: Columns) -> bool:
    """Whether a file says what is right without holding any rollout.

    Raises:
        InputError: if the file cannot be read at all.
    """
    truth = {*TRUTH_FIELDS, *(name for field, name in columns.named().items() if field in TRUTH_FIELDS)}
    named = {field: name for field, name in columns.named().items() if field in ("query", "response")}
    holds_truth = False
    for _, raw in islice(raw_rows(file), _AHEAD):
        if isinstance(raw, str):
            continue
        if named.get("response", "response") in raw or "response" in named or holds_rollouts(raw):
            return False
        holds_truth = (
            holds_truth or not truth.isdisjoint(name.strip().lower() for name in raw) or not truth.isdisjoint(raw)
        )
    return holds_truth


def _agree(one: Reference, other: Reference) -> bool:
    return one.kind == other.kind and set(one.accepted) == set(other.accepted)


def _targets(rows: Sequence[LabelRow], database: Database | None, domains: Domains) -> Sequence[Target | str]:
    """Where rows of a sheet point; without a memory only by the text or the key of their query."""
    if database is not None:
        return find_targets(database, domains, rows)
    return [_target_by_text(row) for row in rows]


def _target_by_text(row: LabelRow) -> Target | str:
    if row.query_key is not None and row.score is None:
        return Target(row.query_key)
    if row.query is not None and row.query_id is None and row.score is None:
        return Target(keys.query_key(row.dataset, row.query))
    return (
        "it names what it is about by an id, which only a memory can look up; name its query by 'query' or 'query_key'"
    )
