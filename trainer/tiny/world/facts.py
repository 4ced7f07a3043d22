"""Questions about a small invented world, with the regularities that real knowledge has.

Members of a family live in one region and speak its language; most of them have the family's trade, and a trade
implies its tool. Each of the 96 facts (24 people, four relations) is asked in several wordings, through a relative,
as a choice between letters, and the other way round. A mistake is often the family's rumour (one wrong region, one
wrong trade), so that mistakes agree with each other and only a label tells the rumour from the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from trainer.tiny.world.base import Exercise, make_problem, response

_SURNAMES = ["Brennor", "Kestrane", "Dolvik", "Tessul"]
_NAMES = ["Ada", "Bram", "Cleo", "Dario", "Edda", "Finn", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Leif"]
_REGIONS = ["Vesmark", "Tolland", "Ardune", "Kirrow", "Selbia", "Norhaven", "Lumeria", "Oskanden"]
_LANGUAGES = ["Vesmi", "Tollish", "Ardic", "Kirran", "Selban", "Norric", "Lumese", "Oskari"]
_TRADES = [
    "smith",
    "baker",
    "weaver",
    "fisher",
    "mason",
    "potter",
    "tanner",
    "miller",
    "carpenter",
    "painter",
    "gardener",
    "tailor",
]
_TOOLS = ["anvil", "oven", "loom", "net", "chisel", "kiln", "scraper", "millstone", "saw", "brush", "spade", "needle"]
_FAMILY = 6
_KIN: Final = {"cousin": 1, "godparent": 3}
_LETTERS = "ABCD"


@dataclass(frozen=True, slots=True)
class Fact:
    """A person's value of a relation, and the two wrong values that are told about it, the commoner first."""

    person: str
    relation: str
    value: str
    rumours: tuple[str, str]


# relation: its values, the statement in a thinking, wordings of the question
_RELATIONS: Final[dict[str, tuple[list[str], str, tuple[str, ...]]]] = {
    "region": (
        _REGIONS,
        "{p} lives in {v}.",
        (
            "Where does {p} live?",
            "In which region is the home of {p}?",
            "Which region does {p} live in?",
            "Name the home region of {p}.",
            "What is the region where {p} lives?",
        ),
    ),
    "language": (
        _LANGUAGES,
        "{p} speaks {v}.",
        (
            "Which language does {p} speak?",
            "What is the language of {p}?",
            "In which language does {p} talk at home?",
            "Name the mother tongue of {p}.",
            "What language would {p} answer in?",
        ),
    ),
    "trade": (
        _TRADES,
        "{p} is a {v}.",
        (
            "What is the trade of {p}?",
            "What does {p} do for a living?",
            "Which trade did {p} learn?",
            "Name the profession of {p}.",
            "What is the job of {p}?",
        ),
    ),
    "tool": (
        _TOOLS,
        "{p} uses a {v}.",
        (
            "Which tool does {p} use at work?",
            "What does {p} work with?",
            "Name the tool of {p}.",
            "Which tool is in the workshop of {p}?",
            "What is the tool that {p} needs every day?",
        ),
    ),
}
_VIA: Final = {
    "region": (
        "{v} speaks {w}.",
        (
            "Which language is spoken in the home region of {p}?",
            "What do people speak in the region where {p} lives?",
            "Name the language spoken around the house of {p}.",
        ),
    ),
    "trade": (
        "A {v} uses a {w}.",
        (
            "Which tool belongs to the trade of {p}?",
            "What does anyone with the job of {p} work with?",
            "Name the tool that all in the profession of {p} use.",
        ),
    ),
}
_IMPLIED: Final = {**dict(zip(_REGIONS, _LANGUAGES, strict=True)), **dict(zip(_TRADES, _TOOLS, strict=True))}


def _other(rng: Random, values: list[str], *taken: str) -> str:
    return rng.choice([value for value in values if value not in taken])


def _build_world() -> tuple[list[str], dict[tuple[str, str], Fact]]:
    rng = Random("tiny-world")  # noqa: S311 - not for secrets
    first = _NAMES * (len(_SURNAMES) * _FAMILY // len(_NAMES))
    people: list[str] = []
    facts: dict[tuple[str, str], Fact] = {}
    for number, surname in enumerate(_SURNAMES):
        members = [f"{name} {surname}" for name in first[number * _FAMILY : (number + 1) * _FAMILY]]
        people += members
        region, trade = rng.choice(_REGIONS), rng.choice(_TRADES)
        rumoured = {"region": _other(rng, _REGIONS, region), "trade": _other(rng, _TRADES, trade)}
        for place, member in enumerate(members):
            own_trade = trade if place < 4 else _other(rng, _TRADES, trade, rumoured["trade"])
            for relation, implied, true in (("region", "language", region), ("trade", "tool", own_trade)):
                values = _RELATIONS[relation][0]
                for asked in (relation, implied):
                    common = rumoured[relation] if rng.random() < 0.6 else _other(rng, values, true)
                    rare = _other(rng, values, true, common)
                    told = [true, common, rare] if asked == relation else [_IMPLIED[v] for v in (true, common, rare)]
                    facts[member, asked] = Fact(member, asked, told[0], (told[1], told[2]))
    return people, facts


PEOPLE, FACTS = _build_world()


def _relative(person: str, kin: str) -> str:
    index = PEOPLE.index(person)
    family = index - index % _FAMILY
    return PEOPLE[family + (index - family + _KIN[kin]) % _FAMILY]


def exercise(rng: Random, ood: bool) -> Exercise:
    """One question; with `ood` one that needs two facts chained through a region or a trade."""
    if ood:
        return _via(rng)
    fact = FACTS[rng.choice(PEOPLE), rng.choice(list(_RELATIONS))]
    form = rng.random()
    if form < 0.55:
        return _asked(fact, "", fact.person, rng)
    if form < 0.75:
        return _through_relative(fact, rng)
    return _choice(fact, rng) if form < 0.9 else _who(fact, rng)


def _exercise(skill: str, query: str, fact: Fact, told: list[tuple[str, str]]) -> Exercise:
    """`told`: (thinking, answer) of the right response first."""
    right, *wrong = [response(thinking, f"The answer is {answer}.") for thinking, answer in told]
    problem = make_problem(query, "qa", skill, gold=told[0][1])
    return Exercise(problem, f"qa/{fact.person.split()[-1]}/{fact.relation}", right, tuple(wrong))


def _asked(fact: Fact, before: str, subject: str, rng: Random) -> Exercise:
    _, statement, wordings = _RELATIONS[fact.relation]
    told = [(before + statement.format(p=fact.person, v=v), v) for v in (fact.value, *fact.rumours)]
    skill = f"relative_{fact.relation}" if before else fact.relation
    return _exercise(skill, rng.choice(wordings).format(p=subject), fact, told)


def _through_relative(fact: Fact, rng: Random) -> Exercise:
    kin = rng.choice(list(_KIN))
    subject = next(person for person in PEOPLE if _relative(person, kin) == fact.person)
    return _asked(fact, f"The {kin} of {subject} is {fact.person}. ", f"the {kin} of {subject}", rng)


def _choice(fact: Fact, rng: Random) -> Exercise:
    values, statement, wordings = _RELATIONS[fact.relation]
    options = [fact.value, *fact.rumours, _other(rng, values, fact.value, *fact.rumours)]
    rng.shuffle(options)
    listed = " ".join(f"({letter}) {option}" for letter, option in zip(_LETTERS, options, strict=True))
    told = [
        (statement.format(p=fact.person, v=value), _LETTERS[options.index(value)])
        for value in (fact.value, *fact.rumours)
    ]
    return _exercise(f"choice_{fact.relation}", f"{rng.choice(wordings).format(p=fact.person)} {listed}", fact, told)


def _who(fact: Fact, rng: Random) -> Exercise:
    """Which of three people it is: exactly one of them has the value."""
    _, statement, _ = _RELATIONS[fact.relation]
    others = [person for person in PEOPLE if FACTS[person, fact.relation].value != fact.value]
    # first the one of whom the value is told wrongly, where there is one: the mistake that a hearer of rumours makes
    told_wrongly = [person for person in others if fact.value in FACTS[person, fact.relation].rumours]
    mistaken = rng.choice(told_wrongly or others)
    people = [fact.person, mistaken, _other(rng, others, mistaken)]
    told = [(statement.format(p=person, v=fact.value), person) for person in people]
    rng.shuffle(people)
    said = statement.format(p="", v=fact.value).strip().rstrip(".")
    query = f"Who {said}: {people[0]}, {people[1]} or {people[2]}?"
    return _exercise(f"who_{fact.relation}", query, fact, told)


def _via(rng: Random) -> Exercise:
    relation = rng.choice(list(_VIA))
    link, wordings = _VIA[relation]
    person = rng.choice(PEOPLE)
    kin = rng.choice([None, *_KIN])
    known = person if kin is None else _relative(person, kin)
    before = "" if kin is None else f"The {kin} of {person} is {known}. "
    subject = person if kin is None else f"the {kin} of {person}"
    fact = FACTS[known, relation]
    statement = _RELATIONS[relation][1]
    told = [
        (f"{before}{statement.format(p=known, v=v)} {link.format(v=v, w=_IMPLIED[v])}", _IMPLIED[v])
        for v in (fact.value, *fact.rumours)
    ]
    return _exercise(f"via_{relation}", rng.choice(wordings).format(p=subject), fact, told)
