"""What programs do: run on inputs found in the prompt and derived from those, so that equal behaviour can be recognised.

Inputs depend on the prompt alone (`memgraph.domains.checks.trials`), so a program's behaviour is a property of its answer node,
whoever wrote it, and a program cannot choose what it is tried on. Programs run in the sandbox only.

What a program's interpreter prints was written by the program, whatever our own lines in it say. So it is read as a
stranger's: a list of short texts, or nothing. Processor time bounds a run, which does not depend on what else the machine
does. A run that the clock ended is no finding, and is told apart from a program that did not run.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from memgraph.domains.checks.trials import Trial, literal
from memgraph.sandbox import Library, Limits, SandboxResult, run_python
from memgraph.store.keys import key_of

BEHAVIOUR_VERSION: Final = "3"  # a new one needs a migration like V0011, so that programs are tried again
_LIMITS: Final = Limits(seconds=15, cpu_seconds=4)
_LONGEST_SHOWN: Final = 500  # characters of a value that are compared

# the time of a call is processor time too: on a busy machine the clock runs on while the program waits
_HARNESS = """
import copy as _copy, json as _json, signal as _signal
def _over(*_):
    raise TimeoutError
_signal.signal(_signal.SIGPROF, _over)
_found = []
for _arguments in (lambda inf, infj: {inputs})(float('inf'), complex(0, float('inf'))):
    _signal.setitimer(_signal.ITIMER_PROF, 0.3)
    try:
        _value = {name}(*_copy.deepcopy(_arguments))
        if hasattr(_value, '__next__'):
            _value = list(_value)
        if getattr(_value, 'shape', None) == ():
            _value = _value.item()  # numpy shows its numbers otherwise than Python does
        _found.append(repr(_value)[:{longest}])
    except Exception as _error:
        _found.append('!' + type(_error).__name__)
    finally:
        _signal.setitimer(_signal.ITIMER_PROF, 0)
print({marker!r} + _json.dumps(_found))
"""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a program behaved.

    Attributes:
        key: equal for programs that did the same on every input; None where the program did not run at all.
        examples: share of the prompt's own examples that it got right, None where it shows none.
        runs: share of the inputs on which it raised nothing, None where the prompt gives nothing to run it on.
        reason: why there is no key, in our own words; None where there is one.
    """

    key: str | None
    examples: float | None
    runs: float | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Unobserved:
    """A program of which nothing was learned: the clock ended its run, or the sandbox failed.

    Attributes:
        reason: in words.
        in_sandbox: whether the program was started; False where the sandbox failed.
    """

    reason: str
    in_sandbox: bool


NOTHING_TO_RUN_ON: Final = Behaviour(None, None, None, "the prompt shows no function to call")


def did_not_run(trial: Trial, reason: str) -> Behaviour:
    """What is kept of a program that did not run."""
    return Behaviour(None, 0.0 if trial.expected else None, 0.0, reason)


def behaviours(
    trial: Trial,
    programs: Sequence[str],
    *,
    libraries: Sequence[Library] = (),
    limits: Limits = _LIMITS,
    workers: int | None = None,
) -> list[Behaviour | Unobserved]:
    """Run programs on a trial's inputs in the sandbox, in order; one does not take its neighbours with it.

    Args:
        libraries: packages that they may import beside Python's own.
        workers: how many run side by side (default: one for each core).
    """
    if not programs:
        return []
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        return list(pool.map(lambda program: _observed(trial, program, libraries, limits), programs))


def _observed(trial: Trial, program: str, libraries: Sequence[Library], limits: Limits) -> Behaviour | Unobserved:
    marker = secrets.token_hex(8)
    harness = _HARNESS.format(inputs=repr(list(trial.inputs)), name=trial.name, longest=_LONGEST_SHOWN, marker=marker)
    try:
        result = run_python(f"{program}\n{harness}", limits=limits, libraries=libraries)
    except Exception as error:  # whatever a program made of the sandbox, its neighbours are observed
        return Unobserved(f"{type(error).__name__}: {error}", in_sandbox=False)
    shown = _values(trial, result, marker)
    if isinstance(shown, list):
        return _behaviour(trial, shown)
    if result.status == "timeout" and result.seconds >= limits.seconds:
        return Unobserved(f"its run was ended after {limits.seconds:g} s by the clock", in_sandbox=True)
    return did_not_run(trial, shown)


def _values(trial: Trial, result: SandboxResult, marker: str) -> list[str] | str:
    """What it showed for each input, or why that cannot be used; nothing of its own words."""
    if result.status != "ok":
        return f"it did not come to its end ({result.status})"
    line = next((line for line in reversed(result.stdout.split("\n")) if line.startswith(marker)), None)
    if line is None:
        return "it printed no values"
    try:
        shown = json.loads(line.removeprefix(marker))
    except (ValueError, RecursionError):
        return "what it printed as its values is no JSON"
    if type(shown) is not list or len(shown) != len(trial.inputs):
        return "what it printed is no list of one value for each input"
    if not all(type(text) is str and len(text) <= _LONGEST_SHOWN for text in shown):
        return f"what it printed as a value is no text of at most {_LONGEST_SHOWN} characters"
    if all(text.startswith("!") for text in shown):
        return "it raised an error on every input"
    return shown


def _behaviour(trial: Trial, shown: Sequence[str]) -> Behaviour:
    examples = len(trial.expected)
    passed = [_equal(text, value) for text, value in zip(shown, trial.expected, strict=False)]
    return Behaviour(
        key_of("behaviour", BEHAVIOUR_VERSION, *shown),
        sum(passed) / examples if examples else None,
        sum(not text.startswith("!") for text in shown) / len(shown),
    )


def _equal(text: str, value: Any) -> bool:
    if text == repr(value):
        return True
    try:
        returned = literal(text)
        if isinstance(returned, float) and isinstance(value, int | float):
            return bool(returned == value or abs(returned - value) < 1e-6)
        return bool(returned == value)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return False
