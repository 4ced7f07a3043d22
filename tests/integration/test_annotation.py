"""People judge on a page: a real server, asked as a browser would, and a real Neo4j behind it."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from urllib.parse import urlsplit

import pytest
from sklearn.metrics import cohen_kappa_score

from memgraph.inspection.annotation_page import AnnotationServer
from memgraph.labels.annotation import Annotation
from memgraph.labels.queue import pending
from memgraph.labels.rows import LabelRow
from memgraph.labels.view import LabelKind, LabelView
from memgraph.memory import Memory
from memgraph.rollouts.rollout import Rollout
from memgraph.settings import Settings
from memgraph.store.named_queries import run_inspection
from tests.conftest import count
from tests.integration.rollouts import import_two_runs

HOSTILE = "</pre><script>alert('$card')</script><img src=x onerror=alert(1)> \u202e &amp; \""


class Browser:
    """What a person's browser sends to an address, and what it shows."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self.host, self.path = str(parts.netloc), parts.path
        self.card = ""

    def ask(self, method: str, what: str = "", answer: str | None = "", **headers: str) -> tuple[int, str]:
        """Status and text; `headers` replace what it would send (`_` is a hyphen)."""
        sent = {"Host": self.host}
        body = None
        if method == "POST":
            body = json.dumps({"answer": answer})
            sent |= {
                "Content-Type": "application/json",
                "Origin": f"http://{self.host}",
                "Sec-Fetch-Site": "same-origin",
            }
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            connection.request(method, self.path + what, body, sent)
            reply = connection.getresponse()
            self.headers = reply.headers
            return reply.status, reply.read().decode()
        finally:
            connection.close()

    def open(self) -> str:
        status, self.page = self.ask("GET")
        assert status == 200, self.page
        self.card = self.page[self.page.index("<main>") : self.page.index("</main>")]
        return self.card

    def press(self, says: str) -> str:
        status, text = self.ask("POST", says, self.answer_key)
        assert status == 200, text
        self.card = text
        return self.card

    @property
    def answer_key(self) -> str:
        return unescape(re.search(r'data-answer="([^"]*)"', self.card)[1])

    @property
    def answer(self) -> str | None:
        """What is to be judged; None where nothing waits."""
        found = re.search(r'<pre class="answer">(.*?)</pre>', self.card, re.DOTALL)
        return None if found is None else unescape(found[1])


@pytest.fixture
def filled(memory: Memory) -> Memory:
    """Answers 1 to 4, given by 4 to 1 rollouts."""
    memory.add(
        Rollout(
            query="How many?",
            response=f"I count {answer}.",
            answer=str(answer),
            domain="math",
            rollout_id=f"{answer}-{n}",
        )
        for answer in range(1, 5)
        for n in range(5 - answer)
    )
    return memory


@pytest.fixture
def serve(memory: Memory) -> Iterator:
    """Starts a server for people, and gives a browser for each."""
    servers: list[AnnotationServer] = []

    def start(*authors: str, budget: int | None = None, **options: int) -> list[Browser]:
        ledger = memory.ledger("people", budget=budget)
        annotation = Annotation(memory.database, memory.domains, authors, ledger, **options)
        server = AnnotationServer(annotation, list(authors))
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return [Browser(server.addresses[author]) for author in authors]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def labels(memory: Memory) -> dict[tuple[str, str], float]:
    """(author, answer) → the label in force."""
    return {
        (str(row.author), str(row.answer)): row.score for row in memory.labels(ledger="people") if not row.corrected
    }


def test_a_key_is_a_label_at_once(filled: Memory, serve) -> None:
    (ann,) = serve("Ann")
    assert "How many?" in ann.open()
    assert "I count 1." in ann.card
    waiting = [one.answer for one in pending(filled.database, ledger="people")]
    seen = [ann.answer]
    ann.press("right")
    (label,) = filled.labels(ledger="people")
    assert (label.kind, label.score, label.author, label.answer) == ("human", 1.0, "Ann", "1")
    seen.append(ann.answer)
    ann.press("wrong")
    assert labels(filled) == {("Ann", "1"): 1.0, ("Ann", "2"): 0.0}
    seen.append(ann.answer)
    ann.press("skip")
    seen.append(ann.answer)
    assert seen == waiting == ["1", "2", "3", "4"], "the answers of the most rollouts come first"
    ann.press("right")
    assert ann.answer is None
    assert "3 judged, 1 skipped" in ann.card
    ann.press("again")
    assert ann.answer == "3"
    assert [reward.reward for reward in filled.rewards(LabelView(ledgers=("people",)))].count(1.0) == 4 + 1


def test_undo_goes_back_and_another_judgement_corrects(filled: Memory, serve) -> None:
    (ann,) = serve("Ann")
    ann.open()
    for said in ("right", "wrong", "right", "wrong"):
        ann.press(said)
        assert labels(filled) == {("Ann", "1"): float(said == "right")}
        assert ann.answer == "2"
        ann.press("undo")
        assert ann.answer == "1"
        assert f"You said: {said}." in ann.card
    assert ann.open() == f"<main>{ann.card.removeprefix('<main>')}", "a page that is loaded again shows the same"
    ann.press("skip")
    assert labels(filled) == {("Ann", "1"): 0.0}, "what was said stands"
    history = list(filled.labels(ledger="people"))
    assert [row.corrected for row in history].count(True) == 3, "nothing is overwritten"
    ann.press("skip")
    ann.press("undo")
    assert ann.answer == "2"


def test_what_is_sent_twice_is_stored_once(filled: Memory, serve) -> None:
    """A browser whose reply was lost sends its request again."""
    (ann,) = serve("Ann")
    ann.open()
    first = ann.answer_key
    ann.press("right")
    assert ann.ask("POST", "right", first) == (200, ann.card)
    assert count(filled, "(n:Label)") == 1
    assert ann.ask("POST", "right", "unknown")[0] == 409
    assert ann.ask("POST", "skip", "unknown")[0] == 409
    assert ann.ask("POST", "nonsense", ann.answer_key)[0] == 404
    assert ann.ask("POST", "right", None)[0] == 400
    assert ann.ask("POST", "right", "x" * 5000)[0] == 400
    assert ann.ask("POST", "right", ann.answer_key, Content_Type="text/plain")[0] == 400
    assert count(filled, "(n:Label)") == 1


def test_nobody_else_may_ask(filled: Memory, serve) -> None:
    (ann,) = serve("Ann")
    ann.open()
    key, path, own = ann.answer_key, ann.path, ann.host

    def refused(method: str = "POST", **headers: str) -> bool:
        return ann.ask(method, "right" if method == "POST" else "", key, **headers)[0] == 403

    port = own.rpartition(":")[2]
    for method in ("GET", "POST"):
        assert refused(method, Host=f"attacker.example:{port}"), "a name that was pointed at this machine"
        assert refused(method, Host="")
        assert refused(method, Host=f"127.0.0.1.attacker.example:{port}")
        assert refused(method, Sec_Fetch_Site="cross-site")
        assert refused(method, Origin="http://attacker.example")
        assert refused(method, Origin="null")
        assert refused(method, Origin=f"http://localhost:{port}")
        for wrong in ("/", "/x/", path[:-2] + "/", path.upper(), "//", "/%2e%2e/"):
            ann.path = wrong
            assert refused(method)
        ann.path = path
    assert count(filled, "(n:Label)") == 0
    tunnel = {"Host": "localhost:8000", "Origin": "http://localhost:8000"}
    assert ann.ask("POST", "right", key, **tunnel)[0] == 200
    assert ann.ask("GET", "page")[0] == 404


def test_the_server_listens_on_loopback_and_the_page_runs_nothing_else(filled: Memory, serve) -> None:
    (ann,) = serve("Ann")
    ann.open()
    assert ann.host.startswith("127.0.0.1:")
    policy = ann.headers["Content-Security-Policy"]
    nonce = re.search(r"script-src 'nonce-([^']+)'", policy)[1]
    assert "default-src 'none'" in policy
    assert ann.page.count(f'nonce="{nonce}"') == 2
    assert nonce not in ann.open()
    assert (ann.headers["Cache-Control"], ann.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert 'name="viewport"' in ann.page
    assert "prefers-color-scheme: dark" in ann.page


def test_what_a_rollout_holds_is_text(memory: Memory, serve) -> None:
    memory.add([Rollout(query=f"Q {HOSTILE}", response=f"R {HOSTILE}", answer=f"A {HOSTILE}", domain="qa")])
    (ann,) = serve(f"Ann {HOSTILE}")
    card = ann.open()
    for shown in ("Q", "R", "A"):
        assert f"{shown} &lt;/pre&gt;&lt;script&gt;alert(&#x27;$card&#x27;)&lt;/script&gt;&lt;img src=x" in card
    assert "<script" not in card
    assert "<img" not in ann.page
    assert ann.page.count("<script") == 1
    assert "\u202e" not in ann.page
    ann.press("right")
    assert count(memory, "(n:Label)") == 1


def test_two_people_at_once_get_different_answers(filled: Memory, serve) -> None:
    people = serve("Ann", "Bob")

    def work(browser: Browser) -> list[str]:
        browser.open()
        judged = []
        while browser.answer is not None:
            judged.append(browser.answer)
            browser.press("right")
        return judged

    with ThreadPoolExecutor(2) as pool:
        ann, bob = pool.map(work, people)
    assert sorted(ann + bob) == ["1", "2", "3", "4"]
    assert {answer for _, answer in labels(filled)} == {"1", "2", "3", "4"}
    assert len(labels(filled)) == 4


def test_each_answer_is_judged_by_as_many_as_asked_and_their_agreement_is_told(filled: Memory, serve, tmp_path) -> None:
    said = {"Ann": "right wrong right wrong", "Bob": "right wrong wrong wrong", "Cem": ""}
    people = dict(zip(said, serve(*said, judgements=2), strict=True))
    for name, browser in people.items():
        browser.open()
        for key in said[name].split():
            browser.press(key)
        assert browser.answer is None
    assert len(labels(filled)) == 8
    (pair,) = run_inspection(filled.database, "agreement", {"ledger": "people"})
    assert (pair["first"], pair["second"], pair["kinds"], pair["judged"]) == ("Ann", "Bob", ["human", "human"], 4)
    assert pair["agreeing"] == 0.75
    assert pair["kappa"] == pytest.approx(cohen_kappa_score([1, 0, 1, 0], [1, 0, 0, 0]))
    report = filled.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Ann and Bob agree on 75% of 4 answers" in report
    (dispute,) = run_inspection(filled.database, "disagreements", {"ledger": "people"})
    assert (dispute["answer"], dispute["said"]) == ("3", ["Ann 1.0", "Bob 0.0"])
    key = dispute["key"]
    filled.label([LabelRow(0.0, LabelKind.HUMAN, "Ann", answer_key=key, corrects="all")], ledger="people")
    assert not run_inspection(filled.database, "disagreements", {"ledger": "people"})
    assert run_inspection(filled.database, "agreement", {"ledger": "people"}) == [pair], "it was settled, not agreed"
    filled.label([LabelRow(1.0, LabelKind.JUDGE, "a model", answer_key=key)], ledger="people")
    with_judge = run_inspection(filled.database, "agreement", {})
    assert [(row["first"], row["second"], row["kinds"], row["kappa"]) for row in with_judge[1:]] == [
        ("Ann", "a model", ["human", "judge"], None),
        ("Bob", "a model", ["human", "judge"], 0.0),
    ]


def test_somebody_stops_and_goes_on(filled: Memory, serve) -> None:
    (ann,) = serve("Ann")
    ann.open()
    ann.press("right")
    (later,) = serve("Ann")
    later.open()
    assert later.answer == "2"
    assert ann.path != later.path, "each server has its own tokens"
    ann.path = later.path
    assert ann.ask("GET")[0] == 403


def test_a_budget_and_labels_from_elsewhere_end_the_queue(filled: Memory, serve) -> None:
    (ann,) = serve("Ann", budget=1)
    ann.open()
    ann.press("right")
    status, text = ann.ask("POST", "right", ann.answer_key)
    assert status == 409
    assert "budget of 1" in text
    assert len(labels(filled)) == 1
    filled.label([LabelRow(1.0, LabelKind.HUMAN, "Bob", query="How many?", answer="3")], ledger="people", budget=2)
    assert ann.press("skip")
    assert ann.answer == "4", "Bob's sheet has judged what would have come next"


def test_judgements_change_rewards_by_relabelling(memory: Memory, serve, tmp_path) -> None:
    import_two_runs(memory, tmp_path, queries=12, budget=6)
    view = LabelView(ledgers=("default", "people"))
    model = memory.model()
    memory.relabel(model, view)
    before = {one.rollout: one.reward for one in memory.rewards(view)}
    (ann,) = serve("Ann")
    ann.open()
    for _ in range(4):
        ann.press("wrong")
    changed = memory.relabel(model, view)
    assert 0 < changed.affected < changed.queries
    after = {one.rollout: one.reward for one in memory.rewards(view)}
    assert before != after


def test_the_command_prints_addresses_and_stores_until_it_is_stopped(filled: Memory, settings: Settings) -> None:
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background job ignores it
        "from memgraph.cli import main; main()"
    )
    options = ["--author", "Ann", "--author", "Bob", "--ledger", "people", "--home", str(settings.home)]
    process = subprocess.Popen(
        [sys.executable, "-c", program, "annotate", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        ann, bob = (Browser(process.stdout.readline().split()[-1]) for _ in range(2))
        ann.open()
        ann.press("right")
        bob.open()
        assert bob.answer == "3", "2 is in front of Ann"
    finally:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Ann judged 1 answers" in err
    assert labels(filled) == {("Ann", "1"): 1.0}
