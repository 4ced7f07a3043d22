"""Objects of the other side, as the tests see them: what Python does with an object is asked for there.

A comparison with plain data happens here, on what plain data the object holds: the program is never told what it is
compared with, and no number counts that it made knowing it.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from .peer import Peer

SPECIAL: dict[str, Callable[..., Any]] = {
    "__len__": len,
    "__bool__": bool,
    "__iter__": iter,
    "__next__": next,
    "__reversed__": reversed,
    "__str__": str,
    "__repr__": repr,
    "__int__": int,
    "__float__": float,
    "__abs__": abs,
    "__round__": round,
    "__index__": operator.index,
    "__await__": lambda awaitable: _awaited(awaitable),
    "__neg__": operator.neg,
    "__getitem__": operator.getitem,
    "__setitem__": operator.setitem,
    "__delitem__": operator.delitem,
    "__enter__": lambda manager: type(manager).__enter__(manager),
    "__exit__": lambda manager, *_: type(manager).__exit__(manager, None, None, None),
}
_NUMBERS = {"__int__", "__float__", "__round__", "__index__", "__bool__", "__abs__", "__neg__"}
COMPARISONS = {name: getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")}
ARITHMETIC = {
    name.strip("_"): getattr(operator, name)
    for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_", "xor")
}


def _awaited(awaitable: Any) -> Any:
    """The value of a coroutine of the program, in a loop of its own."""
    import asyncio

    async def value() -> Any:
        return await awaitable

    return asyncio.run(value())


class Remote:
    """An object of the other side.

    Args:
        plain: whether its class is derived from one of plain data.
        mixed: whether it came from an operation with data of the tests. It is then no number for them, as the program may
            have made it of what it was to be compared with.
    """

    __slots__ = ("_handle", "_mixed", "_peer", "_plain")

    def __init__(self, peer: Peer, handle: int, plain: bool, mixed: bool = False) -> None:
        object.__setattr__(self, "_peer", peer)
        object.__setattr__(self, "_handle", handle)
        object.__setattr__(self, "_plain", plain)
        object.__setattr__(self, "_mixed", mixed)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call it there."""
        return _peer(self).ask({"op": "call", "of": handle_of(self)}, arguments, named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__name__":  # what Python looks up by itself
            raise AttributeError(name)
        return _peer(self).ask({"op": "get", "of": handle_of(self), "name": name})

    def __setattr__(self, name: str, value: Any) -> None:
        _peer(self).ask({"op": "set", "of": handle_of(self), "name": name}, [value])

    def __instancecheck__(self, value: Any) -> bool:
        return type(value) is Remote and bool(_peer(self).ask({"op": "isinstance", "of": handle_of(self)}, [value]))

    def __mro_entries__(self, bases: Any) -> NoReturn:
        _peer(self).end("unsupported", "the tests derive a class from one of the program's")

    def __hash__(self) -> int:
        return hash(handle_of(self))


def handle_of(remote: Any) -> int:
    """The number that it stands for."""
    return int(object.__getattribute__(remote, "_handle"))


def _peer(remote: Any) -> Peer:
    peer: Peer = object.__getattribute__(remote, "_peer")
    return peer


def _mixed(remote: Any) -> bool:
    return bool(object.__getattribute__(remote, "_mixed"))


def _as_mixed(value: Any) -> Remote:
    """What a program makes of data of the tests: an object, but no plain data, which could be what the tests want.

    Raises:
        TypeError: for anything but an object.
    """
    if type(value) is not Remote:
        raise TypeError("an object of the program's own class was combined with plain data")
    return Remote(_peer(value), handle_of(value), object.__getattribute__(value, "_plain"), True)


def _plain(remote: Any) -> Any:
    """The plain data in the object now.

    Raises:
        TypeError: if it holds none.
    """
    if not object.__getattribute__(remote, "_plain") or _mixed(remote):
        raise TypeError("an object of the program's own class was compared or combined with plain data")
    value = _peer(remote).ask({"op": "plain", "of": handle_of(remote)})
    if type(value) is Remote:
        raise TypeError("the program gave no plain data")
    return value


def _await(self: Remote) -> Any:
    return _peer(self).ask({"op": "special", "of": handle_of(self), "name": "__await__"})
    yield  # a generator, as Python wants it


def _special(name: str) -> Callable[..., Any]:
    def method(self: Remote, *arguments: Any) -> Any:
        if name == "__exit__":
            arguments = ()
        value = _peer(self).ask({"op": "special", "of": handle_of(self), "name": name}, arguments)
        return _as_mixed(value) if _mixed(self) and name in _NUMBERS else value

    return method


def _binary(self: Remote, other: Any, name: str, *, swapped: bool = False) -> Any:
    return _peer(self).ask({"op": "binary", "of": handle_of(self), "name": name, "swapped": swapped}, [other])


def _agrees_with_all(remote: Any) -> bool:
    """Whether an object calls itself equal to something that it has never seen."""
    try:
        return bool(_binary(remote, os.urandom(8).hex(), "eq"))
    except Exception:
        return False


def _comparison(name: str) -> Callable[[Remote, Any], Any]:
    def method(self: Remote, other: Any) -> Any:
        if type(other) is Remote:
            holds = bool(_binary(self, other, name))
            return holds and not (name == "eq" and _agrees_with_all(self))
        try:
            return COMPARISONS[name](_plain(self), other)
        except TypeError:
            if name in ("eq", "ne"):
                return name == "ne"
            raise

    return method


def _arithmetic(name: str, *, swapped: bool) -> Callable[[Remote, Any], Any]:
    def method(self: Remote, other: Any) -> Any:
        if type(other) is not Remote:
            try:
                own = _plain(self)
            except TypeError:
                return _as_mixed(_binary(self, other, name, swapped=swapped))
            return ARITHMETIC[name](other, own) if swapped else ARITHMETIC[name](own, other)
        return _binary(self, other, name, swapped=swapped)

    return method


for _name in SPECIAL:
    setattr(Remote, _name, _special(_name))
setattr(Remote, "__await__", _await)  # noqa: B010 (as the others)
for _name in COMPARISONS:
    setattr(Remote, f"__{_name}__", _comparison(_name))
for _name in ARITHMETIC:
    setattr(Remote, f"__{_name}__", _arithmetic(_name, swapped=False))
    setattr(Remote, f"__r{_name}__", _arithmetic(_name, swapped=True))
