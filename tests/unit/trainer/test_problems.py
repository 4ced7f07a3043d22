"""The tiny world: what `trainer.tiny.world` promises about its problems."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from itertools import islice
from random import Random
from statistics import mean

import pytest

from trainer.tiny.world import DOMAINS, Exercise, Knowledge, corpus, demonstration, exercises, generate
from trainer.tiny.world.base import held_out
from trainer.tiny.world.facts import FACTS, PEOPLE

SPLITS = ("train", "test", "ood")


@pytest.fixture(scope="module")
def some() -> list[Exercise]:
    return [exercise for split in SPLITS for exercise in exercises(240, 3, split=split)]


def answer_of(response: str) -> str:
    return response.split("</think>\n", 1)[1].removeprefix("#### ").removeprefix("The answer is ").removesuffix(".")


def test_the_same_seed_gives_the_same_problems_and_another_seed_others() -> None:
    first = generate(90, 1)
    assert first == generate(90, 1)
    assert {p.query for p in first} != {p.query for p in generate(90, 2)}


def test_problems_are_the_same_in_every_process() -> None:
    code = (
        "from trainer.tiny.world import generate\n"
        "print(repr([p for split in ('train', 'ood') for p in generate(30, 5, split=split)]))"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert runs == {repr([p for d in SPLITS[::2] for p in generate(30, 5, split=d)]) + "\n"}


def test_a_longer_list_begins_with_the_shorter_one() -> None:
    assert generate(300, 7)[:60] == generate(60, 7)


def test_domains_come_in_turn_and_queries_are_different() -> None:
    problems = generate(300, 0)
    assert [p.domain for p in problems[:6]] == [*DOMAINS, *DOMAINS]
    assert len({p.query for p in problems}) == len({p.query_id for p in problems}) == 300
    assert {p.dataset for p in problems} == {"tiny-world"}


def test_splits_share_no_query_whatever_the_seeds() -> None:
    train = {p.query for seed in range(2) for p in generate(300, seed)}
    other = {p.query for seed in range(2) for split in ("test", "ood") for p in generate(120, seed, split=split)}
    assert not train & other


def test_pretraining_sees_no_held_out_query() -> None:
    assert not any(held_out(query) for query, _ in islice(corpus(0, Knowledge()), 1500))


def test_every_held_out_question_is_about_something_that_training_asks_about() -> None:
    def patterns(split: str, n: int) -> set[str]:
        return {exercise.pattern for exercise in exercises(n, 0, split=split)}  # type: ignore[arg-type]

    assert patterns("test", 300) <= patterns("train", 4500)


def test_ood_problems_are_of_other_skills_than_training() -> None:
    skills = {split: {p.skill for p in generate(300, 0, split=split)} for split in ("train", "ood")}  # type: ignore[arg-type]
    assert not skills["train"] & skills["ood"]


def test_asking_for_more_than_there_is_says_how_many_there_are() -> None:
    with pytest.raises(ValueError, match=r"has only about 1\d\d ood problems of domain qa"):
        generate(2000, 0, domains=["qa"], split="ood")


def test_the_right_response_gives_the_gold_answer_and_wrong_ones_do_not(some: list[Exercise]) -> None:
    for exercise in some:
        if exercise.problem.gold is not None:
            assert answer_of(exercise.right) == exercise.problem.gold
            assert exercise.problem.gold not in {answer_of(wrong) for wrong in exercise.wrong}


def test_right_arithmetic_adds_up(some: list[Exercise]) -> None:
    for exercise in (e for e in some if e.problem.domain == "math"):
        steps = re.findall(r"(\d+) ([-+*/]) (\d+) = (\d+)", exercise.right)
        assert steps
        for left, operation, right, result in steps:
            a, b = int(left), int(right)
            assert {"+": a + b, "-": a - b, "*": a * b, "/": a / b}[operation] == int(result)


def test_code_tests_pass_with_the_right_function_and_fail_with_each_wrong_one(some: list[Exercise]) -> None:
    programs = []
    for exercise in (e for e in some if e.problem.domain == "code"):
        for response in (exercise.right, *exercise.wrong):
            source = re.findall(r"```python\n(.*?)```", response, re.DOTALL)[-1]
            programs.append((source, exercise.problem.tests, response == exercise.right))
    runner = (
        "import ast, sys\n"
        "for source, tests, expected in ast.literal_eval(sys.stdin.read()):\n"
        "    space = {}\n"
        "    exec(source, space)\n"
        "    try:\n"
        "        exec(tests, space)\n"
        "        passed = True\n"
        "    except Exception:\n"
        "        passed = False\n"
        "    assert passed == expected, (source, tests)\n"
    )
    done = subprocess.run([sys.executable, "-c", runner], input=repr(programs), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_no_query_holds_its_answer(some: list[Exercise]) -> None:
    for exercise in some:
        problem = exercise.problem
        if problem.tests is not None:
            shown = problem.query.split("For example ")[1].removesuffix(".")
            assert f"assert {shown}" not in problem.tests.splitlines()
            body = ast.unparse(ast.parse(exercise.right.split("```python\n")[1].removesuffix("```")).body[0].body[0])  # type: ignore[attr-defined]
            assert body not in problem.query
        elif problem.domain == "qa" and not problem.skill.startswith(("qa/choice_", "qa/who_")):
            assert problem.gold
            assert problem.gold not in problem.query


def test_a_choice_is_not_always_the_same_letter() -> None:
    golds = [p.gold for p in generate(400, 0, domains=["qa"]) if p.skill.startswith("qa/choice_")]
    assert set(golds) == set("ABCD")


def test_relatives_live_in_one_region_and_a_trade_implies_its_tool() -> None:
    regions, tools = defaultdict(set), defaultdict(set)
    for person in PEOPLE:
        regions[person.split()[1]].add(FACTS[person, "region"].value)
        tools[FACTS[person, "trade"].value].add(FACTS[person, "tool"].value)
    assert all(len(found) == 1 for found in (*regions.values(), *tools.values()))
    assert len(set().union(*regions.values())) > 1


def test_demonstrations_are_right_as_often_as_the_belief_says() -> None:
    knowledge, rng = Knowledge(), Random(0)
    exercise = exercises(1, 0)[0]
    right = mean(demonstration(exercise, rng, knowledge) == exercise.right for _ in range(4000))
    assert right == pytest.approx(knowledge.belief(exercise.pattern), abs=0.03)


def test_about_half_of_all_knowledge_is_mostly_right() -> None:
    knowledge = Knowledge()
    beliefs = [knowledge.belief(pattern) for pattern in sorted({e.pattern for e in exercises(1500, 0)})]
    assert mean(belief > 0.5 for belief in beliefs) == pytest.approx(0.5, abs=0.1)
