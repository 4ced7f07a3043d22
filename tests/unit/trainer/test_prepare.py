"""Hub data sets as problem files, from small copies in the hub's own layout (no hub is reachable here)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from typer.testing import CliRunner

from memgraph.cli import app
from memgraph.domains import Item
from memgraph.domains.checks.response import Response
from memgraph.domains.references import Reference
from memgraph.domains.verifiers import judge
from memgraph.errors import InputError
from trainer.datasets.hub import HUB, IN_DOMAIN, OUT_OF_DOMAIN
from trainer.datasets.prepare import sample
from trainer.run.config import DataSection
from trainer.run.data import load_problems

LETTERED = {"id": "7", "choices": {"text": ["sun", "moon", "rock"], "label": ["A", "B", "C"]}, "answerKey": "B"}

# One row of each, with the columns of the hub's data set, and an answer that is right.
ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "gsm8k": ({"question": "2 + 2?", "answer": "2 + 2 = <<2+2=4>>4\n#### 4"}, "4"),
    "gsm_symbolic": (
        {"id": 1, "instance": 3, "question": "3 + 2?", "answer": "#### 1,005", "original_question": "2 + 2?"},
        "1005",
    ),
    "math": ({"problem": "Half of 1?", "level": "Level 1", "solution": r"It is $\boxed{\frac{1}{2}}$."}, "0.5"),
    "mmlu": ({"question": "Hot?", "subject": "x", "choices": ["ice", "fire", "snow", "hail"], "answer": 1}, "B"),
    "commonsense_qa": ({**LETTERED, "question": "At night?", "question_concept": "night"}, "B"),
    "openbookqa": ({**LETTERED, "question_stem": "At night there is the"}, "(B)"),
    "arc_challenge": (
        {**LETTERED, "question": "Night?", "choices": {"text": ["sun", "moon"], "label": ["1", "2"]}, "answerKey": "2"},
        "B",
    ),
    "gpqa": (
        {"Question": "Which?", "Correct Answer": "this \n"} | {f"Incorrect Answer {n}": f"other {n}" for n in (1, 2, 3)},
        "this",
    ),
    "humaneval": (
        {
            "task_id": "HumanEval/0",
            "prompt": 'def double(n: int) -> int:\n    """Twice n."""\n',
            "canonical_solution": "    return 2 * n\n",
            "test": "def check(candidate):\n    assert candidate(2) == 4\n",
            "entry_point": "double",
        },
        "def double(n: int) -> int:\n    return 2 * n",
    ),
    "mbpp": (
        {
            "task_id": 11,
            "text": "Write a function to double a number.",
            "code": "",
            "test_list": ["assert double(1) == 2", "assert double(4) == 8"],
            "test_setup_code": "",
            "challenge_test_list": [],
        },
        "def double(n):\n    return n + n",
    ),
    "numina_math": ({"source": "olympiads", "problem": "1 + 1?", "solution": r"\boxed{2}"}, "2"),
    "piqa": ({"goal": "Open a jar", "sol1": "turn the lid", "sol2": "shout", "label": 0}, "A"),
    "siqa": ({"context": "It rains.", "question": "What now?", "answerA": "a", "answerB": "b", "answerC": "c", "label": "3"}, "C"),
}  # fmt: skip


def copy_of(mirror: Path, name: str, splits: dict[str, list[dict[str, Any]]]) -> None:
    """A folder like the hub's repository: Parquet files, and a card that says which configuration they belong to."""
    data = HUB[name]
    folder = mirror / data.hub_id
    lines = []
    for split, rows in splits.items():
        (folder / "data").mkdir(parents=True, exist_ok=True)
        Dataset.from_list(rows).to_parquet(folder / "data" / f"{split}-00000-of-00001.parquet")
        lines.append(f"  - split: {split}\n    path: data/{split}-*\n")
    (folder / "README.md").write_text(
        f"---\nconfigs:\n- config_name: {data.config or 'default'}\n  data_files:\n{''.join(lines)}---\n"
    )


def test_every_data_set_of_the_paper_is_known() -> None:
    assert set(ROWS) == set(HUB)
    assert len(IN_DOMAIN) == 10
    assert len(OUT_OF_DOMAIN) == 3


@pytest.mark.parametrize("name", sorted(HUB))
def test_a_right_answer_to_a_row_is_judged_right_and_another_wrong(name: str, tmp_path: Path) -> None:
    row, right = ROWS[name]
    data = HUB[name]
    copy_of(tmp_path, name, {data.splits["test"]: [row]})
    found = [problem for split in ("train", "test") if split in data.splits or "train" not in data.splits
             for _, problem in (data.problems(split, mirror=tmp_path) if data.splits.get(split, data.splits["test"]) ==
                                data.splits["test"] else ())]  # fmt: skip
    assert len(found) == 1, "the row is on exactly one side"
    problem = found[0]
    options = Response(problem.query, "statement", "", "", None).options
    if name == "gpqa":  # the right one is listed first on the hub, and somewhere here
        right = next(letter for letter, text in options.items() if text == right)
    if problem.domain == "qa":
        assert list(options) == sorted(options)
        assert problem.gold in options
    reference = Reference("tests", problem.tests or "") if problem.gold is None else Reference("gold", problem.gold)
    wrong = {"code": "def double(n):\n    return n", "math": "77", "qa": "E"}[problem.domain]
    assert judge([Item(right, reference, problem.domain, problem.query)])[0].score == 1.0
    assert judge([Item(wrong, reference, problem.domain, problem.query)])[0].score == 0.0


def test_the_command_writes_files_that_a_run_reads_and_tests_no_variant_of_what_is_trained(tmp_path: Path) -> None:
    originals = [f"What is {n} + 1?" for n in range(40)]
    variants = [
        {
            "id": n,
            "instance": v,
            "question": f"What is {n} + {v}?",
            "answer": f"#### {n + v}",
            "original_question": text,
        }
        for n, text in enumerate(originals)
        for v in (2, 3)
    ]
    rows = [{"question": text, "answer": f"#### {n + 1}"} for n, text in enumerate(originals)]
    train_rows = [{"question": f"Train {n}?", "answer": f"#### {n}"} for n in range(10)]
    copy_of(tmp_path / "hub", "gsm_symbolic", {"test": variants})
    copy_of(tmp_path / "hub", "gsm8k", {"train": train_rows, "test": rows})
    copy_of(tmp_path / "hub", "siqa", {"validation": [ROWS["siqa"][0]]})
    arguments = [
        "data",
        "prepare",
        "gsm8k",
        "gsm_symbolic",
        "siqa",
        "--out",
        str(tmp_path / "out"),
        "--mirror",
        str(tmp_path / "hub"),
    ]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output

    files = {name: [tmp_path / "out" / f"{name}.jsonl"] for name in ("train", "test", "ood")}
    splits = load_problems(DataSection(train_files=files["train"], test_files=files["test"], ood_files=files["ood"]))
    trained, tested = ({task.query for task in problems.tasks} for problems in (splits.train, splits.test))
    assert [task.dataset for task in splits.ood.tasks] == ["siqa"]
    assert len(trained & {row["question"] for row in train_rows}) == 10
    symbolic = {row["question"]: row["original_question"] for row in variants}
    units = {symbolic[query] for query in trained if query in symbolic}
    assert 0 < len(units) < 40
    assert not units & tested, "an original whose variant was trained on is not tested"
    assert not units & {symbolic[query] for query in tested if query in symbolic}
    assert {query for query in tested if query in originals} == set(originals) - units
    raw = [json.loads(line) for line in files["train"][0].read_text().splitlines()]
    assert all(set(row) == {"query", "domain", "query_id", "dataset", "gold"} for row in raw)


def test_a_smaller_sample_is_the_beginning_of_a_larger_one_and_does_not_follow_the_order_of_the_hub(
    tmp_path: Path,
) -> None:
    copy_of(tmp_path, "gsm8k", {"train": [{"question": f"{n}?", "answer": f"#### {n}"} for n in range(30)]})
    problems = [problem for _, problem in HUB["gsm8k"].problems("train", mirror=tmp_path)]
    few, many = sample(problems, 5, 1), sample(reversed(problems), 20, 1)
    assert many[:5] == few
    assert few != problems[:5]
    assert sample(problems, 5, 2) != few


def test_the_list_names_every_data_set() -> None:
    rows = json.loads(CliRunner().invoke(app, ["data", "list", "--json"]).stdout)
    assert [row["name"] for row in rows] == list(HUB)
    assert {row["name"] for row in rows if row["goes into"] == "ood.jsonl"} == set(OUT_OF_DOMAIN)
    assert CliRunner().invoke(app, ["data", "list"]).exit_code == 0


def test_what_cannot_be_loaded_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot load openai/gsm8k, split train.*--mirror"):
        list(HUB["gsm8k"].problems("train", mirror=tmp_path))


def test_an_unknown_data_set_is_wrong_usage(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["data", "prepare", "nonsense", "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert "unknown data sets nonsense" in " ".join(result.output.split())
