"""Label-free checks of a response: what can be said about it without knowing the truth, as numbers for reward models.

A check is a function of a `Response` that returns features by name. Ingest runs them once on each new rollout and stores
what they find with it; a reward model uses those that its settings name. None of them spends a label, and none may reward
padding: what does not lead to the answer must not move a feature (tested).

    form        how it is written: length, layout, markers of reasoning
    arithmetic  equations that hold or don't and lead to the answer
    options     multiple choice: the chosen option against what the thinking says
    conclusion  the answer against the thinking's last words
    behaviour   programs: what they do on the prompt's inputs (of an answer, see `memgraph.rollouts.program_runs`)

A new check is a function in a file of its own and a line in `CHECKS`. Other features, or another order, need a new `CHECKS_VERSION`,
by which stored ones are known; rollouts that are stored keep the values of their time until they are read again.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Final

from memgraph.domains.checks.arithmetic import arithmetic
from memgraph.domains.checks.conclusion import conclusion
from memgraph.domains.checks.form import form
from memgraph.domains.checks.options import options
from memgraph.domains.checks.response import Response

__all__ = [
    "CHECKS",
    "CHECKS_PROPERTY",
    "CHECKS_VERSION",
    "CHECK_FEATURES",
    "Check",
    "Response",
    "check_vector",
    "run_checks",
]

Check = Callable[[Response], Mapping[str, float]]

CHECKS_VERSION: Final = 5
CHECKS_PROPERTY: Final = f"checks_{CHECKS_VERSION}"  # of a rollout's node
CHECKS: Final[dict[str, Check]] = {
    "form": form,
    "arithmetic": arithmetic,
    "options": options,
    "conclusion": conclusion,
}
ALL_CHECKS: Final = (*CHECKS, "behaviour")


def run_checks(response: Response) -> dict[str, float]:
    """Features of a response by the name `check_<check>_<feature>`; a check that does not apply gives none."""
    response = response.bounded()
    return {
        f"check_{name}_{feature}": float(value)
        for name, check in CHECKS.items()
        for feature, value in check(response).items()
    }


# every check applies to this one
CHECK_FEATURES: Final = tuple(
    run_checks(Response("What is 1 + 1?\nA. 2\nB. 3", "calculation", "1 + 1 = 2", "1 + 1 = 2", "A"))
)


def check_vector(response: Response) -> bytes:
    """The features in the order of `CHECK_FEATURES` as float32 bytes, NaN where a check does not apply."""
    values = run_checks(response)
    return struct.pack(f"<{len(CHECK_FEATURES)}f", *(values.get(name, float("nan")) for name in CHECK_FEATURES))
