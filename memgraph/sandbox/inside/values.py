"""What crosses between tests and program: plain data as JSON, and everything else as a number that stands for it.

Only types that are exactly Python's own arrive as data, so what the tests compare has Python's own `==`, whatever the
program wrote into its classes. JSON, and not pickle, because reading a pickle lets its writer change classes.
"""

from __future__ import annotations

import builtins
import math
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from typing import Any

_LONGEST_PLAIN_INTEGER = 63
_SEQUENCES: dict[str, Callable[[list[Any]], Any]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "deque": deque,
}
_MAPPINGS: dict[str, Callable[[list[Any]], Any]] = {"dict": dict, "OrderedDict": OrderedDict}
_AS_TEXT = {"decimal": ("Decimal",), "fractions": ("Fraction",)}
_IN_ISO = {"datetime": ("datetime", "date", "time")}
_ARRAY_KINDS = "biufcUS"
PLAIN_BASES = (bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset, deque)

Stand = Callable[[Any], dict[str, Any]]
"""Gives a number for an object that is not plain data."""


def encode(value: Any, stand: Stand) -> Any:
    """A value as JSON data; `stand` is asked for whatever is not plain."""
    kind: type = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if value.bit_length() <= _LONGEST_PLAIN_INTEGER else {"int": hex(value)}
    if kind is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if kind is list:
        return [encode(item, stand) for item in value]
    name = kind.__name__
    if name in _SEQUENCES and kind is _CLASSES[name]:
        return {name: [encode(item, stand) for item in value]}
    if kind in (dict, OrderedDict) or (kind.__module__, name) == ("collections", "defaultdict"):
        name = name if name in _MAPPINGS else "dict"
        return {name: [[encode(key, stand), encode(item, stand)] for key, item in value.items()]}
    if kind is Counter:
        return {"Counter": [[encode(key, stand), encode(item, stand)] for key, item in value.items()]}
    if kind is bytes or kind is bytearray:
        return {name: value.hex()}
    if kind is complex:
        return {"complex": [encode(value.real, stand), encode(value.imag, stand)]}
    if kind is range or kind is slice:
        return {name: [encode(part, stand) for part in (value.start, value.stop, value.step)]}
    if name in _AS_TEXT.get(kind.__module__, ()):
        return {name: str(value)}
    if name in _IN_ISO.get(kind.__module__, ()):
        return {name: value.isoformat()}
    if (kind.__module__, name) == ("datetime", "timedelta"):
        return {name: [value.days, value.seconds, value.microseconds]}
    if kind.__module__ == "numpy":
        array = _array(value)
        if array is not None:
            return array
    if isinstance(value, type) and vars(builtins).get(type_name := str(value.__name__)) is value:
        return {"builtin": type_name}
    return stand(value)


def decode(data: Any, meant: Callable[[dict[str, Any]], Any]) -> Any:
    """The value again; `meant` is asked what stands behind a number.

    Raises:
        ValueError, TypeError, ArithmeticError, LookupError, AttributeError: for anything that `encode` does not write.
    """
    if isinstance(data, list):
        return [decode(item, meant) for item in data]
    if not isinstance(data, dict):
        return data
    if "stand" in data:
        return meant(data)
    ((name, content),) = data.items()
    if name in _SEQUENCES:
        return _SEQUENCES[name]([decode(item, meant) for item in content])
    if name in _MAPPINGS:
        return _MAPPINGS[name]([(decode(key, meant), decode(item, meant)) for key, item in content])
    return _RARE[name](decode(content, meant))


def _array(value: Any) -> dict[str, Any] | None:
    """An array of numbers or texts as its bytes, a number of numpy's as Python's own; None for anything else."""
    if type(value).__name__ != "ndarray":
        number = value.item() if hasattr(value, "item") else None
        return {"number": encode(number, _refused)} if type(number) in (bool, int, float, complex, str) else None
    if value.dtype.kind not in _ARRAY_KINDS:
        return None
    return {"ndarray": [value.dtype.str, list(value.shape), value.tobytes().hex()]}


def _refused(_: Any) -> dict[str, Any]:
    raise TypeError("no plain data")


def _array_of(parts: list[Any]) -> Any:
    import numpy

    kind, shape, data = parts
    dtype = numpy.dtype(str(kind))
    if dtype.kind not in _ARRAY_KINDS or dtype.hasobject:
        raise TypeError("no array of numbers")
    return numpy.frombuffer(bytes.fromhex(data), dtype).reshape(shape).copy()


def plain_of(value: Any) -> Any:
    """The plain data in an object whose class is derived from a plain one, without asking that class.

    Raises:
        TypeError: if there is none.
    """
    for base, exact in _EXACT.items():
        if isinstance(value, base):
            return exact(value)
    raise TypeError(f"{type(value).__name__} is not made of plain data")


def _builtin(name: str) -> type:
    builtin = getattr(builtins, name)
    if not isinstance(builtin, type):
        raise TypeError(f"{name} is not a type")
    return builtin


def _named(module: str, name: str) -> Any:
    return getattr(__import__(module), name)


_CLASSES: dict[str, type] = {"tuple": tuple, "set": set, "frozenset": frozenset, "deque": deque}
_EXACT: dict[type, Callable[[Any], Any]] = {
    list: lambda value: list(list.__iter__(value)),
    tuple: lambda value: tuple(tuple.__iter__(value)),
    set: lambda value: set(set.__iter__(value)),
    frozenset: lambda value: frozenset(frozenset.__iter__(value)),
    deque: lambda value: deque(deque.__iter__(value)),
    dict: lambda value: dict(dict.items(value)),
    int: lambda value: int.__index__(value),
    float: lambda value: float.__pos__(value),
    complex: lambda value: complex.__add__(value, 0),
    str: lambda value: str.__getitem__(value, slice(None)) + "",
    bytes: lambda value: bytes.__getitem__(value, slice(None)) + b"",
}
_RARE: dict[str, Callable[[Any], Any]] = {
    "int": lambda text: int(text, 16),
    "float": lambda text: float(text),
    "bytes": bytes.fromhex,
    "bytearray": bytearray.fromhex,
    "Counter": lambda pairs: Counter(dict(pairs)),
    "complex": lambda parts: complex(*parts),
    "range": lambda parts: range(*parts),
    "slice": lambda parts: slice(*parts),
    "Decimal": lambda text: _named("decimal", "Decimal")(text),
    "Fraction": lambda text: _named("fractions", "Fraction")(text),
    "datetime": lambda text: _named("datetime", "datetime").fromisoformat(text),
    "date": lambda text: _named("datetime", "date").fromisoformat(text),
    "time": lambda text: _named("datetime", "time").fromisoformat(text),
    "timedelta": lambda parts: _named("datetime", "timedelta")(*parts),
    "builtin": _builtin,
    "ndarray": _array_of,
    "number": lambda number: number,
}
