"""Tokens of LaTeX, and how they are rewritten in one form."""

from __future__ import annotations

import re
from typing import Final

from memgraph.domains.signs import ACCENTS, FONTS, FUNCTIONS, SAME, SKIPPED, SPACES, TEXTS, UNITS_TOO, WORDS

_DEEPEST: Final = 50
_ARGUMENTS: Final = {"\\frac": 2, "\\sqrt": 1, "\\binom": 2, "\\pmod": 1} | dict.fromkeys(ACCENTS, 1)
_WHOLE: Final = frozenset(["\\sqrt", "\\pmod"])
"""Commands that take a number as a whole, \\sqrt25."""
_OPENING: Final = frozenset(["(", "[", "{", "\\{"])
_SHUTTING: Final = frozenset([")", "]", "}", "\\}"])
_NAME: Final = re.compile(r"\\[A-Za-z]+\*?$")
_TOKEN: Final = re.compile(r"\\[A-Za-z]+\*?|\\.|[0-9]+(?:\.[0-9]+)?|\.[0-9]+|[^\W\d_]+|\s+|.", re.DOTALL)


def tokens(text: str) -> list[str]:
    """Commands, numbers, runs of letters, blanks and single signs, in order; joined they are the text."""
    return _TOKEN.findall(text)


def matching(parts: list[str]) -> dict[int, int]:
    """Index of the closing brace of each opening one; those without are left out."""
    closing: dict[int, int] = {}
    opened: list[int] = []
    for index, part in enumerate(parts):
        if part == "{":
            opened.append(index)
        elif part == "}" and opened:
            closing[opened.pop()] = index
    return closing


class TooDeepError(Exception):
    """Braces are nested more deeply than anything that somebody writes."""


class Writer:
    """Rewrites tokens in one form."""

    def __init__(self, parts: list[str]) -> None:
        self.parts = parts
        self.closing = matching(parts)

    def write(self) -> list[str]:
        """All of them.

        Raises:
            TooDeepError: if braces are nested too deeply.
        """
        return self._range(0, len(self.parts), 0)

    def _range(self, at: int, end: int, depth: int) -> list[str]:
        if depth > _DEEPEST:
            raise TooDeepError
        out = _Pieces()
        while at < end:
            at = self._token(at, end, depth, out)
        return out.pieces

    def _token(self, at: int, end: int, depth: int, out: _Pieces) -> int:
        """Write the token at `at`, with its arguments; gives where the next one is."""
        part = SAME.get(self.parts[at], self.parts[at])
        if part.isspace() or part in SPACES:
            out.blank()
            # the delimiter "." of \left. is none
            if part in ("\\left", "\\right") and self._at(at + 1, end) == ".":
                return at + 2
            return at + 1
        if part in SKIPPED:
            return self._after(at + 1, end)
        if part in ("\\begin", "\\end"):
            start, stop = self._group(at + 1, end)
            name = "".join(self.parts[start:stop]).strip()
            out.push(f"{part}{{{name}}}")
            at = self._after(at + 1, end)
            if name == "array" and part == "\\begin" and self._at(at, end) == "{":
                at = self._after(at, end)
            return at
        if part in TEXTS:
            return self._text(at, end, depth, out)
        if part in FONTS:
            start, stop = self._group(at + 1, end)
            self._push_group(start, stop, depth, out, self._after(at + 1, end) < end)
            return self._after(at + 1, end)
        if part in _ARGUMENTS:
            return self._command(part, at, end, depth, out)
        if part in ("^", "_") or part == "^\\circ":
            return self._script(part, at, end, depth, out)
        if part == "{":
            if at in self.closing and self.closing[at] < end:
                stop = self.closing[at]
                if out.pieces and _NAME.match(out.pieces[-1]):  # what a command is written over, \\vec{a}
                    out.extend(["{", *self._range(at + 1, stop, depth + 1), "}"])
                else:
                    self._push_group(at + 1, stop, depth, out, stop + 1 < end or bool(out.pieces))
                return stop + 1
            out.push("{")
            return at + 1
        if part == ",":
            out.push(",")
            out.blank()
            return at + 1
        if part in WORDS:
            if part == "sqrt":
                return self._command("\\sqrt", at, end, depth, out)
            out.push("\\infty" if part == "infinity" else f"\\{part}")
            return at + 1
        out.push(part)
        return at + 1

    def _push_group(self, start: int, stop: int, depth: int, out: _Pieces, braces: bool) -> None:
        """A group in braces, which are left out round a single token and round the whole answer."""
        inner = self._range(start, stop, depth + 1)
        while inner and inner[0] == " ":
            inner = inner[1:]
        single = len(inner) <= 1
        if _listed(inner):  # a set, as people type it
            out.push("\\{")
            out.extend(inner)
            out.push("\\}")
            return
        if braces and not single:
            out.push("{")
            out.extend(inner)
            out.push("}")
        else:
            out.extend(inner)

    def _text(self, at: int, end: int, depth: int, out: _Pieces) -> int:
        r"""Words as \text{…}; a lone constant, a function's name and a number as such."""
        command, (start, stop) = self.parts[at], self._group(at + 1, end)
        after = self._after(at + 1, end)
        inner = "".join(" " if part in SPACES else part for part in self.parts[start:stop] if part != "$")
        inner = " ".join(inner.split())
        if "\\" in inner or "{" in inner or "}" in inner:
            self._push_group(start, stop, depth, out, after < end or bool(out.pieces))
        elif not inner:
            out.blank()
        elif (
            inner in FUNCTIONS
            and command not in ("\\text", "\\textbf")
            and (inner not in UNITS_TOO or self._applied(after, end))
        ):
            out.push(f"\\{inner}")
        elif (command == "\\mathrm" and inner in ("e", "i", "d")) or not re.search(r"[^\W\d_]", inner):
            out.extend(self._range(start, stop, depth + 1))
        else:
            out.push(f"\\text{{{inner}}}")
        return after

    def _applied(self, at: int, end: int) -> bool:
        """Whether an argument in brackets or an index follows."""
        return self._at(self._skip(at, end), end) in ("(", "[", "_", "\\{")

    def _command(self, command: str, at: int, end: int, depth: int, out: _Pieces) -> int:
        at = self._skip(at + 1, end)
        pieces = [command]
        if command == "\\sqrt" and self._at(at, end) == "[":
            stop = next((n for n in range(at, min(end, at + 40)) if self.parts[n] == "]"), None)
            if stop is not None:
                root = "".join(self._range(at + 1, stop, depth + 1))
                pieces += [] if root == "2" else ["[", root, "]"]
                at = stop + 1
        for _ in range(_ARGUMENTS[command]):
            inner, at = self._argument(at, end, depth, whole=command in _WHOLE)
            pieces += ["{", *inner, "}"] if inner is not None else []
        out.push(command)
        out.extend(pieces[1:])
        return at

    def _script(self, part: str, at: int, end: int, depth: int, out: _Pieces) -> int:
        """A power or an index, always in braces."""
        if part == "^\\circ":
            out.push("^{\\circ}")
            return at + 1
        logarithm = part == "_" and bool(out.pieces) and out.pieces[-1] == "\\log"
        inner, at = self._argument(at + 1, end, depth, whole=True, logarithm=logarithm)
        out.push(part)
        if inner is not None:
            out.extend(["{", *inner, "}"])
        return at

    def _argument(
        self, at: int, end: int, depth: int, *, whole: bool, logarithm: bool = False
    ) -> tuple[list[str] | None, int]:
        """The next argument, and where the text goes on.

        Args:
            whole: a number is an argument as a whole, as people write 2^10 and √25, where TeX takes its first digit.
        """
        if depth > _DEEPEST:
            raise TooDeepError
        at = self._skip(at, end)
        if at >= end:
            return None, at
        part = self.parts[at]
        if part == "{" and at in self.closing and self.closing[at] < end:
            return self._range(at + 1, self.closing[at], depth + 1), self.closing[at] + 1
        if part in "+-" and whole:
            inner, after = self._argument(at + 1, end, depth + 1, whole=True)
            return [part, *(inner or [])], after
        if part == "(" and whole and (stop := self._bracket(at, end)) is not None:
            return self._range(at + 1, stop, depth + 1), stop + 1
        if part[0].isdigit():
            if logarithm and len(part) > 1 and self._skip(at + 1, end) >= end:
                self.parts[at] = part[1:]
                return [part[0]], at
            if not whole and len(part) > 1:
                self.parts[at] = part[1:]
                return [part[0]], at
            return [part], at + 1
        if part.isalpha() and len(part) > 1 and part not in WORDS:
            self.parts[at] = part[1:]
            return [part[0]], at
        inner_out = _Pieces()
        after = self._token(at, end, depth + 1, inner_out)
        return inner_out.pieces, after

    def _bracket(self, at: int, end: int) -> int | None:
        depth = 0
        for n in range(at, min(end, at + 400)):
            depth += (self.parts[n] == "(") - (self.parts[n] == ")")
            if depth == 0:
                return n
        return None

    def _skip(self, at: int, end: int) -> int:
        while at < end and (self.parts[at].isspace() or self.parts[at] in SPACES):
            at += 1
        return at

    def _at(self, at: int, end: int) -> str:
        return self.parts[at] if at < end else ""

    def _group(self, at: int, end: int) -> tuple[int, int]:
        """Where the next group's content starts and stops; a single token is one."""
        at = self._skip(at, end)
        if self._at(at, end) == "{" and self.closing.get(at, end) < end:
            return at + 1, self.closing[at]
        return at, min(at + 1, end)

    def _after(self, at: int, end: int) -> int:
        at = self._skip(at, end)
        if self._at(at, end) == "{" and self.closing.get(at, end) < end:
            return self.closing[at] + 1
        return min(at + 1, end)


def _listed(pieces: list[str]) -> bool:
    """Whether there is a comma outside of brackets."""
    depth = 0
    for piece in pieces:
        depth += (piece in _OPENING) - (piece in _SHUTTING)
        if piece == "," and depth == 0:
            return True
    return False


class _Pieces:
    """What is written so far. A blank stays only between two words, numbers or after a mark that ends a word."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._blank = False

    def blank(self) -> None:
        self._blank = True

    def push(self, piece: str) -> None:
        if self.pieces and piece:
            last = self.pieces[-1]
            letter, end = piece[0].isalnum(), last[-1]
            if _NAME.match(last):
                needed = piece[0].isalpha() and piece[0].isascii()
            else:
                needed = self._blank and letter and (end.isalnum() or end in ".:;!?'\"")
            if needed or (last == "," and piece != " "):
                self.pieces.append(" ")
        if piece:
            self.pieces.append(piece)
        self._blank = False

    def extend(self, pieces: list[str]) -> None:
        for piece in pieces:
            if piece == " ":
                self._blank = True
            else:
                self.push(piece)
