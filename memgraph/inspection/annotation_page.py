"""A page on this machine on which people judge answers, one at a time: `memreward annotate`.

Its server listens on loopback. Each person has an address with a token of their own. It answers no request without one, for another
host (a name that somebody pointed at this machine), or from another page. All text is escaped (`memgraph.markup`),
and the page forbids itself to run or load anything but its own script (Content-Security-Policy).

    GET  /TOKEN/                                  the page, with what the person is asked
    POST /TOKEN/right, wrong, skip, undo, again   {"answer": key}: what the person says; gives what is asked next
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from string import Template
from typing import Any, cast
from urllib.parse import urlsplit

from memgraph.errors import ConnectionFailed, MemRewardError
from memgraph.labels.annotation import Annotation, Assignment
from memgraph.markup import Html, joined, tag

LOOPBACK = "127.0.0.1"
_HOSTS = (LOOPBACK, "localhost")  # with any port: a tunnel may have another one
_SAID: Mapping[str, Callable[[Annotation, str, str], None]] = {
    "right": lambda annotation, author, answer: annotation.judge(author, answer, 1.0),
    "wrong": lambda annotation, author, answer: annotation.judge(author, answer, 0.0),
    "skip": Annotation.skip,
    "undo": lambda annotation, author, _: annotation.undo(author),
    "again": lambda annotation, author, _: annotation.again(author),
}
_LONGEST = 4096  # bytes of a request
_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class AnnotationServer(ThreadingHTTPServer):
    """Serves the page to people, from the moment it is made until `shutdown`.

    Args:
        annotation: hands out the answers and stores what people say.
        authors: the people.
        port: 0 for a free one.

    Attributes:
        addresses: of the page, by person.
    """

    daemon_threads = True

    def __init__(self, annotation: Annotation, authors: list[str], *, port: int = 0) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.annotation = annotation
        self._authors = {secrets.token_urlsafe(24): author for author in authors}
        self.addresses = {
            author: f"http://{LOOPBACK}:{self.server_port}/{token}/" for token, author in self._authors.items()
        }

    def author(self, token: str) -> str | None:
        """Whose token it is; None for nobody's."""
        given = token.encode()
        found = [author for known, author in self._authors.items() if hmac.compare_digest(known.encode(), given)]
        return found[0] if found else None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "memreward"
    timeout = 60

    @property
    def _annotation(self) -> Annotation:
        return cast(AnnotationServer, self.server).annotation

    def do_GET(self) -> None:
        author, what = self._allowed()
        if author is None:
            self._refuse(HTTPStatus.FORBIDDEN, "This address is not the one that memreward annotate printed.")
        elif what:
            self._refuse(HTTPStatus.NOT_FOUND, "There is no such page.")
        else:
            nonce = secrets.token_urlsafe(16)
            try:
                body = page(author, self._annotation.task(author), nonce)
            except MemRewardError as error:
                self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
                return
            self._reply(HTTPStatus.OK, body, {"Content-Security-Policy": _POLICY.format(nonce=nonce)})

    def do_POST(self) -> None:
        body = self._body()
        author, what = self._allowed()
        if author is None:
            self._refuse(HTTPStatus.FORBIDDEN, "This address is not the one that memreward annotate printed.")
        elif body is None:
            self._refuse(HTTPStatus.BAD_REQUEST, 'The request is not JSON like {"answer": "key"}.')
        elif what not in _SAID:
            self._refuse(HTTPStatus.NOT_FOUND, "There is no such page.")
        else:
            try:
                _SAID[what](self._annotation, author, body)
                self._reply(HTTPStatus.OK, card(self._annotation.task(author)))
            except ConnectionFailed as error:
                self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
            except MemRewardError as error:
                self._refuse(HTTPStatus.CONFLICT, str(error))

    def _allowed(self) -> tuple[str | None, str]:
        """Who asks, None for nobody who may, and for what."""
        _, token, what = (*self.path.split("/", 2), "", "")[:3]
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        here = urlsplit(f"//{host}").hostname in _HOSTS and origin in (None, f"http://{host}")
        here = here and self.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")
        return (cast(AnnotationServer, self.server).author(token) if here else None), what

    def _body(self) -> str | None:
        """The answer's key that a request names; None where it is none of the page's."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _LONGEST:
            self.close_connection = True
            return None
        raw = self.rfile.read(int(length))
        try:
            found: Any = json.loads(raw)
        except ValueError:
            return None
        named = found.get("answer") if isinstance(found, dict) else None
        return named if isinstance(named, str) and self.headers.get_content_type() == "application/json" else None

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self._reply(status, why, {"Content-Type": "text/plain; charset=utf-8"})

    def _reply(self, status: HTTPStatus, text: str, headers: Mapping[str, str] | None = None) -> None:
        body = text.encode()
        self.send_response(status)
        every = {"Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(body)), **_HEADERS}
        for name, value in (every | dict(headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: addresses hold tokens."""


def page(author: str, task: Assignment, nonce: str) -> str:
    """The whole page of a person."""
    template = Template(resources.files(__package__).joinpath("annotation_page.html").read_text(encoding="utf-8"))
    return template.substitute(author=joined([author]), card=card(task), nonce=nonce)


def card(task: Assignment) -> Html:
    """What a person is asked, with the keys to answer it; shows neither predictions nor votes, which would sway whoever judges."""
    done = f"{task.judged} judged" + (f", {task.skipped} skipped" if task.skipped else "")
    undo = _button("undo", "Undo", "u")
    if task.answer is None:
        again = [_button("again", "Show what was skipped", "a")] if task.skipped else []
        return joined(
            [
                tag(
                    "section",
                    tag("h1", "Nothing waits for you any more."),
                    tag("p", done, class_="quiet"),
                    data_answer="",
                ),
                tag("div", undo, *again, class_="keys", role="group", aria_label="What to do"),
            ]
        )
    said = {None: "", 1.0: "You said: right.", 0.0: "You said: wrong."}.get(task.said, f"You said: {task.said}.")
    answer = task.answer
    return joined(
        [
            tag(
                "section",
                *([tag("p", said, " Another judgement corrects it.", class_="said")] if said else []),
                tag("h2", "Question"),
                tag("pre", answer.query),
                tag("h2", "Answer"),
                tag("pre", answer.answer, class_="answer"),
                tag("h2", "A response that gave it"),
                tag("pre", answer.example),
                tag("p", f"{answer.domain}. {done}.", class_="quiet"),
                data_answer=answer.answer_key,
            ),
            tag(
                "div",
                _button("wrong", "Wrong", "w"),
                _button("right", "Right", "r"),
                _button("skip", "Skip", "s"),
                undo,
                class_="keys",
                role="group",
                aria_label="Your judgement",
            ),
        ]
    )


def _button(says: str, text: str, key: str) -> Html:
    return tag("button", text, " ", tag("kbd", key), type="button", class_=says, data_says=says, data_key=key)
