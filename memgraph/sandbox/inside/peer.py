"""Calls between two interpreters over a pair of pipes: tests call the program's functions as if they were their own.

    tests:  f(x)  ──► {"op": "call", "of": 3, "args": […]}  ──►  program: its own f
            value ◄── {"value": …, "changed": [[0, …]]}     ◄──  (arguments that it changed in place)

What is not plain data stays where it is; the other side holds a `Remote` for it. A comparison of such an object with
plain data happens on the tests' side: the program is never told what it is compared with.
"""

from __future__ import annotations

import json
import os
from _thread import RLock
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NoReturn

from .exceptions import known_exception
from .remote import ARITHMETIC, COMPARISONS, SPECIAL, Remote, handle_of
from .values import PLAIN_BASES, decode, encode, plain_of

_CHANGEABLE = (list, dict, set, bytearray, deque)
_LENGTH = 8
_LONGEST = 2**26
_END_OF_LOOP = (StopIteration, StopAsyncIteration)

_LENT = {"__iter__", "__next__", "__bool__"}  # what a program may do with a function or iterator of the tests, but call


class _StaysHere(TypeError):
    """An object of the tests that cannot leave their interpreter."""


class Peer:
    """One end of the pair.

    Args:
        incoming, outgoing: file descriptors.
        trusting: whether the other side may do anything with our objects (the program's end), or only call the functions
            and advance the iterators that it was given (the tests' end).
        end: called, and not to return, with a status and a reason, when they cannot go on: "exit" if the other side is
            gone, "error" if it writes nonsense, "unsupported" if the tests hand over what cannot leave their interpreter.
    """

    def __init__(self, incoming: int, outgoing: int, *, trusting: bool, end: Callable[[str, str], NoReturn]) -> None:
        self._incoming, self._outgoing = incoming, outgoing
        self._trusting = trusting
        self.end = end
        self._objects: dict[int, Any] = {}
        self._classes: dict[int, type[Exception]] = {}
        self._remotes: dict[int, Remote] = {}
        self._turn = RLock()
        self.calls = 0

    # messages

    def send(self, message: dict[str, Any]) -> None:
        """Write one message."""
        data = json.dumps(message).encode()
        data = len(data).to_bytes(_LENGTH, "big") + data
        while data:
            try:
                data = data[os.write(self._outgoing, data) :]
            except OSError:
                self.end("exit", "the program left")

    def receive(self) -> dict[str, Any]:
        """Wait for one message."""
        size = int.from_bytes(self._read(_LENGTH), "big")
        if size > _LONGEST:
            self.end("error", f"a value of {size} bytes, more than {_LONGEST}")
        try:
            message = json.loads(self._read(size))
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            self.end("error", "the program broke into the exchange with its tests")
        return message

    def _read(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            chunk = os.read(self._incoming, min(size - len(parts), 2**20))
            if not chunk:
                self.end("exit", "the program left")
            parts += chunk
        return bytes(parts)

    # asking

    def ask(
        self, message: dict[str, Any], arguments: Sequence[Any] = (), named: Mapping[str, Any] = MappingProxyType({})
    ) -> Any:
        """Send a request and return its answer; meanwhile the other side may call back.

        Raises:
            Exception: what the other side raised, as the same built-in class or a stand-in derived from one.
        """
        self.calls += 1
        message["args"], message["named"] = self.handed(arguments, named)
        try:
            with self._turn:  # threads of the tests call one after the other
                self.send(message)
                while "op" in (reply := self.receive()):
                    self.serve(reply)
        except BaseException as error:  # half a conversation cannot be gone on with
            self.end("error", f"a call of the program was interrupted: {type(error).__name__}")
        if "error" in reply:
            raise self._error(reply["error"], ends_loops=message.get("name") == "__next__")
        for position, content in reply.get("changed", ()):
            _put_into(arguments[position], self.decode(content))
        return self.decode(reply.get("value"))

    def handed(self, arguments: Sequence[Any], named: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Arguments as data; ends it where one cannot leave the tests' interpreter."""
        try:
            return [self.encode(item) for item in arguments], {key: self.encode(item) for key, item in named.items()}
        except _StaysHere as error:
            self.end("unsupported", f"the tests hand the program {error}")

    def _error(self, data: dict[str, Any], *, ends_loops: bool) -> Exception:
        kind, text = self.decode(data["class"]), str(data["text"])
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            return RuntimeError(text)
        if issubclass(kind, _END_OF_LOOP) and not ends_loops:  # would end a loop of the tests early
            return RuntimeError(f"{kind.__name__} {text}")
        arguments = self.decode(data["args"])
        try:
            error = kind(*arguments)
        except Exception:  # as json's, which are made of more than they keep
            error = kind.__new__(kind, text)
        if kind in self._classes.values():
            error.program = self.decode(data["object"])  # type: ignore[attr-defined]
        return error

    # answering

    def serve(self, request: dict[str, Any]) -> None:
        """Do what the other side asks for and send the answer."""
        try:
            reply = self._answer(request)
        except Exception as error:
            reply = {"error": self._described(error)}
        self.send(reply)

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        op, name = request["op"], str(request.get("name"))
        if not self._trusting and not (op == "call" or (op == "special" and name in _LENT)):
            raise TypeError("the tests' objects can only be called and iterated")
        target = self._objects[request["of"]]
        arguments = [self.decode(argument) for argument in request["args"]]
        before = [self.encode(item) if _changeable(item) else None for item in arguments]
        if op == "call":
            named = {key: self.decode(item) for key, item in request["named"].items()}
            value = target(*arguments, **named)
        elif op == "special":
            value = SPECIAL[name](target, *arguments)
        elif op == "binary":
            left, right = (arguments[0], target) if request["swapped"] else (target, arguments[0])
            value = {**COMPARISONS, **ARITHMETIC}[name](left, right)
        elif op == "get":
            value = getattr(target, name)
        elif op == "set":
            setattr(target, name, arguments[0])
            value = None
        elif op == "isinstance":
            value = isinstance(arguments[0], target)
        else:
            value = plain_of(target)
        after = [self.encode(item) if _changeable(item) else None for item in arguments]
        changed = [[place, new] for place, (new, old) in enumerate(zip(after, before, strict=True)) if new != old]
        return {"value": self.encode(value), "changed": changed}

    def _described(self, error: Exception) -> dict[str, Any]:
        arguments = [
            argument if type(argument) in (str, int, float, bool) else str(argument) for argument in error.args
        ]
        shared = self._trusting or type(error).__module__ == "builtins"
        return {
            "class": self.encode(type(error) if shared else RuntimeError),
            "text": str(error)[:500],
            "args": [self.encode(argument) for argument in arguments],
            "object": self._stand(error) if self._trusting else None,
        }

    # values

    def encode(self, value: Any) -> Any:
        """A value for the other side; from the tests only data, functions and iterators."""
        return encode(value, self._stand)

    def decode(self, data: Any) -> Any:
        """A value from the other side; nonsense ends the conversation."""
        try:
            return decode(data, self._meant)
        except Exception as error:
            self.end("error", f"the program sent no value: {type(error).__name__}")

    def _stand(self, value: Any) -> dict[str, Any]:
        if type(value) is Remote:
            return {"stand": "yours", "of": handle_of(value)}
        for handle, kind in self._classes.items():
            if value is kind:
                return {"stand": "yours", "of": handle}
            if type(value) is kind:
                return self._stand(vars(value)["program"])
        passable = callable(value) and not isinstance(value, type)
        if not self._trusting and not passable and not hasattr(value, "__next__"):
            raise _StaysHere(f"an object of {type(value).__name__}")
        handle = id(value)
        self._objects[handle] = value  # kept, so that the number stays its own
        described = {"stand": "mine", "of": handle, "plain": isinstance(value, PLAIN_BASES)}
        if isinstance(value, type) and issubclass(value, Exception):
            described["exception"] = value.__name__
            described["from"] = [str(value.__module__), str(value.__qualname__)]
            described["bases"] = [self.encode(base) for base in value.__bases__ if issubclass(base, Exception)]
        return described

    def _meant(self, data: dict[str, Any]) -> Any:
        handle = data["of"]
        if data["stand"] == "yours":
            return self._objects[handle]
        if "exception" not in data:
            remote = self._remotes.get(handle)
            if remote is None or object.__getattribute__(remote, "_plain") != bool(data.get("plain")):
                remote = self._remotes[handle] = Remote(self, handle, bool(data.get("plain")))
            return remote
        shared = None if self._trusting else known_exception(*data["from"])
        if shared is not None:
            return shared
        if handle not in self._classes:
            bases = [decode(base, self._meant) for base in data["bases"]]
            if not all(isinstance(base, type) and issubclass(base, Exception) for base in bases):
                raise TypeError("not an exception's bases")
            body = {"__getattr__": _attribute_of_error, "__str__": _text_of_error}
            self._classes[handle] = type(str(data["exception"]), tuple(bases) or (Exception,), body)
        return self._classes[handle]


def _attribute_of_error(error: Any, name: str) -> Any:
    if name == "program" or name.startswith("__"):
        raise AttributeError(name)
    return getattr(error.program, name)


def _text_of_error(error: Any) -> str:
    return str(error.program)


def _changeable(value: Any) -> bool:
    kind = type(value)
    return kind in _CHANGEABLE or (kind.__module__, kind.__name__) == ("numpy", "ndarray")


def _put_into(target: Any, content: Any) -> None:
    """Give a changeable argument the content that the other side left in it."""
    if type(target) is not type(content):
        return
    if type(target).__name__ == "ndarray":
        if target.shape == content.shape:
            target[...] = content
        return
    if isinstance(target, list | bytearray):
        target[:] = content
    elif isinstance(target, dict | set):
        target.clear()
        target.update(content)
    elif isinstance(target, deque):
        target.clear()
        target.extend(content)
