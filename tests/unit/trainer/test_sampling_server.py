"""A policy behind a server: what is asked, and what happens when the server is busy, broken or wrong."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any

import pytest

from memgraph.errors import InputError, SamplingError
from tests.openai_server import BREAK, CUT, Reply, Server, echo, error, said, serving
from trainer.sampling.client import ServerAddress, retry_after
from trainer.sampling.sampler import Decoding, Request, Sampled
from trainer.sampling.server import ServerSampler


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with serving(Server()) as running:
        yield running


def sampler(server: Server, model: str | None = None, *, patience: float = 20.0, **how: Any) -> ServerSampler:
    timeout = how.pop("timeout", 20.0)
    return ServerSampler(ServerAddress(server.url, patience=patience, timeout=timeout), model, **how)


def requests(count: int, n: int = 1) -> list[Request]:
    return [Request(f"key{i}", [{"role": "user", "content": f"question {i}"}], tuple(range(n))) for i in range(count)]


def sample(server: Server, count: int = 4, n: int = 2, **how: Any) -> dict[tuple[str, int], Sampled]:
    decoding = how.pop("decoding", Decoding(max_new_tokens=7, temperature=0.5, seed=3))
    found = list(sampler(server, **how).sample(requests(count, n), decoding))
    assert len(found) == count * n
    return {(one.request.key, one.sample): one for one in found}


def texts(found: dict[tuple[str, int], Sampled]) -> dict[tuple[str, int], str]:
    return {place: one.response.text for place, one in found.items() if one.response is not None}


def test_every_response_is_asked_for_by_itself_with_a_seed_of_its_own(server: Server) -> None:
    found = sample(server)
    assert len(found) == len(server.asked) == len({body["seed"] for body in server.asked}) == 8
    assert set(server.paths) == {"/v1/chat/completions"}
    body = next(body for body in server.asked if body["messages"][-1]["content"] == "question 1")
    assert {name: body[name] for name in ("model", "max_tokens", "temperature", "top_p")} == {
        "model": "small", "max_tokens": 7, "temperature": 0.5, "top_p": 1.0,
    }  # fmt: skip
    for (key, number), one in found.items():
        assert one.response is not None
        assert one.response.text.endswith(f"{key.replace('key', 'question ')} #{one.request.seed(number, 3)}")
        assert (one.response.finish_reason, one.response.tokens) == ("stop", 3)


def test_seeds_do_not_depend_on_what_else_is_asked(server: Server) -> None:
    whole = texts(sample(server))
    late = sampler(server).sample([Request("key1", requests(2)[1].prompt, (1,))], Decoding(7, 0.5, seed=3))
    (one,) = late
    assert one.response is not None
    assert one.response.text == whole["key1", 1]


def test_a_plain_prompt_goes_to_completions(server: Server) -> None:
    (one,) = sampler(server).sample([Request("k", "Q: 1 + 1\nA:", (0,))], Decoding())
    assert server.paths == ["/v1/completions"]
    assert one.response is not None
    assert one.response.text.startswith("Q: 1 + 1\nA: #")
    assert one.response.finish_reason == "length"


def test_so_many_requests_are_open_at_a_time_and_no_more(server: Server) -> None:
    ready = threading.Barrier(4, timeout=20)

    def answer(body: dict[str, Any], number: int) -> Reply:
        ready.wait()
        return echo(body, number)

    server.answer = answer
    sample(server, 6, parallel=4)
    assert server.most_open == 4


def test_no_more_is_asked_than_is_taken(server: Server) -> None:
    responses = sampler(server, parallel=2).sample(requests(50), Decoding())
    next(responses)
    time.sleep(0.5)
    assert len(server.asked) <= 2 * 2 + 1
    responses.close()


def test_closing_gives_up_what_is_open(server: Server) -> None:
    let_go = threading.Event()

    def answer(body: dict[str, Any], number: int) -> Reply:
        if number:
            let_go.wait(20)
        return echo(body, number)

    server.answer = answer
    responses = sampler(server, parallel=4).sample(requests(10), Decoding())
    next(responses)
    began = time.monotonic()
    responses.close()
    assert time.monotonic() - began < 5
    let_go.set()


def test_what_fails_once_is_asked_again(server: Server) -> None:
    failures = [error(500, "oops"), error(502, "bad gateway"), BREAK, CUT, (200, {}, b"<html>")]
    server.answer = lambda body, number: failures[number] if number < len(failures) else echo(body, number)
    found = sample(server)
    assert len(texts(found)) == 8
    assert len(server.asked) == 8 + len(failures)


def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(server: Server) -> None:
    times: list[float] = []

    def answer(body: dict[str, Any], number: int) -> Reply:
        times.append(time.monotonic())
        return error(429, "slow down", Retry_After="2") if number == 0 else echo(body, number)

    server.answer = answer
    assert len(texts(sample(server, parallel=1))) == 8
    assert times[1] - times[0] >= 1.9


def test_a_wait_that_is_longer_than_patience_ends_it_at_once(server: Server) -> None:
    server.answer = lambda body, number: error(429, "come tomorrow", Retry_After="3600")
    began = time.monotonic()
    with pytest.raises(SamplingError, match=r"come tomorrow.*3600 s.*patience of 5 s.*same command goes on"):
        sample(server, patience=5)
    assert time.monotonic() - began < 5


def test_a_server_that_stays_busy_is_given_up(server: Server) -> None:
    server.answer = lambda body, number: error(503, "loading the model")
    with pytest.raises(SamplingError, match=r"503: loading the model.*waited for 1 s"):
        sample(server, patience=1)


def test_an_exhausted_quota_is_not_waited_for(server: Server) -> None:
    exceeded = {"error": {"message": "you exceeded your quota", "code": "insufficient_quota"}}
    server.answer = lambda body, number: (429, {}, exceeded)
    with pytest.raises(SamplingError, match="used up its quota"):
        sample(server)
    assert len(server.asked) <= 16


def test_a_refused_query_leaves_the_others(server: Server) -> None:
    def answer(body: dict[str, Any], number: int) -> Reply:
        asked = body["messages"][-1]["content"]
        return error(400, "maximum context length is 8") if asked == "question 2" else echo(body, number)

    server.answer = answer
    found = sample(server, 4, 1)
    assert {key for (key, _), one in found.items() if one.response is None} == {"key2"}
    assert "maximum context length is 8" in found["key2", 0].refusal


def test_a_query_that_the_server_breaks_on_leaves_the_others(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.sampling.client._TRIES", 2)

    def answer(body: dict[str, Any], number: int) -> Reply:
        asked = body["messages"][-1]["content"]
        return error(500, "template error") if asked == "question 0" else echo(body, number)

    server.answer = answer
    found = sample(server, 3, 1)
    assert found["key0", 0].refusal == "after 2 tries: 500: template error"
    assert len(texts(found)) == 2


def test_a_server_that_refuses_everything_is_an_error(server: Server) -> None:
    server.answer = lambda body, number: error(400, "unknown field top_k")
    with pytest.raises(SamplingError, match=r"refused the first 8 queries.*unknown field top_k.*--options"):
        list(sampler(server).sample(requests(20), Decoding()))


@pytest.mark.parametrize(
    ("failure", "match"),
    [
        (error(401, "no key"), "put it into the environment variable OPENAI_API_KEY"),
        (error(404, "no such model"), r"404: no such model; .*serve this model"),
        ((307, {"Location": "http://127.0.0.1:1/"}, {}), "is this the address of an OpenAI-compatible server"),
    ],
)
def test_what_cannot_get_better_ends_it(server: Server, failure: Reply, match: str) -> None:
    server.answer = lambda body, number: failure
    with pytest.raises(SamplingError, match=match):
        sample(server)


def test_the_key_is_sent_and_never_shown(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MY_KEY", " sk-secret-1\n")
    caplog.set_level(logging.DEBUG)
    server.answer = lambda body, number: error(401, "Incorrect API key provided: sk-secret-1")
    endpoint = ServerAddress(f"{server.url}?code=hidden", "MY_KEY", 1.0, 5.0)
    with pytest.raises(SamplingError, match=r"provided: \*\*\*; the key in .* MY_KEY is not accepted") as failed:
        list(ServerSampler(endpoint).sample(requests(1), Decoding()))
    assert server.keys == ["Bearer sk-secret-1"]
    shown = str(failed.value) + caplog.text
    assert "sk-secret-1" not in shown
    assert "hidden" not in "".join(record.getMessage() for record in caplog.records if "httpcore" not in record.name)


def test_user_and_password_of_an_address_are_sent_and_not_shown(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    endpoint = ServerAddress(server.url.replace("://", "://user:pa%40ss@"))
    list(ServerSampler(endpoint).sample(requests(1), Decoding()))
    assert server.keys == ["Basic dXNlcjpwYUBzcw=="]
    assert "ss@" not in caplog.text


def test_thinking_that_a_server_splits_off_or_cuts_off(server: Server) -> None:
    replies = [
        said("The answer is 4.", reasoning_content="2 + 2 is 4"),
        said(None, reasoning_content="2 + 2 is", finish_reason="length"),
        said("<think>2 + 2", finish_reason="length", tokens=None),
    ]
    server.answer = lambda body, number: replies[number]
    found = [one.response for one in sampler(server, parallel=1).sample(requests(3), Decoding())]
    assert [(one.text, one.thinking, one.finish_reason, one.tokens) for one in found if one is not None] == [
        ("The answer is 4.", "2 + 2 is 4", "stop", 3),
        ("", "2 + 2 is", "length", 3),
        ("<think>2 + 2", None, "length", None),
    ]


def test_options_win_and_null_leaves_a_field_out(server: Server) -> None:
    sample(server, options={"top_k": 0, "max_tokens": None, "max_completion_tokens": 9})
    assert all(b["top_k"] == 0 and b["max_completion_tokens"] == 9 and "max_tokens" not in b for b in server.asked)


def test_which_model(server: Server) -> None:
    server.models = (200, {}, {"data": [{"id": "a"}, {"id": "b"}]})
    with pytest.raises(SamplingError, match=r"these models: a, b; name one with --model"):
        sampler(server)
    assert sampler(server, "b").policy == "b"
    assert sampler(server, "b", policy="mine").policy == "mine"
    server.models = error(404, "not found")
    assert sampler(server, "b").policy == "b"
    with pytest.raises(SamplingError, match="none that it names"):
        sampler(server)


def test_a_wrong_address_shows_at_once() -> None:
    began = time.monotonic()
    with pytest.raises(SamplingError, match=r"no server answers at http://127.0.0.1:9/v1: .*--url"):
        ServerSampler(ServerAddress("http://127.0.0.1:9", patience=60))
    assert time.monotonic() - began < 5
    with pytest.raises(SamplingError, match="'localhost:8000' is no address"):
        ServerSampler(ServerAddress("localhost:8000"))


def test_addresses_with_and_without_v1() -> None:
    for url in ("http://a:1", "http://a:1/", "http://a:1/v1", "http://a:1/v1/"):
        assert ServerAddress(url).base == "http://a:1/v1"
    assert ServerAddress("https://u:p@a/x/v1?api-version=2&key=s").base == "https://a/x/v1"


def test_greedy_decoding_refuses_several_responses(server: Server) -> None:
    with pytest.raises(InputError, match="temperature 0 gives one response"):
        list(sampler(server).sample(requests(1, 2), Decoding(temperature=0)))


def test_how_long_to_wait() -> None:
    assert retry_after({"retry-after": "1.5"}) == 1.5
    assert 50 < retry_after({"retry-after": formatdate(time.time() + 60, usegmt=True)}) <= 60
    assert retry_after({"retry-after": formatdate(time.time() - 60, usegmt=True)}) == 0
    assert retry_after({"retry-after": "soon"}) == retry_after({}) == 0
