"""What Neo4j Browser shows of a memory: names on nodes, kept as they are written, a style, and saved queries."""

from __future__ import annotations

import re
from pathlib import Path
from zipfile import ZipFile

from memgraph.inspection.neo4j_browser import write_browser_files
from memgraph.labels.rows import LabelRow
from memgraph.memory import Memory
from memgraph.rollouts.rollout import Rollout
from memgraph.scoring.predictions import write_prediction_rows
from memgraph.settings import Settings
from memgraph.store import migrations
from memgraph.store.named_queries import inspection_queries
from tests.conftest import count
from tests.integration.test_command_line import memreward

QUERY = "  How many apples are in the basket that stands beside the door?"
NAMES = (
    "MATCH (n) WHERE NOT n:__Neo4jMigration AND NOT n:Reader "
    "RETURN n.key AS key, n.name AS name, [x IN labels(n) WHERE x IN ['Right', 'Wrong']] AS said ORDER BY key"
)


def fill(memory: Memory) -> None:
    imported = ["Four and three are seven, if I count them right. #### 7", "<think>Four and four.</think> #### 8", ""]
    stored = memory.add(
        [Rollout(query=QUERY, response=text, domain="math", run="by hand") for text in imported]
        + [
            Rollout(query=QUERY, response="#### 8", domain="math", run="grpo", call=3, step=12, sample=5),
            Rollout(
                query=QUERY, response="#### 8.0", domain="math", run="a run with a name that is long", call=3, sample=0
            ),
        ]
    ).stored
    judged = {"7": 1.0, "8": 0.0}
    rows = [LabelRow(score, author="Ann", query=QUERY, answer=answer) for answer, score in judged.items()]
    rows.append(LabelRow(0.5, author="Bob", query=QUERY, answer="7"))
    memory.label(rows, ledger="people", budget=9)
    scores = [0.5612, None]
    predictions = [
        {"key": f"p{n}", "target": stored[n].key, "score": score, "reason": ""} for n, score in enumerate(scores)
    ]
    write_prediction_rows(memory, predictions, scorer="votes")


def test_nodes_have_a_short_name_from_the_start_and_old_ones_get_the_same(memory: Memory) -> None:
    fill(memory)
    written = memory.database.query(NAMES)
    assert all(row["name"] and len(row["name"]) <= 60 for row in written)
    names = {row["name"] for row in written}
    assert {
        "How many apples are in the basket that s",
        "7",
        "no answer",
        "right",
        "wrong",
        "0.5",
        "0.56",
        "no score",
    } <= names
    assert {
        "Four and three are seven, if I count the",
        "Four and four.",
        "no response",
        "grpo step 12 #5",
        "a run with a name th #0",
    } <= names
    assert [row["said"] for row in written if row["name"] in ("right", "wrong", "0.5")].count([]) == 1
    assert count(memory, "(n:Label:Right {score: 1})") == count(memory, "(n:Label:Wrong {score: 0})") == 1

    memory.database.query("MATCH (n) WHERE NOT n:Run AND NOT n:Ledger REMOVE n.name, n:Right, n:Wrong", write=True)
    for _ in range(2):  # it is run again on older archives
        for statement in next(m for m in migrations.discover() if m.version == "0009").statements:
            memory.database.autocommit(statement)
        assert memory.database.query(NAMES) == written


def test_an_answers_name_follows_its_spelling(memory: Memory) -> None:
    for answer in ("8.00", "8.0", "8"):
        memory.add([Rollout(query=QUERY, response=f"#### {answer}", domain="math", run="by hand")])
    rows = memory.database.query("MATCH (a:Answer) RETURN a.name AS name, a.written AS written")
    assert all(row["name"] == row["written"] for row in rows)


def test_the_style_names_what_is_in_a_memory(memory: Memory, tmp_path: Path) -> None:
    fill(memory)
    style, _ = write_browser_files(tmp_path)
    rules = {name.strip(): body for name, body in re.findall(r"([^{}]+)\{((?:[^{}]|\{\w+\})*)\}", style.read_text())}
    names = [rule.split(".")[-1] for rule in rules if "." in rule]
    assert {"Query", "Thinking", "Answer", "Prediction", "LEADS_TO", "SIMILAR_TO"} <= set(names)
    known = (Path(__file__).parents[2] / "docs" / "graph.md").read_text(encoding="utf-8")
    assert [name for name in names if not re.search(rf"\b{name}\b", known)] == []
    colours = [
        re.search(r"color: (#\w{6});", rules[f"node.{name}"]) for name in ("Right", "Wrong", "Label", "Prediction")
    ]
    assert len({colour[1] for colour in colours if colour}) == 4
    # a rule that stands later wins, and a label that is right has both names
    assert names.index("Label") < min(names.index("Right"), names.index("Wrong"))
    assert "//" not in style.read_text(), "GraSS knows no comments: Browser would take them into a name"


def test_saved_queries_are_those_of_inspect(tmp_path: Path) -> None:
    _, queries = write_browser_files(tmp_path / "new")
    with ZipFile(queries) as file:
        saved = {name: file.read(name).decode() for name in file.namelist()}
    assert saved == {
        f"memreward/{query.name}.cypher": f"// {query.name}\n{query.text}" for query in inspection_queries()
    }


def test_the_command_prints_the_address_and_writes_the_files(
    memory: Memory, settings: Settings, tmp_path: Path
) -> None:
    _, printed, _ = memreward("db", "browser", "--print", home=settings.home)
    assert f"/browser/?dbms=bolt://neo4j@{memory.database.endpoint.uri.removeprefix('bolt://')}\n" in printed
    assert "db=" not in printed, "Browser looks for the database before it has the list of them, and reports an error"
    assert {file.name for file in (settings.home / "browser").iterdir()} == {"memreward.grass", "memreward-queries.zip"}
    assert memory.database.endpoint.password.get_secret_value() not in printed

    _, printed, _ = memreward("db", "browser", "--files", str(tmp_path / "here"), home=tmp_path / "no home")
    assert "/browser/" not in printed
    assert len(list((tmp_path / "here").iterdir())) == 2
