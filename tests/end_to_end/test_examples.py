"""Each file of examples/ runs, on a real Neo4j and with the tiny policy."""

from __future__ import annotations

import csv
import json
import os
import re
import runpy
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

from memgraph.domains import Domain, Domains
from memgraph.memory import Memory
from tests.conftest import count, write_rows
from tests.end_to_end.small_training import save_policy, train_two_steps
from tests.integration.rollouts import sums
from tests.pages import is_shown
from trainer.tiny.world import generate

EXAMPLES = Path(__file__).parents[2] / "examples"


class Kept(Memory):
    """Stays open for the tests that follow."""

    def close(self) -> None:
        pass


@pytest.fixture
def run(memory: Memory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Runs an example in an empty folder, on the session's memory and for two steps of training."""
    monkeypatch.chdir(tmp_path)

    def opened(*, domains: Iterable[Domain] = ()) -> Memory:
        return Kept(memory.settings, memory.database, memory._embedder, Domains.of(memory.settings, domains))

    monkeypatch.setattr(Memory, "open", opened)
    train_two_steps(monkeypatch)

    def run(name: str, *arguments: object) -> None:
        monkeypatch.setattr("sys.argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")

    return run


@pytest.fixture
def rollouts(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "rollouts.jsonl", sums(20))


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    found = generate(10, 0, domains=["math"])
    return write_rows(tmp_path / "questions.jsonl", [{"question": one.query, "answer": one.gold} for one in found])


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    return save_policy(tmp_path / "policy")


def test_every_example_has_a_test() -> None:
    named = Path(__file__).read_text(encoding="utf-8")
    assert [file.name for file in EXAMPLES.glob("*.py") if f'"{file.name}"' not in named] == []


def test_first_memory(run: Callable[..., None], rollouts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("first_memory.py", rollouts)
    shown = capsys.readouterr().out
    assert "80 rollouts are new, 4 queries labelled" in shown
    assert "prediction" in shown


@pytest.mark.slow
@pytest.mark.parametrize(("name", "trained"), [("grpo.py", "my-run"), ("combined_rewards.py", "combined")])
def test_training(
    run: Callable[..., None], memory: Memory, questions: Path, policy: Path, name: str, trained: str
) -> None:
    run(name, questions, policy)
    stored = memory.database.query("MATCH (t:Thinking {run: $run}) RETURN t.reward_source AS source", run=trained)
    assert len(stored) == 16
    assert {row["source"] for row in stored} <= {"label", "pooled_votes", "none"}


def test_human_labels(run: Callable[..., None], memory: Memory, rollouts: Path, tmp_path: Path) -> None:
    memory.import_file(rollouts)
    sheet = tmp_path / "sheet.csv"
    run("human_labels.py", sheet)
    with sheet.open(newline="", encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    for number, row in enumerate(rows):
        row.update(score=str(number % 2), author="Ann")
    with sheet.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.DictWriter(opened, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    run("human_labels.py", sheet, "filled")
    assert count(memory, "(n:Label {kind: 'human'})") == len(rows)


def test_existing_completions(run: Callable[..., None], memory: Memory, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"prompt": row["query"], "completion": row["response"]} for row in sums(5)]
    run("existing_completions.py", write_rows(tmp_path / "logged.jsonl", rows), tmp_path / "rewards.csv")
    with (tmp_path / "rewards.csv").open(newline="", encoding="utf-8") as opened:
        written = list(csv.DictReader(opened))
    assert len(written) == len(rows) == count(memory, "(n:Prediction)")


def test_own_domain(
    run: Callable[..., None], memory: Memory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ['{"a": 1, "b": 2}', '{"b": 2, "a": 1}', '{"a": 1}', "no JSON"]
    rows = [
        {"query": f"Which object is number {n}?", "response": f"It is\n{one}", "gold": said[0], "domain": "json"}
        for n in range(6)
        for one in said
    ]
    run("own_domain.py", write_rows(tmp_path / "r.jsonl", rows))
    assert count(memory, "(:Query)-[:GENERATES]->(n:Answer)") == 6 * 3, "the first two are one answer"
    right = memory.database.query("MATCH (:Label {score: 1.0})-[:SCORES]->(a:Answer) RETURN DISTINCT a.value AS value")
    assert [json.loads(row["value"]) for row in right] == [[{"a": 1, "b": 2}]]
    assert "prediction" in capsys.readouterr().out


def test_remote_training(run: Callable[..., None], rollouts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("remote_training.py", rollouts)
    shown = capsys.readouterr().out
    first, *_, last = (float(loss) for loss in re.findall(r"epoch \d: loss ([\d.]+)", shown))
    assert last < first
    assert "64 rollouts without a label are predicted" in shown


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_tour(memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tour.ipynb` is `tour.py`, and shows what it gives. MEMREWARD_WRITE_PAGES=1 makes it again."""
    endpoint = memory.database.endpoint
    for name, value in {
        "NEO4J_URI": endpoint.uri,
        "NEO4J_USERNAME": endpoint.user,
        "NEO4J_PASSWORD": endpoint.password.get_secret_value(),
        "MEMREWARD_HOME": str(tmp_path / "home"),
        "PYTHONPATH": os.pathsep.join([str(EXAMPLES.parent), *sys.path]),
    }.items():
        monkeypatch.setenv(name, value)
    notebook = jupytext.read(EXAMPLES / "tour.py")
    NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=300,
        startup_timeout=300,
        resources={"metadata": {"path": str(EXAMPLES)}},
    ).execute()
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [one for one in cell.outputs if one.get("name") != "stderr"]
    notebook.metadata = {
        "language_info": {"name": "python"},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
    }
    file = EXAMPLES / "tour.ipynb"
    if "MEMREWARD_WRITE_PAGES" in os.environ:
        nbformat.write(notebook, file)
    kept = nbformat.read(file, as_version=4)
    assert [cell.source for cell in kept.cells] == [cell.source for cell in notebook.cells]
    for now, then in zip(notebook.cells, kept.cells, strict=True):
        assert is_shown(text_of(now), text_of(then)), text_of(now)
    assert sum("image/png" in str(cell) for cell in kept.cells) == 1
    text = file.read_text(encoding="utf-8")
    assert not re.findall(r"(?:/tmp|/root|/home|/work|site-packages|https?:|127\.0\.0\.1)[^\"]*", text)


def text_of(cell: Any) -> str:
    """What a cell prints and gives, but pictures."""
    outputs = cell.get("outputs", [])
    text = "".join(one.get("text") or one.get("data", {}).get("text/plain", "") + "\n" for one in outputs)
    return re.sub(r" at 0x[0-9a-f]+", "", text)


def test_the_data_of_the_documents_are_made_by_their_program(tmp_path: Path) -> None:
    runpy.run_path(str(EXAMPLES / "data" / "make.py"))["make"](tmp_path, queries=2)
    for name, rows in (("rollouts.jsonl", 8), ("questions.jsonl", 2)):
        made, kept = ((folder / name).read_text().splitlines() for folder in (tmp_path, EXAMPLES / "data"))
        assert len(made) == rows
        assert list(json.loads(made[0])) == list(json.loads(kept[0]))
