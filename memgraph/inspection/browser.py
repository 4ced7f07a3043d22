"""A memory in a terminal, by textual (extra `tui`): runs, their queries, a query's rollouts, and one rollout with all about it.

run ─► query ─► rollout │ question, reasoning, answer, nearest queries, every label and prediction
                        │ r, w: a label by the person who looks
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from memgraph.domains import Domains
from memgraph.errors import MemRewardError
from memgraph.extras import installed
from memgraph.labels.annotation import judge
from memgraph.labels.ledger import Ledger
from memgraph.labels.rows import LabelRow
from memgraph.labels.view import LabelView
from memgraph.printable import cut, printable, shown
from memgraph.scoring.history import scores_of
from memgraph.scoring.stored import StoredRollout, stored_rollouts
from memgraph.store.cypher import cypher
from memgraph.store.named_queries import run_inspection
from memgraph.store.store import Store

with installed():
    from rich.text import Text
    from textual.app import App, ComposeResult
    from textual.binding import Binding, BindingType
    from textual.containers import Horizontal, VerticalScroll
    from textual.widgets import Footer, Header, Static, Tree
    from textual.widgets.tree import TreeNode

_QUERIES, _ROLLOUTS = 200, 200  # of a run, and of a query, that are listed


@dataclass(frozen=True, slots=True)
class _Place:
    """A node of the tree: a run, a query that it sampled, or a rollout."""

    run: str
    query: str | None = None
    rollout: StoredRollout | None = None


class MemoryBrowser(App[None]):
    """Shows a memory.

    Args:
        author: who judges; None where nobody does, and nothing is written.
        ledger: that pays for labels, and whose labels are shown as in force.
    """

    TITLE = "memreward browse"
    CSS = "Tree { width: 2fr; } VerticalScroll { width: 3fr; padding: 0 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "judge(1.0)", "right"),
        Binding("w", "judge(0.0)", "wrong"),
        Binding("q", "quit", "quit"),
    ]

    def __init__(self, store: Store, domains: Domains, ledger: str, author: str | None = None) -> None:
        super().__init__()
        self._store, self._domains, self._ledger, self._author = store, domains, ledger, author

    def compose(self) -> ComposeResult:
        """The tree to the left, one rollout to the right."""
        yield Header()
        with Horizontal():
            tree: Tree[_Place] = Tree("runs")
            tree.root.expand()
            yield tree
            with VerticalScroll():
                yield Static("Choose a rollout: Enter unfolds, arrows move.", id="rollout", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        """List the runs."""
        tree = self._tree
        for row in self._store.database.query(cypher("read/run_names")):
            tree.root.add(_line(row["name"]), _Place(row["name"]))
        tree.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without an author there is nothing to judge by."""
        return action != "judge" or self._author is not None

    def on_tree_node_expanded(self, event: Tree.NodeExpanded[_Place]) -> None:
        """Read what is in a run or a query when it is unfolded first."""
        node, place = event.node, event.node.data
        if place is None or node.children:
            return
        if place.query is None:
            rows = self._store.database.query(cypher("read/queries_of_run"), run=place.run, limit=_QUERIES + 1)
            for row in rows[:_QUERIES]:
                node.add(_line(f"{row['text']} ({row['rollouts']})"), _Place(place.run, row["key"]))
            if len(rows) > _QUERIES:
                node.add_leaf(_line(f"only the first {_QUERIES} queries are listed"))
            return
        for number, rollout in enumerate(self._rollouts(place)):
            if number == _ROLLOUTS:
                node.add_leaf(_line(f"only the first {_ROLLOUTS} rollouts are listed"))
                break
            node.add_leaf(_rollout_line(rollout), _Place(place.run, place.query, rollout))

    def on_tree_node_highlighted(self, event: Tree.NodeHighlighted[_Place]) -> None:
        """Show a rollout as soon as it is under the cursor."""
        self._show(event.node)

    def action_judge(self, score: float) -> None:
        """Store what the person says of the rollout under the cursor."""
        node = self._tree.cursor_node
        if node is None or node.data is None or node.data.rollout is None or self._author is None:
            self.notify("Choose a rollout first.", severity="warning")
            return
        rollout = node.data.rollout
        try:
            ledger = Ledger(self._store.database, self._ledger)
            row = LabelRow(score, author=self._author, rollout_key=rollout.key)
            judge(self._store.database, self._domains, ledger, row)
        except MemRewardError as error:
            self.notify(printable(str(error)), severity="error", markup=False)
            return
        self._read_again(node)
        self.notify(f"{rollout.key[:12]} is {'right' if score else 'wrong'}, says {self._author}", markup=False)

    def _read_again(self, node: TreeNode[_Place]) -> None:
        """A label is on all rollouts with the answer, so that the whole query is shown again."""
        place = node.data
        if node.parent is None or place is None:
            return
        fresh = {one.key: one for one in self._rollouts(place)}
        for sibling in node.parent.children:
            if sibling.data is not None and sibling.data.rollout is not None:
                rollout = fresh.get(sibling.data.rollout.key, sibling.data.rollout)
                sibling.data = _Place(place.run, place.query, rollout)
                sibling.set_label(_rollout_line(rollout))
        self._show(node)

    def _rollouts(self, place: _Place) -> Iterator[StoredRollout]:
        view = LabelView(ledgers=(self._ledger,))
        return iter(stored_rollouts(self._store, view=view, run=place.run, query=place.query))

    def _show(self, node: TreeNode[_Place]) -> None:
        place = node.data
        if place is not None and place.rollout is not None:
            self.query_one("#rollout", Static).update(self._page(place.rollout))

    def _page(self, rollout: StoredRollout) -> Text:
        """All about a rollout."""
        page = Text()

        def part(title: str, text: str) -> None:
            page.append(f"{title}\n", "bold")
            page.append(f"{printable(text, lines=True).strip() or '–'}\n\n")

        part("Question", rollout.query)
        part("Reasoning", rollout.thinking)
        part("Answer", rollout.answer or "(none is stated)")
        where = {
            "step": rollout.step,
            "policy": rollout.policy or None,
            "label": rollout.label,
            "predicted": rollout.score,
        }
        part("Rollout", f"{rollout.key}, " + ", ".join(f"{name} {shown(value)}" for name, value in where.items()))
        near = run_inspection(self._store.database, "similar_queries", {"query": rollout.query_key})
        part("Nearest queries", "\n".join(f"{row['cosine']:.3f} {cut(shown(row['neighbour']))}" for row in near))
        scores = [
            f"{score.at:%Y-%m-%d %H:%M:%S} {score.kind} {shown(score.score)} by "
            f"{shown(score.author or score.scorer or ', '.join(score.ledgers))}"
            for score in scores_of(self._store, rollout.key)
        ]
        part("Every label and prediction", "\n".join(scores))
        return page

    @property
    def _tree(self) -> Tree[_Place]:
        return self.query_one(Tree)


def _line(text: str) -> Text:
    return Text(cut(shown(text)))


def _rollout_line(rollout: StoredRollout) -> Text:
    label, score = shown(rollout.label), shown(rollout.score)
    return _line(f"{rollout.answer or '(no answer)'}, label {label}, predicted {score}")
