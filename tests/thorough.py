"""How much of a large collection is tried: a part in `make test`, all of it in `make test-all`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest
from _pytest.mark.structures import ParameterSet
from hypothesis import settings

PROFILE = "thorough"  # of hypothesis: `pytest --hypothesis-profile=thorough`
_USUAL, _THOROUGH = 40, 100  # examples of a property test that does not say how many
_SHARE = 5  # of those that it says, one in so many without the profile
_SLOW = (pytest.mark.slow,)


def register() -> None:
    """The profile and the usual settings, of which no test fails because the machine is slow."""
    settings.register_profile("usual", max_examples=_USUAL, deadline=None)
    settings.register_profile(PROFILE, max_examples=_THOROUGH, deadline=None)
    settings.load_profile("usual")


def examples(most: int) -> settings:
    """Settings of a property test: `most` examples with the thorough profile, a fifth of them without."""
    thorough = settings.get_current_profile_name() == PROFILE
    return settings(max_examples=most if thorough else max(most // _SHARE, _USUAL))


def every(step: int, cases: Iterable[object]) -> list[ParameterSet]:
    """Cases as parameters: one in `step` always runs, the others are slow proofs."""
    return [pytest.param(case, marks=_SLOW if number % step else ()) for number, case in enumerate(cases)]


def first_of_each(cases: Mapping[str, Iterable[object]], count: int) -> list[ParameterSet]:
    """Cases by kind as parameters: the first `count` of each kind always run, the others are slow proofs."""
    return [
        pytest.param(case, id=f"{kind}-{number}", marks=_SLOW if number >= count else ())
        for kind, some in cases.items()
        for number, case in enumerate(some)
    ]
