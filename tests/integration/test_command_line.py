"""The commands as people and programs use them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as parquet
import pytest
import typer
from typer.testing import CliRunner

from memgraph.cli import app, learn
from memgraph.domains.checks import ALL_CHECKS
from memgraph.errors import InputError, MemRewardError
from memgraph.memory import Memory
from memgraph.settings import Settings
from tests.conftest import write_rows
from tests.integration.rollouts import sums

COMMANDS = [
    "demo",
    "import",
    "sample",
    "reveal",
    "label",
    "queue",
    "annotate",
    "fit",
    "score",
    "relabel",
    "evaluate",
    "train",
    "inspect",
    "why",
    "compare",
    "report",
    "browse",
    "prune",
    "forget",
    "migrate",
    "export",
    "restore",
    "reembed",
    "warm-up",
    "verl",
    "data prepare",
    "init",
]
ROW = [
    "file", "labels", "seed", "scorer", "rollouts", "accuracy", "auc", "within_query_auc", "ece", "coverage", "seconds",
    "now", "history", "history_labels", "networks_on", "prior", "seen_in_pretraining", "samples",
]  # fmt: skip
README = Path(__file__).parents[2] / "README.md"


def memreward(*arguments: str, home: Path | None = None) -> tuple[int, str, str]:
    options = ["--home", str(home)] if home else []
    result = CliRunner().invoke(app, [*arguments, *options])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_is_in_the_documents(command: str) -> None:
    code, out, _ = memreward(*command.split(), "--help")
    assert code == 0
    assert "Usage" in out
    assert f"`memreward {command}`" in (README.parent / "docs" / "cli.md").read_text(encoding="utf-8")


_READING = ("dataset", "domain", "query", "response", "answer", "gold", "tests", "correct")


def test_files_are_named_alike_in_all_commands_that_read_them() -> None:
    """Each of them has the options by which the columns of a file are named, with the same words."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    helps = [
        {option.name: (option.opts, option.help) for option in commands[name].params if option.name in _READING}
        for name in ("import", "check", "reveal", "evaluate")
    ]
    assert set(helps[0]) == set(_READING)
    assert all(found == helps[0] for found in helps)


def test_check_shows_what_a_file_says_itself(tmp_path: Path) -> None:
    rows = [{"query": "1 + 1?", "domain": "math", "response": f"#### {n}", "fine": n == 2} for n in (2, 3)]
    file = write_rows(tmp_path / "r.jsonl", [*rows, {**rows[0], "query": "2 + 2?", "fine": None}])
    code, out, _ = memreward("check", str(file), "--correct", "fine")
    assert code == 0
    assert "33.3% have no verdict" in out
    code, out, _ = memreward("check", str(file), "--correct", "fine", "--json")
    assert [row["score"] for row in json.loads(out)["rows"]] == [1.0, 0.0, None]


def test_a_domain_that_nobody_defines_is_named_at_import(memory: Memory, settings: Settings, tmp_path: Path) -> None:
    row = {"query": "What is H2O?", "domain": "chemistry", "response": "The answer is water."}
    _, _, err = memreward("import", str(write_rows(tmp_path / "r.jsonl", [row])), home=settings.home)
    assert "nobody defines the domain chemistry" in err
    assert "code, math, qa" in err


def test_an_unknown_ledger_is_no_ledger_without_labels(memory: Memory, settings: Settings) -> None:
    memory.ledger("people", budget=3)
    with pytest.raises(InputError, match="there is no ledger 'peple' in this memory; known: people"):
        memreward("fit", "--ledger", "peple", home=settings.home)


def test_the_way_from_import_to_score_in_json(memory: Memory, settings: Settings, tmp_path: Path) -> None:
    file = str(write_rows(tmp_path / "r.jsonl", sums(30)))
    home = settings.home

    def call(*arguments: str) -> dict:
        code, out, err = memreward(*arguments, "--json", home=home)
        assert code == 0, err
        return json.loads(out)

    assert call("import", file)["files"][0]["new"] == 120
    assert call("import", file)["files"][0]["known"] == 120
    assert call("reveal", file, "--budget", "0.4")["newly_paid"] == 12
    otherwise = call("fit", "--checks", "form,arithmetic")
    fitted = call("fit")
    assert otherwise["model"] != fitted["model"]
    assert Path(fitted["folder"]).is_dir()
    assert call("score")["queries"] == 18
    assert call("score", "--confidence", "1") == {
        "queries": 18, "scored": 0, "abstained": 72, "mean": None, "runs": [], "datasets": [],
    }  # fmt: skip
    spent = call("inspect", "label_spending")
    assert [(row["ledger"], row["queries_paid"]) for row in spent] == [("default", 12)]
    assert {query["name"] for query in call("inspect")} >= {"label_spending", "reward_sources", "query_group"}
    assert all(state["applied_at"] for state in call("migrate", "--status"))
    assert call("reveal", file, "--budget", "1.0")["newly_paid"] == 18
    assert call("score", "--run", "import", "--dataset", "sums") == {
        "queries": 0, "scored": 0, "abstained": 0, "mean": None, "runs": ["import"], "datasets": ["sums"],
    }  # fmt: skip


def test_columns_are_named_and_sheets_of_golds_are_revealed(memory: Memory, settings: Settings, tmp_path: Path) -> None:
    rows = [{"task": f"{n}+{n}?", "reply": f"#### {2 * n}", "id": str(n), "domain": "math"} for n in range(4)]
    file = str(write_rows(tmp_path / "r.jsonl", rows))
    with pytest.raises(MemRewardError, match=r"found domain, id, reply, task\. .* --query task --response reply"):
        memreward("import", file, home=settings.home)
    named = ("--query", "task", "--response", "reply")
    assert memreward("import", file, *named, home=settings.home)[0] == 0
    sheet = tmp_path / "golds.csv"
    sheet.write_bytes("Query;Gold\r\n1+1?;2\r\n2+2?;5\r\n3+3?;\r\n".encode("utf-8-sig"))
    code, out, err = memreward("reveal", str(sheet), "--json", home=settings.home)
    assert code == 0, err
    assert (json.loads(out)["newly_paid"], json.loads(out)["labels"]) == (2, 2)
    labels = memory.database.query("MATCH (l:Label {kind: 'ground_truth'}) RETURN l.score AS score ORDER BY score")
    assert [row["score"] for row in labels] == [0.0, 1.0]


def test_each_command_has_one_job_and_names_the_one_for_another(tmp_path: Path) -> None:
    file = str(write_rows(tmp_path / "r.jsonl", sums(5)))
    code, _, err = memreward("label", file)
    assert code == 2
    assert "`memreward reveal" in " ".join(err.replace("│", "").split())


def test_rejected_rows_end_with_exit_code_3_and_are_listed(memory: Memory, settings: Settings, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "r.jsonl", [*sums(2), {"query": "no response"}])
    rejects = tmp_path / "rejects.jsonl"
    code, out, _ = memreward("import", str(file), "--rejects", str(rejects), "--json", home=settings.home)
    assert code == 3
    assert json.loads(out)["files"][0].items() >= {
        "file": str(file), "new": 8, "known": 0, "rejected": 1, "queries_linked": 2, "programs_observed": 0,
    }.items()  # fmt: skip
    (listed,) = map(json.loads, rejects.read_text().splitlines())
    assert listed == {"file": str(file), "row": 9, "reason": "the required field 'response' is missing; found query"}


def test_evaluate_prints_one_row_for_each_scorer_share_and_split_and_leaves_the_memory_alone(
    memory: Memory, settings: Settings, tmp_path: Path
) -> None:
    rows = sums(30)
    for row in rows[::2]:
        del row["correct"]  # judged by its gold answer then
    names = {"query": "problem", "response": "generation", "gold": "solution", "correct": "right"}
    for row in rows:
        row.pop("domain", None)
    renamed = [{names.get(field, field): value for field, value in row.items()} for row in rows]
    file = write_rows(tmp_path / "r.jsonl", renamed)
    arguments = [word for field, name in names.items() for word in (f"--{field}", name)] + ["--domain", "math"]
    arguments += [
        "--labels",
        "0.2",
        "--labels",
        "0.5",
        "--seeds",
        "2",
        "--scorers",
        "majority_vote,logistic",
        "--scorers",
        "random",
    ]
    arguments += ["--confidence", "0.6"]
    code, out, err = memreward("evaluate", str(file), *arguments, "--plot", str(tmp_path / "p.png"), "--json")
    assert code == 0, err
    document = json.loads(out)
    assert document["default_scorer"] == "reward_model"
    found = {(row["scorer"], row["labels"], row["seed"]) for row in document["rows"]}
    assert found == {
        (name, share, seed)
        for name in ("majority_vote", "logistic", "random")
        for share in (0.2, 0.5)
        for seed in (0, 1)
    }
    assert set(document) == {"default_scorer", "rows", "answers"}
    assert document["answers"]["rollouts"] == {"math": 120}
    assert document["answers"]["undecided"] == []
    for row in document["rows"]:
        assert list(row) == ROW
        assert row["file"] == "r.jsonl"
        assert row["rollouts"] == round(120 * (1 - row["labels"]))
        assert 0 <= row["accuracy"] <= 1
        assert 0 <= row["auc"] <= 1
        assert row["within_query_auc"] is None or 0 <= row["within_query_auc"] <= 1
        assert 0 <= row["ece"] <= 1
        # these votes are unanimous and a regression on them is sure, or nearly; random numbers are not
        least, most = {"majority_vote": (1, 1), "logistic": (0.9, 1), "random": (0.5, 0.95)}[row["scorer"]]
        assert least <= row["coverage"] <= most
        assert row["seconds"] >= 0
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    assert memory.database.query("MATCH (t:Thinking) RETURN count(t) AS n")[0]["n"] == 0


def test_a_query_is_shown_as_text_or_in_json_and_an_unknown_one_lists_the_known() -> None:
    assert memreward("inspect", "label_spending", "--show")[1].startswith("// What was spent on labels")
    shown = json.loads(memreward("inspect", "label_spending", "--show", "--json")[1])
    assert shown["cypher"].startswith("// What was spent on labels")
    with pytest.raises(MemRewardError, match=r"no inspection query 'magic'; known: .*label_spending"):
        memreward("inspect", "magic", "--show")


def test_wrong_usage_is_exit_code_2() -> None:
    assert memreward("evaluate", str(README), "--labels", "20")[0] == 2
    assert memreward("import", "no-such-file.jsonl")[0] == 2
    assert memreward("evaluate", str(README), "--scorers", "magic")[0] == 2
    code, _, err = memreward("fit", "--checks", "magic")
    assert code == 2
    assert all(check in err for check in ALL_CHECKS)
    assert ", ".join(ALL_CHECKS) == learn._CHECKS


def test_an_error_is_one_message_without_a_traceback_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = subprocess.run(
        [sys.executable, "-m", "memgraph.cli", "inspect", "label_spending", "--home", str(tmp_path / "file")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith("NEO4J_")},
    )
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "cannot be written" in result.stderr
    assert "--home" in result.stderr


def test_the_wheel_finds_its_cypher_and_migrations_outside_the_repository(
    memory: Memory, settings: Settings, tmp_path: Path
) -> None:
    root = Path(__file__).parents[2]
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=root, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    program = (
        "import sys, memgraph, trainer; from memgraph.cli import main; "
        f"assert memgraph.__file__.startswith({str(site)!r}), memgraph.__file__; main()"
    )
    for arguments in (["migrate", "--json"], ["inspect", "label_spending", "--json"]):
        result = subprocess.run(
            [sys.executable, "-c", program, *arguments, "--home", str(settings.home)],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(site)}, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        json.loads(result.stdout)
    assert (site / "trainer" / "tiny" / "policy" / "weights" / "model.safetensors").is_file()


def test_home_and_json_may_stand_before_the_command(memory: Memory, settings: Settings) -> None:
    result = CliRunner().invoke(app, ["--json", "--home", str(settings.home), "inspect", "label_spending"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == []


def test_a_runs_problems_are_written_for_verl_without_their_truth(tmp_path: Path) -> None:
    code, out, err = memreward("verl", str(README.parent / "configs" / "tiny.yaml"), "--out", str(tmp_path), "--json")
    assert code == 0, err
    files = {Path(row["file"]).name: row["queries"] for row in json.loads(out)["files"]}
    assert set(files) >= {"train.parquet", "test.parquet"}
    for name, queries in files.items():
        rows = parquet.read_table(tmp_path / name).to_pylist()
        assert len(rows) == queries
        assert {row["reward_model"]["ground_truth"] for row in rows} == {""}


def test_init_writes_a_script_once(tmp_path: Path) -> None:
    assert memreward("init", str(tmp_path / "new"))[0] == 0
    assert "GRPOTrainer" in (tmp_path / "new" / "grpo.py").read_text(encoding="utf-8")
    with pytest.raises(InputError, match="--force"):
        memreward("init", str(tmp_path / "new"))
    assert memreward("init", str(tmp_path / "new"), "--force")[0] == 0
