"""No program passes tests without being right, or makes its verdict "cannot tell", whatever the kernel withholds."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest

from memgraph.errors import SandboxError
from memgraph.sandbox import Limits, SandboxResult, run_python
from tests.unit.sandbox_attacks.modes import MODES, Mode, in_mode
from tests.unit.sandbox_attacks.verdicts import ATTACKS, KINDS, Attack

SHORT = Limits(seconds=2, cpu_seconds=1, memory_bytes=256 * 2**20)  # of attacks: one that takes longer has failed
AMPLE = Limits(
    seconds=20, cpu_seconds=10, memory_bytes=256 * 2**20
)  # of twins, on a machine that does other things too
Job = tuple[str, str, Limits]
Found = SandboxResult | str
TWIN = ATTACKS["leaves: leaves with 0"]


def attack_of(attack: Attack) -> Job:
    return attack.program, attack.tests, SHORT


def twin_of(attack: Attack) -> Job:
    return attack.twin, attack.tests, AMPLE


def run(jobs: Iterable[Job]) -> dict[Job, Found]:
    """Results, or what the sandbox failed with; equal jobs are run once."""

    def one(job: Job) -> Found:
        try:
            return run_python(job[0], tests=job[1], limits=job[2])
        except SandboxError as error:
            return f"the sandbox failed: {error}"

    different = list(dict.fromkeys(jobs))
    with ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:  # some wait for their end without a processor
        return dict(zip(different, pool.map(one, different), strict=True))


def possible(mode: Mode) -> Mode:
    if (missing := mode.missing()) is not None:
        pytest.skip(f"{mode.name}: {missing}")
    return mode


# a mode, and that one attack in so many of each kind is run in it
PARTS = [
    *(pytest.param((mode, step), id=f"{mode.name}, one in {step}") for mode, step in ((MODES[0], 12), (MODES[-1], 24))),
    *(pytest.param((mode, 1), id=mode.name, marks=pytest.mark.slow) for mode in MODES),
]


@pytest.fixture(scope="module", params=PARTS)
def part(request: pytest.FixtureRequest) -> tuple[Mode, int]:
    mode, step = request.param
    return possible(mode), step


@pytest.fixture(scope="module")
def mode(part: tuple[Mode, int]) -> Mode:
    return part[0]


@pytest.fixture(scope="module")
def kinds(part: tuple[Mode, int]) -> dict[str, dict[str, Attack]]:
    return {kind: dict(list(attacks.items())[:: part[1]]) for kind, attacks in KINDS.items()}


@pytest.fixture(scope="module")
def results(mode: Mode, kinds: dict[str, dict[str, Attack]]) -> dict[Job, Found]:
    """Of attacks and twins in a mode, side by side."""
    attacks = [attack for some in kinds.values() for attack in some.values()]
    return in_mode(mode, lambda: run(job for attack in attacks for job in (attack_of(attack), twin_of(attack))))


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_the_mode_is_what_it_is_called(mode: Mode) -> None:
    possible(mode)
    (result,) = in_mode(mode, lambda: run([twin_of(TWIN)])).values()
    assert isinstance(result, SandboxResult), result
    assert (result.status, set(result.isolation) - {"own user"}) == ("ok", mode.expected())
    assert ("own user" in result.isolation) <= mode.root
    assert mode.withheld or not mode.root or "own user" in result.isolation


def test_there_are_enough_attacks_and_each_kind_is_there() -> None:
    assert len(ATTACKS) >= 90
    assert all(len(attacks) >= 10 for attacks in KINDS.values())
    assert all(attack.program != attack.twin for attack in ATTACKS.values())


@pytest.mark.parametrize("kind", KINDS)
def test_no_attack_passes_and_none_ends_in_cannot_tell(
    kinds: dict[str, dict[str, Attack]], results: dict[Job, Found], kind: str
) -> None:
    wrong: dict[str, Found] = {}
    for name, attack in kinds[kind].items():
        found = results[attack_of(attack)]
        if isinstance(found, str) or found.status in ("ok", "unsupported"):
            wrong[name] = found
    assert not wrong


@pytest.mark.parametrize("kind", KINDS)
def test_harmless_programs_of_the_kind_pass(
    mode: Mode, kinds: dict[str, dict[str, Attack]], results: dict[Job, Found], kind: str
) -> None:
    """So that it was not a broken sandbox that stopped the attacks."""
    wrong: dict[str, Found] = {}
    for name, attack in kinds[kind].items():
        found = results[twin_of(attack)]
        if isinstance(found, str) or found.status != "ok" or set(found.isolation) - {"own user"} != mode.expected():
            wrong[name] = found
    assert not wrong
