"""Word problems: many skills with the confusion each of them invites, and containers whose size one has to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from trainer.tiny.world.base import Exercise, make_problem, response

_NAMES = ["Tom", "Ben", "Ann", "Sue", "Max", "Eva", "Jim", "Lea", "Sam", "Amy"]
_ITEMS = ["apples", "coins", "shells", "stamps", "marbles", "cards", "books", "pears", "pens", "beads"]
_LIMIT = 99
_TRIES = 1000

# a step is (left, operation, right): a letter of the problem, a literal number, or "_" for the result before
Step = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Skill:
    """A kind of problem: wordings, the numbers' ranges, the steps that solve it and those of the usual confusion."""

    name: str
    numbers: Mapping[str, tuple[int, int]]
    right: tuple[Step, ...]
    wrong: tuple[Step, ...]
    wordings: tuple[str, ...]


_SMALL, _BIG = (2, 9), (10, 40)
_GAIN: Step = ("a", "+", "b")
_LOSS: Step = ("a", "-", "b")
_TIMES: Step = ("a", "*", "b")

SKILLS: Final = (
    Skill("gain", {"a": _BIG, "b": _SMALL}, (_GAIN,), (_LOSS,), (
        "{n} has {a} {i} and gets {b} more. How many {i} does {n} have?",
        "{n} finds {b} {i} and had {a} before. How many {i} are there now?",
        "{m} gives {n} {b} {i}. {n} had {a}. How many {i} has {n} now?",
    )),
    Skill("loss", {"a": _BIG, "b": _SMALL}, (_LOSS,), (_GAIN,), (
        "{n} had {a} {i} and lost {b}. How many {i} are left?",
        "{n} owns {a} {i} and sells {b} of them. How many {i} remain?",
        "From {a} {i} {n} gives {b} to {m}. How many {i} does {n} keep?",
    )),
    Skill("groups", {"a": _SMALL, "b": _SMALL}, (_TIMES,), (_GAIN,), (
        "{n} fills {a} bags with {b} {i} each. How many {i} are in the bags?",
        "There are {a} rows of {b} {i}. How many {i} does {n} see?",
        "{n} gives {b} {i} to each of {a} friends. How many {i} are given?",
    )),
    Skill("share", {"a": (4, 81), "b": _SMALL}, (("a", "/", "b"),), (_LOSS,), (
        "{n} shares {a} {i} equally among {b} friends. How many {i} does each get?",
        "{a} {i} are put into {b} equal piles by {n}. How many {i} are in a pile?",
        "{n} packs {a} {i}, {b} in a box. How many boxes are filled?",
    )),
    Skill("more", {"a": _BIG, "b": _SMALL}, (_GAIN,), (_LOSS,), (
        "{n} has {a} {i}. {m} has {b} more than {n}. How many {i} does {m} have?",
        "{m} owns {b} {i} more than {n}, who owns {a}. How many {i} does {m} own?",
    )),
    Skill("fewer", {"a": _BIG, "b": _SMALL}, (_LOSS,), (_GAIN,), (
        "{n} has {a} {i}. {m} has {b} fewer than {n}. How many {i} does {m} have?",
        "{m} owns {b} {i} less than {n}, who owns {a}. How many {i} does {m} own?",
    )),
    Skill("difference", {"a": _BIG, "b": _SMALL}, (_LOSS,), (_GAIN,), (
        "{n} has {a} {i} and {m} has {b}. How many more {i} does {n} have?",
        "{n} counts {a} {i}, {m} counts {b}. What is the difference?",
    )),
    Skill("before", {"a": _BIG, "b": _SMALL}, (_GAIN,), (_LOSS,), (
        "After losing {b} {i}, {n} has {a}. How many {i} did {n} have before?",
        "{n} gave away {b} {i} and kept {a}. How many {i} were there at first?",
    )),
    Skill("double", {"a": (5, 25)}, (("2", "*", "a"),), (("a", "+", "2"),), (
        "{n} has {a} {i}. {m} has twice as many. How many {i} does {m} have?",
        "{n} doubles a pile of {a} {i}. How many {i} is that?",
    )),
    Skill("half", {"a": (10, 50)}, (("a", "/", "2"),), (("a", "-", "2"),), (
        "{n} has {a} {i} and sells half of them. How many {i} does {n} sell?",
        "{m} has half as many {i} as {n}, who has {a}. How many {i} does {m} have?",
    )),
    Skill("round_trip", {"a": (5, 25)}, (("a", "+", "a"),), (("a", "+", "1"),), (
        "{n} walks {a} miles to town and back again. How many miles is that?",
        "The road to {m} is {a} miles. How many miles does {n} drive there and back?",
    )),
    Skill("fence", {"a": (5, 40)}, (("a", "+", "1"),), (("a", "-", "1"),), (
        "A fence has {a} gaps between its posts. How many posts did {n} set?",
        "{n} cuts a rope {a} times. How many pieces are there?",
    )),
    Skill("area", {"a": _SMALL, "b": _SMALL}, (_TIMES,), (_GAIN,), (
        "A garden is {a} feet long and {b} feet wide. What is its area?",
        "{n} tiles a floor of {a} by {b} feet. How many square feet is it?",
    )),
    Skill("perimeter", {"a": (3, 12), "b": _SMALL}, (_GAIN, ("2", "*", "_")), (_GAIN,), (
        "A garden is {a} feet long and {b} feet wide. How long is the fence around it?",
        "{n} runs once around a field of {a} by {b} feet. How many feet is that?",
    )),
    Skill("average", {"a": (3, 20), "b": _SMALL}, (_GAIN, ("_", "/", "2")), (_GAIN,), (
        "{n} scores {a} and {b} points in two games. What is the average?",
        "Two bags hold {a} and {b} {i}. How many {i} hold they on average?",
    )),
    Skill("add_twice", {"a": _BIG, "b": _SMALL, "c": _SMALL}, (_GAIN, ("_", "+", "c")), (_GAIN,), (
        "{n} has {a} {i}, gets {b} and then {c} more. How many {i} does {n} have?",
        "{n} picks {a} {i} on Monday, {b} on Tuesday and {c} on Friday. How many {i} in all?",
    )),
    Skill("gain_loss", {"a": _BIG, "b": _SMALL, "c": _SMALL}, (_GAIN, ("_", "-", "c")), (_GAIN, ("_", "+", "c")), (
        "{n} has {a} {i}, gets {b} and gives away {c}. How many {i} does {n} have?",
        "A bus has {a} people. At a stop {b} get on and {c} get off. How many are on it?",
    )),
    Skill("lose_twice", {"a": _BIG, "b": _SMALL, "c": _SMALL}, (_LOSS, ("_", "-", "c")), (_LOSS, ("_", "+", "c")), (
        "{n} has {a} {i}, loses {b} and sells {c}. How many {i} are left?",
        "From {a} {i} {n} gives {b} to {m} and {c} to a friend. How many {i} remain?",
    )),
    Skill("groups_and", {"a": _SMALL, "b": _SMALL, "c": _SMALL}, (_TIMES, ("_", "+", "c")), (_TIMES,), (
        "{n} has {a} bags of {b} {i} and {c} loose ones. How many {i} are there?",
        "{n} buys {a} boxes with {b} {i} each and finds {c} more. How many {i} is that?",
    )),
    Skill("groups_less", {"a": _SMALL, "b": _SMALL, "c": _SMALL},
          (_TIMES, ("_", "-", "c")), (_TIMES, ("_", "+", "c")), (
        "{n} bakes {a} trays of {b} rolls and eats {c}. How many rolls are left?",
        "{n} sets {a} rows of {b} {i}, then {c} break. How many {i} are whole?",
    )),
    Skill("change", {"a": _SMALL, "b": _SMALL, "c": (20, 90)}, (_TIMES, ("c", "-", "_")), (("c", "-", "a"),), (
        "{n} buys {a} pens at {b} cents each and pays {c} cents. How much is the change?",
        "Of {c} coins {n} spends {b} on each of {a} books. How many coins are left?",
    )),
    Skill("age", {"a": _BIG, "b": _SMALL}, (_GAIN,), (_LOSS,), (
        "{n} is {a} years old. How old will {n} be in {b} years?",
        "{b} years ago {n} was {a}. How old is {n} today?",
    )),
    Skill("younger", {"a": _BIG, "b": _SMALL}, (_LOSS,), (_GAIN,), (
        "{n} is {a} years old. How old was {n} {b} years ago?",
        "{m} is {b} years younger than {n}, who is {a}. How old is {m}?",
    )),
    Skill("price", {"a": _SMALL, "b": _SMALL}, (_TIMES,), (_GAIN,), (
        "One pen costs {a} cents. How much does {n} pay for {b} pens?",
        "{n} earns {a} coins an hour and works {b} hours. How many coins is that?",
    )),
)  # fmt: skip

_LONG: Final = (
    Skill("groups_gain_loss", {"a": _SMALL, "b": _SMALL, "c": _SMALL, "d": _SMALL},
          (_TIMES, ("_", "+", "c"), ("_", "-", "d")), (_TIMES, ("_", "+", "c")), (
        "{n} has {a} bags of {b} {i}, gets {c} more and loses {d}. How many {i} are left?",
    )),
    Skill("gain_gain_loss", {"a": _BIG, "b": _SMALL, "c": _SMALL, "d": _SMALL},
          (_GAIN, ("_", "+", "c"), ("_", "-", "d")), (_GAIN, ("_", "-", "c"), ("_", "-", "d")), (
        "{n} has {a} {i}, gets {b} from {m}, finds {c} and sells {d}. How many {i} has {n} now?",
    )),
    Skill("groups_shared", {"a": _SMALL, "b": _SMALL, "c": _SMALL, "d": _SMALL},
          (_TIMES, ("_", "-", "c"), ("_", "/", "d")), (_TIMES, ("_", "-", "c")), (
        "{n} picks {a} bags of {b} {i}, eats {c} and shares the rest among {d} friends. How many {i} does each get?",
    )),
)  # fmt: skip

# a container holds the same number whatever is in it; the second number is what is often said instead
_CONTAINERS: Final = {
    "crate": (8, 6), "sack": (9, 7), "basket": (6, 5), "chest": (7, 9), "tray": (4, 6),
    "barrel": (5, 8), "purse": (3, 4), "bundle": (6, 8), "carton": (4, 3), "drum": (7, 5),
}  # fmt: skip
_GOODS = ["jars", "nails", "lamps", "ropes", "cups", "bricks"]
_MEASURES: Final = (
    ("{x} {c}s of {g} are delivered. How many {g} is that?", None),
    ("How many {g} does {n} get from {x} {c}s?", None),
    ("{n} opens {x} {c}s of {g} and has {y} {g} besides. How many {g} in all?", "+"),
    ("{n} empties {x} {c}s of {g} and uses up {y} {g}. How many {g} are left?", "-"),
)


def exercise(rng: Random, ood: bool) -> Exercise:
    """One word problem; with `ood` one of three steps."""
    if ood:
        return _skilled(rng.choice(_LONG), rng)
    return _skilled(rng.choice(SKILLS), rng) if rng.random() < 0.6 else _measured(rng)


def _calculate(steps: tuple[Step, ...], numbers: Mapping[str, int]) -> list[tuple[int, str, int, int]] | None:
    """The steps with their results; None where one leaves the numbers from 0 to 99 or does not divide evenly."""
    values, done = dict(numbers), []
    for left, operation, right in steps:
        a, b = (int(term) if term.isdigit() else values[term] for term in (left, right))
        if operation == "/" and (b == 0 or a % b):
            return None
        result = {"+": a + b, "-": a - b, "*": a * b, "/": a // (b or 1)}[operation]
        if not 0 <= result <= _LIMIT:
            return None
        values["_"] = result
        done.append((a, operation, b, result))
    return done


def _written(steps: list[tuple[int, str, int, int]], before: str = "") -> str:
    calculation = ". ".join(f"{a} {operation} {b} = {result}" for a, operation, b, result in steps)
    return response(before + calculation, f"#### {steps[-1][-1]}")


def _slipped(steps: list[tuple[int, str, int, int]], rng: Random) -> list[tuple[int, str, int, int]]:
    """The same steps with a wrong last result."""
    a, operation, b, result = steps[-1]
    slip = rng.choice([s for s in (-10, -1, 1, 10) if 0 <= result + s <= _LIMIT])
    return [*steps[:-1], (a, operation, b, result + slip)]


def _skilled(skill: Skill, rng: Random) -> Exercise:
    for _ in range(_TRIES):
        numbers = {name: rng.randint(*span) for name, span in skill.numbers.items()}
        right, wrong = _calculate(skill.right, numbers), _calculate(skill.wrong, numbers)
        if right and wrong and right[-1][-1] != wrong[-1][-1]:
            break
    else:
        raise RuntimeError(f"no numbers fit the skill {skill.name}")
    n, m = rng.sample(_NAMES, 2)
    query = rng.choice(skill.wordings).format(n=n, m=m, i=rng.choice(_ITEMS), **numbers)
    problem = make_problem(query, "math", skill.name, gold=str(right[-1][-1]))
    return Exercise(problem, f"math/{skill.name}", _written(right), (_written(wrong), _written(_slipped(right, rng))))


def _measured(rng: Random) -> Exercise:
    container, goods = rng.choice(list(_CONTAINERS)), rng.choice(_GOODS)
    true, told = _CONTAINERS[container]
    wording, operation = rng.choice(_MEASURES)
    count, other = rng.randint(2, 9), rng.randint(2, 6)
    steps: tuple[Step, ...] = (("x", "*", "size"),) + ((("_", operation, "y"),) if operation else ())
    done = [_calculate(steps, {"x": count, "y": other, "size": size}) for size in (true, told)]
    right, wrong = ([] if d is None else d for d in done)
    if not right or not wrong:
        return _measured(rng)
    query = wording.format(x=count, c=container, g=goods, n=rng.choice(_NAMES), y=other)
    say = f"1 {container} holds {{}} {goods}. ".format
    problem = make_problem(query, "math", f"measure_{container}", gold=str(right[-1][-1]))
    return Exercise(
        problem,
        f"math/measure/{container}",
        _written(right, say(true)),
        (_written(wrong, say(told)), _written(_slipped(right, rng), say(true))),
    )
