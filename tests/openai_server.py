"""A small HTTP server that speaks the OpenAI protocol, and fails as a test wants it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BREAK, CUT = "break", "cut"  # the connection, before a response and within it
Reply = tuple[int, dict[str, str], Any] | str
"""Status, headers and JSON (or bytes); or how the connection ends."""


def said(text: str | None, *, finish_reason: str = "stop", tokens: int | None = 3, **message: Any) -> Reply:
    """A response to a chat."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": finish_reason}
    return 200, {}, {"choices": [choice], "usage": {"completion_tokens": tokens}}


def error(status: int, message: str, **headers: str) -> Reply:
    return status, headers, {"error": {"message": message, "type": "error"}}


def echo(body: dict[str, Any], number: int) -> Reply:
    """Answers with the question and the seed, so that each response is told apart."""
    if "prompt" in body:
        choice = {"text": f"{body['prompt']} #{body['seed']}", "finish_reason": "length"}
        return 200, {}, {"choices": [choice], "usage": {"completion_tokens": 5}}
    return said(f"The answer is {body['messages'][-1]['content']} #{body['seed']}")


@dataclass
class Server:
    """What was asked, and what it answers.

    Attributes:
        answer: body, number of the request from 0 → reply.
        open, most_open: requests at a time.
    """

    url: str = ""
    answer: Callable[[dict[str, Any], int], Reply] = echo
    models: Reply = (200, {}, {"data": [{"id": "small"}]})
    asked: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    open: int = 0
    most_open: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            return

        def do_GET(self) -> None:
            self.reply(server.models)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with server.lock:
                number = len(server.asked)
                server.asked.append(body)
                server.paths.append(self.path)
                server.keys.append(self.headers.get("Authorization"))
                server.open += 1
                server.most_open = max(server.most_open, server.open)
            try:
                self.reply(server.answer(body, number))
            finally:
                with server.lock:
                    server.open -= 1

        def reply(self, reply: Reply) -> None:
            if reply == BREAK:
                self.close_connection = True
                self.connection.close()
                return
            status, headers, content = (200, {}, {}) if reply == CUT else reply
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(data) + (100 if reply == CUT else 0)))
            self.end_headers()
            self.wfile.write(data)
            if reply == CUT:
                self.close_connection = True
                self.wfile.flush()
                self.connection.close()

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128  # of five a client with more connections waits a second for its next try

        def handle_error(self, *_: Any) -> None:
            return  # a client that has gone

    with Quiet(("127.0.0.1", 0), Handler) as listening:
        server.url = f"http://127.0.0.1:{listening.server_address[1]}"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()
