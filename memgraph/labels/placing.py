"""Where the labels of answers go that were read again: to the class of equal answers that they were given for, or nowhere.

    the rollout that a label was given for is kept      to what that is read as
    all rollouts of the answer are read as one class    to that
    ground truth whose reference is stored              judged again, once for each class
    else                                                nowhere: it stays with the former answer, and is listed

Labels that correct each other stay together. What ledgers have spent stays spent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from neo4j import ManagedTransaction

from memgraph.domains import Domains, Item, Verdict, ask
from memgraph.domains.references import Reference
from memgraph.domains.verifiers import Auto
from memgraph.labels.label import label_key
from memgraph.labels.view import LabelKind
from memgraph.store.cypher import cypher
from memgraph.store.database import Database

_TRUTH = LabelKind.GROUND_TRUTH.value
_JUDGED_AGAIN = "judged again, after its answer was read again"


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A label that counts nowhere, since it is not known which of several answers it was given for.

    Attributes:
        label: its key.
        author: who judged, "" for ground truth.
        query, query_key: what it was about.
        former_answer, answer_key: the answer as it was read before.
        read_as: what the rollouts of that answer are read as now.
    """

    label: str
    kind: str
    score: float
    author: str
    ledgers: list[str]
    query: str
    query_key: str
    former_answer: str
    answer_key: str
    read_as: list[str]


@dataclass(frozen=True, slots=True)
class Conflict:
    """An answer whose labels of one kind differ, now that several former answers are one. Their mean counts.

    Attributes:
        scores: author and score of each.
    """

    query: str
    query_key: str
    answer: str
    written: str | None
    kind: str
    scores: list[tuple[str, float]]


def place_labels(
    database: Database, domains: Domains, answers: Sequence[str], check_in: Callable[[ManagedTransaction], None]
) -> int:
    """Place the labels of answers that are being read again; returns how many references have judged again.

    Args:
        answers: keys of former answers whose rollouts have all been moved, and joined to equal ones.
        check_in: refuses the transaction where another process has taken over.
    """
    rows = [row for row in database.query(cypher("read/labels_to_place"), answers=list(answers)) if row["labels"]]
    if not rows:
        return 0
    placing = _Placing(_verdicts(database, domains, rows))
    for row in rows:
        placing.place(row)

    def write(tx: ManagedTransaction) -> None:
        check_in(tx)
        tx.run(cypher("write/place_labels"), placed=placing.placed, unplaced=placing.unplaced).consume()
        tx.run(cypher("write/judged_again"), rows=list(placing.judged.values())).consume()

    database.execute_write(write)
    return len(placing.judged)


def unplaced(database: Database) -> list[Unplaced]:
    """All labels that lost their place."""
    return [Unplaced(**row) for row in database.query(cypher("read/unplaced_labels"))]


def conflicts(database: Database) -> list[Conflict]:
    """Answers that several former ones became, and whose labels differ."""
    clashes = []
    for row in database.query(cypher("read/placed_labels")):
        labels = row.pop("labels")
        if len({label["former"] for label in labels}) > 1 and len({label["score"] for label in labels}) > 1:
            scores = sorted((label["author"], label["score"]) for label in labels)
            clashes.append(Conflict(**row, scores=scores))
    return clashes


def _verdicts(
    database: Database, domains: Domains, rows: Sequence[Mapping[str, Any]]
) -> dict[tuple[str, str], float | None]:
    """(query, class) → what the newest stored reference says about it; nothing where none is stored."""
    judged = [row for row in rows if any(label["kind"] == _TRUTH for label in row["labels"])]
    references: dict[str, Reference] = {}
    for stored in database.query(cypher("read/references"), keys=sorted({row["query"] for row in judged})):
        references.setdefault(stored["query"], Reference(stored["kind"], stored["value"], tuple(stored["also"] or ())))
    items: dict[tuple[str, str], Item | Verdict] = {}
    for row in judged:
        reference = references.get(row["query"])
        if reference is None:
            continue
        for answer in row["read_as"]:
            place = row["query"], answer["same_as"]
            if answer["valid"]:
                items[place] = Item(answer["written"], reference, row["domain"], row["text"])
            else:
                items[place] = Verdict(0.0, "no answer")
    verdicts = ask(Auto(domains), list(items.values()))
    return {place: verdict.score for place, verdict in zip(items, verdicts, strict=True)}


@dataclass(slots=True)
class _Placing:
    """Rows for cypher/write/place_labels and judged_again.

    Attributes:
        verdicts: (query, class) → what the stored reference says, None where it cannot tell.
        judged: new labels by key.
    """

    verdicts: Mapping[tuple[str, str], float | None]
    placed: list[dict[str, Any]] = field(default_factory=list)
    unplaced: list[str] = field(default_factory=list)
    judged: dict[str, dict[str, Any]] = field(default_factory=dict)

    def place(self, row: Mapping[str, Any]) -> None:
        """All labels of one former answer."""
        classes: dict[str, str] = {}  # class → the smallest of the answers in it that its rollouts give
        for answer in row["read_as"]:
            classes.setdefault(answer["same_as"], answer["key"])
        only = next(iter(classes.values())) if len(classes) == 1 else None
        for together in _chains(row["labels"]):
            for label, answer in zip(together, _places(together, only), strict=True):
                scores = {name: v for name in classes if (v := self.verdicts.get((row["query"], name))) is not None}
                if label["kind"] == _TRUTH and scores:
                    self._judge(row, label, classes, scores)
                elif answer is not None:
                    self._move(row, label, answer)
                else:
                    self.unplaced.append(label["key"])

    def _judge(
        self, row: Mapping[str, Any], label: Mapping[str, Any], classes: Mapping[str, str], scores: Mapping[str, float]
    ) -> None:
        """A verdict for each class; the former label goes where it still holds, or to the only class that there is."""
        agreeing = [name for name, score in scores.items() if score == label["score"]]
        stays = next(iter(classes)) if len(classes) == 1 else agreeing[0] if len(agreeing) == 1 else None
        if stays is not None:
            self._move(row, label, classes[stays])
        for name, score in scores.items():
            if not label["corrected"] and (name != stays or score != label["score"]):
                self._new(row, label, name, score, [label["key"]] if name == stays else [])

    def _move(self, row: Mapping[str, Any], label: Mapping[str, Any], answer: str) -> None:
        self.placed.append({"label": label["key"], "former": row["former"], "answer": answer})

    def _new(
        self, row: Mapping[str, Any], label: Mapping[str, Any], answer: str, score: float, corrects: list[str]
    ) -> None:
        properties = {
            "kind": _TRUTH,
            "score": score,
            "confidence": 1.0,
            "purpose": label["purpose"],
            "query": row["query"],
            "explanation": _JUDGED_AGAIN,
            "created_at": label["created_at"],
        }
        key = label_key(LabelKind.GROUND_TRUTH, answer, _paid_by(row["former"], label), label["purpose"], *corrects)
        judged = {
            "key": key,
            "answer": answer,
            "ledgers": label["ledgers"],
            "properties": properties,
            "corrects": corrects,
        }
        self.judged.setdefault(key, judged)


def _paid_by(answer: str, label: Mapping[str, Any]) -> str:
    """The ledger (key) that paid for a label; others may use it at no cost."""
    kind, purpose = LabelKind.GROUND_TRUTH, label["purpose"]
    paid = (ledger for ledger in label["ledgers"] if label_key(kind, answer, ledger, purpose) == label["key"])
    return next(paid, min(label["ledgers"], default=""))


def _places(together: Sequence[Mapping[str, Any]], only: str | None) -> list[str | None]:
    """Answer that each of the labels goes to; one whose rollout is not known goes where those do that it belongs to."""
    if only is not None:
        return [only] * len(together)
    meant = {label["answer"] for label in together if label["answer"] is not None}
    common = next(iter(meant)) if len(meant) == 1 else None
    return [label["answer"] or common for label in together]


def _chains(labels: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Labels in groups that correct each other."""
    group = {label["key"]: label["key"] for label in labels}

    def first(key: str) -> str:
        while group[key] != key:
            key = group[key]
        return key

    for label in labels:
        for earlier in label["corrects"]:
            if earlier in group:
                group[first(label["key"])] = first(earlier)
    chains: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for label in labels:
        chains[first(label["key"])].append(label)
    return list(chains.values())
