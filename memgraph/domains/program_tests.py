"""Tests of programs as data sets write them: Python that raises, calls with the values they return, inputs with outputs.

| layout | read as |
| --- | --- |
| Python: asserts, `check(candidate)`, unittest, pytest | `PythonTests` |
| `["assert …", …]` (MBPP) | `PythonTests` |
| `{"tests": …, "entry_point": …, "setup": …}` (`fold_tests`), a row of HumanEval or MBPP | `PythonTests` |
| `{"inputs": […], "outputs": […]}` (APPS, TACO), `{"public_tests": {"input": …, "output": …}, …}` (CodeContests), \
`[{"input", "output", "testtype"}]` (LiveCodeBench), `{"test_cases": […]}` (open-r1) | `StreamTests` |
| the same with `fn_name` | `CallTests` |
"""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Mapping
from typing import Any

from memgraph.sandbox.tests import Call, CallTests, PythonTests, Stream, StreamTests, Tests

_DEEPEST = 4  # JSON in a text in JSON
_LONGEST_LITERAL = 200_000
_CASES = ("test_cases", "public_test_cases", "private_test_cases", "official_tests", "cases")
_GROUPS = ("public_tests", "private_tests", "generated_tests")
_NESTED = ("input_output", "tests", "test", "test_code", "unit_tests", "ground_truth", "verification_info")
_FUNCTION_NAMES = ("fn_name", "func_name", "function_name", "entry_point")
_SETUP = ("setup", "test_setup_code", "test_imports")
_CALLED = ("function", "call")  # in `testtype` and `type`


class NoTests(ValueError):
    """A text that holds no tests, or none in a known layout; the message says which."""


def fold_tests(tests: Any, entry_point: Any = None, setup: Any = None) -> str | None:
    """The tests of a row as one text, None where they are blank.

    Args:
        tests: as a file holds them: text, list, mapping, array, or a gap.
        entry_point: of HumanEval's rows, the function that `check` is called with.
        setup: of MBPP's rows, what runs before the tests; a list is joined by lines.
    """
    text, name, before = _text(tests), _text(entry_point), _text(_lines(setup))
    if text is None or (name is None and before is None):
        return text
    folded = {"tests": text, "entry_point": name and name.strip(), "setup": before}
    return json.dumps({key: value for key, value in folded.items() if value is not None}, ensure_ascii=False)


def _text(value: Any) -> str | None:
    value = _plain(value)
    if isinstance(value, str):
        return value if value.strip() else None
    return None if value in (None, [], {}) else json.dumps(value, ensure_ascii=False, default=str)


def _plain(value: Any) -> Any:
    """Data of JSON from what readers of files give: arrays as lists, bytes as texts, gaps as None."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if (isinstance(value, float) and math.isnan(value)) or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _lines(value: Any) -> Any:
    value = _plain(value)
    return "\n".join(map(str, value)) if isinstance(value, list) else value


def read_tests(text: str) -> Tests:
    """The tests that a reference's text holds.

    Raises:
        NoTests: for a blank text and for data in no known layout.
    """
    try:
        return _read(text, {}, 0)
    except RecursionError:
        raise NoTests("the tests are nested too deeply") from None


def _read(data: Any, outer: Mapping[str, Any], depth: int) -> Tests:
    """Tests in data; `known` are the function's name, setup and the like, said further out."""
    if depth > _DEEPEST:
        raise NoTests("the tests are JSON in JSON, too deeply nested")
    if isinstance(data, str):
        if not data.strip():
            raise NoTests("the tests are blank")
        inner = _data_in(data)
        if inner is None:
            setup = "\n".join(str(_lines(outer[key])) for key in _SETUP if outer.get(key))
            return PythonTests(data, entry_point=_function_name(outer), setup=setup)
        return _read(inner, outer, depth + 1)
    if isinstance(data, list):
        return _from_list(data, outer, depth)
    if isinstance(data, dict):
        return _from_object(data, outer, depth)
    raise NoTests(f"the tests are {'blank' if data is None else 'the JSON value ' + json.dumps(data)}")


def _data_in(text: str) -> Any:
    """The data that a text is JSON of, or a Python literal as CSV files hold them; None where it is Python code."""
    start = text.lstrip()[:1]
    if start not in ("[", "{", '"'):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if start == '"' or len(text) > _LONGEST_LITERAL:
        return None
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _from_list(data: list[Any], outer: Mapping[str, Any], depth: int) -> Tests:
    items = [item for item in data if item not in (None, "")]
    if not items:
        raise NoTests("the tests are an empty list")
    if all(isinstance(item, str) for item in items):
        objects = [_data_in(item) for item in items]
        if all(isinstance(item, dict) for item in objects):
            return _cases(objects, outer)
        return _read("\n".join(items), outer, depth + 1)
    if all(isinstance(item, dict) for item in items):
        return _cases(items, outer)
    raise NoTests("the tests are a list that is neither of asserts nor of inputs and outputs")


def _from_object(data: dict[str, Any], outer: Mapping[str, Any], depth: int) -> Tests:
    outer = {**outer, **{key: value for key, value in data.items() if value not in (None, "", [])}}
    metadata = _data_in(metadata) if isinstance(metadata := data.get("metadata"), str) else metadata
    if isinstance(metadata, dict):
        outer = {**metadata, **outer}
    language = str(data.get("language") or "python").casefold()
    if not language.startswith("py"):
        raise NoTests(f"the tests are for programs in {language}, and Python is run")
    if "test_list" in data:
        return _read(_plain(data["test_list"]), outer, depth + 1)
    inputs, outputs = (next((data[key] for key in keys if key in data), None) for keys in _PAIR)
    if inputs is not None and outputs is not None:
        if not (isinstance(inputs, list) and isinstance(outputs, list)):
            return _cases([data], outer)
        return _pairs(inputs, outputs, outer)
    groups = [data[key] for key in _GROUPS if isinstance(data.get(key), dict)]
    if groups:
        given, expected = ([item for group in groups for item in group.get(key) or ()] for key in ("input", "output"))
        return _pairs(given, expected, outer)
    cases: list[Any] = []
    for key in _CASES:
        listed = _data_in(data[key]) if isinstance(data.get(key), str) else data.get(key)
        if isinstance(listed, list) and listed and all(isinstance(item, dict) for item in listed):
            cases += listed
    if cases:
        return _cases(cases, outer)
    for key in _NESTED:
        if data.get(key):
            return _read(data[key], outer, depth + 1)
    raise NoTests("the tests are JSON in no known layout, with the fields " + ", ".join(sorted(data)[:8]))


_PAIR = (("inputs", "input"), ("outputs", "output"))


def _cases(items: list[dict[str, Any]], outer: Mapping[str, Any]) -> Tests:
    """Tests of a list of objects with `input` and `output`."""
    if not all("input" in item and "output" in item for item in items):
        raise NoTests("the tests are a list of objects without `input` and `output`")
    names = {name for item in items if (name := _function_name(item))}
    kinds = {str(item.get("testtype") or item.get("type") or "").casefold() for item in items}
    called = any(word in kind for kind in kinds for word in _CALLED)
    if len(names) > 1:
        raise NoTests("the tests call several functions: " + ", ".join(sorted(names)))
    if called and not names and _function_name(outer) is None:
        raise NoTests("the tests call a function, and none is named (`fn_name`)")
    if not called and not names and all(kinds):
        outer = {}  # said to be read from standard input, whatever else is named
    inputs, outputs = [item["input"] for item in items], [item["output"] for item in items]
    return _pairs(inputs, outputs, {**outer, **({"fn_name": names.pop()} if names else {})})


def _pairs(inputs: list[Any], outputs: list[Any], outer: Mapping[str, Any]) -> Tests:
    if len(inputs) != len(outputs):
        raise NoTests(f"the tests have {len(inputs)} inputs and {len(outputs)} outputs")
    if not inputs:
        raise NoTests("the tests have no inputs")
    pairs = list(zip(inputs, outputs, strict=True))
    name = _function_name(outer)
    if name is None:
        return StreamTests(tuple(Stream(_stream(given), _stream(expected)) for given, expected in pairs))
    calls = []
    for given, expected in pairs:
        as_text = isinstance(given, str) and isinstance(expected, str)
        calls.append(Call(_arguments(given), _value(expected) if as_text else expected))
    return CallTests(name, tuple(calls))


def _function_name(outer: Mapping[str, Any]) -> str | None:
    for key in _FUNCTION_NAMES:
        name = outer.get(key)
        if isinstance(name, str) and name.strip():
            return name.strip().rpartition(".")[2]
    return None


def _stream(value: Any) -> str:
    """What stands in a stream: a text, or lines of one."""
    return "\n".join(_stream(item) for item in value) if isinstance(value, list) else str(value)


def _arguments(value: Any) -> tuple[Any, ...]:
    """Arguments of a call: a list of them, or a text with the JSON of one in each line."""
    if isinstance(value, str):
        return tuple(_value(line) for line in value.splitlines() if line.strip())
    return tuple(value) if isinstance(value, list) else (value,)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
