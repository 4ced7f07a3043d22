"""Requests to an OpenAI-compatible server that may be busy, restarting or limited: asked again until patience ends.

busy (429, 503, no connection)     again, for as long as anybody gets an answer, and `patience` seconds beyond
broken (other 5xx, cut off, slow)  again, `_TRIES` times
refused (400, 413, 422)            this request only
anything else                      the end: a wrong key, address or model
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

import httpx2
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from memgraph.errors import SamplingError

_TRIES = 6
_BUSY = frozenset({429, 503})
_BROKEN = frozenset({408, 409, 425, 500, 502, 504, 520, 521, 522, 523, 524, 529})
_REFUSED = frozenset({400, 413, 422})
_NO_LIST = frozenset({404, 405, 501})
_SHOWN = 500  # characters of what a server says
_BACKOFF = wait_exponential_jitter(initial=0.5, max=30, jitter=0.5)


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a server answers.

    Attributes:
        url: with or without the `/v1` at its end.
        key_variable: environment variable that holds the key, which is sent where it is set and never shown.
        patience: seconds that a busy or missing server is waited for.
        timeout: seconds that one response may take.
    """

    url: str
    key_variable: str = "OPENAI_API_KEY"
    patience: float = 300.0
    timeout: float = 600.0

    @property
    def base(self) -> str:
        """The address that paths are added to, without what may be secret in it.

        Raises:
            SamplingError: for what is no address.
        """
        try:
            parts = urlsplit(self.url)
            named = parts.scheme in ("http", "https") and parts.hostname
        except ValueError:
            named = None
        if not named:
            raise SamplingError(f"{self.url!r} is no address of a server; give one like http://localhost:8000/v1")
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path.rstrip("/") or "/v1", "", ""))

    @property
    def login(self) -> tuple[str, str] | None:
        """User and password, where the address holds them."""
        parts = urlsplit(self.url)
        return None if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))

    @property
    def key(self) -> str:
        """The key, "" where there is none."""
        return os.environ.get(self.key_variable, "").strip()


class Refused(Exception):
    """The server will not answer this request, however often it is asked."""


class _Again(Exception):
    """Not answered this time."""

    def __init__(self, reason: str, *, busy: bool, reached: bool = True, after: float = 0.0) -> None:
        super().__init__(reason)
        self.busy, self.reached, self.after = busy, reached, after


class Client:
    """Posts JSON and gets JSON. All of it in one event loop."""

    def __init__(self, endpoint: ServerAddress, *, parallel: int) -> None:
        self._endpoint = endpoint
        self._key = endpoint.key
        self._answered = time.monotonic()  # when anybody last got an answer
        self._not_before = 0.0
        logging.getLogger("httpx2").setLevel(logging.WARNING)  # it would write whole addresses, which may hold a key
        self._http = httpx2.AsyncClient(
            base_url=endpoint.base,
            auth=endpoint.login,
            params=dict(parse_qsl(urlsplit(endpoint.url).query)),
            headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
            timeout=httpx2.Timeout(endpoint.timeout, connect=min(30.0, endpoint.timeout)),
            limits=httpx2.Limits(max_connections=parallel, max_keepalive_connections=parallel),
        )

    async def close(self) -> None:
        """End the connections."""
        await self._http.aclose()

    async def models(self) -> list[str]:
        """Names of what the server has; none where it does not say.

        Raises:
            SamplingError: if no server is there. A first connection is tried once, so that a wrong address shows at once.
        """
        try:
            listed = await self._patiently("GET", "/models", None, first=True)
        except Refused:
            return []
        rows = listed.get("data")
        return (
            [str(row["id"]) for row in rows if isinstance(row, dict) and "id" in row] if isinstance(rows, list) else []
        )

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The server's answer.

        Raises:
            Refused: if it will not answer this one.
            SamplingError: if it will not answer any.
        """
        return await self._patiently("POST", path, body)

    async def _patiently(
        self, method: str, path: str, body: Mapping[str, Any] | None, *, first: bool = False
    ) -> dict[str, Any]:
        began = time.monotonic()

        def stop(state: RetryCallState) -> bool:
            error = state.outcome.exception() if state.outcome is not None else None
            assert isinstance(error, _Again)
            if not error.busy:
                return state.attempt_number >= _TRIES
            if first and not error.reached:
                return True
            waited = time.monotonic() - max(began, self._answered)
            return waited + max(state.upcoming_sleep, error.after) > self._endpoint.patience

        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type(_Again), wait=_BACKOFF, stop=stop, reraise=True
            ):
                with attempt:
                    while (left := self._not_before - time.monotonic()) > 0:
                        await asyncio.sleep(left)
                    return await self._once(method, path, body)
        except _Again as error:
            if not error.busy and self._answered > began:  # it answers others
                raise Refused(f"after {_TRIES} tries: {error}") from error
            raise SamplingError(self._gave_up(error, first=first)) from error
        raise AssertionError("it returns or raises")

    async def _once(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        try:
            response = await self._http.request(method, path, json=body)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise _Again(self._without_key(error), busy=True, reached=False) from error
        except httpx2.TimeoutException as error:
            raise _Again(f"no response within {self._endpoint.timeout:g} s", busy=False) from error
        except httpx2.HTTPError as error:
            raise _Again(f"the connection broke: {self._without_key(error)}", busy=False) from error
        if response.is_success:
            try:
                content = response.json()
            except ValueError as error:
                raise _Again(f"what came is no JSON: {self._without_key(error)}", busy=False) from error
            if not isinstance(content, dict):
                raise _Again(f"what came is no JSON object but {type(content).__name__}", busy=False)
            self._answered = time.monotonic()
            return content
        raise self._failure(response)

    def _failure(self, response: httpx2.Response) -> Exception:
        status, detail = response.status_code, self._message(response)
        message = f"{status}: {detail}"
        if status in _BUSY and "insufficient_quota" not in response.text:
            after = retry_after(response.headers)
            self._not_before = max(self._not_before, time.monotonic() + min(after, self._endpoint.patience))
            return _Again(message, busy=True, after=after)
        if status in _BROKEN:
            return _Again(message, busy=False)
        if status in _REFUSED:
            self._answered = time.monotonic()
            return Refused(message)
        if status in _NO_LIST and str(response.request.url.path).endswith("/models"):
            return Refused(message)
        remedy = {
            401: self._about_key(),
            403: self._about_key(),
            404: "is the address right, does it serve this model, and this kind of request? "
            "(chat needs /chat/completions, plain text /completions)",
            429: "the account has used up its quota; what is stored stays, and the same command goes on",
        }.get(status, "is this the address of an OpenAI-compatible server?")
        return SamplingError(f"{self._endpoint.base} answers {message}; {remedy}")

    def _about_key(self) -> str:
        variable = self._endpoint.key_variable
        return (
            f"the key in the environment variable {variable} is not accepted"
            if self._key
            else f"it wants a key: put it into the environment variable {variable}"
        )

    def _gave_up(self, error: _Again, *, first: bool) -> str:
        where = self._endpoint.base
        if first and not error.reached:
            return f"no server answers at {where}: {error}; start it, or give its address with --url"
        if error.after > self._endpoint.patience:
            how_long = (
                f"it asks to wait {error.after:g} s, which is more than the patience of {self._endpoint.patience:g} s"
            )
        elif error.busy:
            how_long = f"waited for {self._endpoint.patience:g} s without any answer"
        else:
            how_long = f"tried {_TRIES} times"
        return f"{where} does not answer: {error} ({how_long}); what is stored stays, and the same command goes on"

    def _message(self, response: httpx2.Response) -> str:
        try:
            message = response.json()
        except ValueError:
            message = response.text
        if isinstance(message, dict):
            inner = message.get("error", message.get("detail", message.get("message", message)))
            message = inner.get("message", inner) if isinstance(inner, dict) else inner
        return self._without_key(message) or response.reason_phrase or "without a reason"

    def _without_key(self, what: object) -> str:
        """What something says, without the key."""
        text = str(what) or type(what).__name__
        return (text.replace(self._key, "***") if self._key else text)[:_SHOWN]


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that a server asks to wait, given as a number or as a date; 0 where it does not."""
    value = headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0
