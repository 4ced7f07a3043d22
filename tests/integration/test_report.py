"""The page about a memory: right numbers, words for people, nothing that runs, and nothing written to the memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from memgraph.errors import InputError, ReadOnlyError
from memgraph.labels.rows import LabelRow
from memgraph.labels.view import LabelKind, Purpose
from memgraph.memory import Memory
from memgraph.models.reward_model import RewardModelConfig
from memgraph.rollouts.rollout import Rollout
from memgraph.rollouts.runs import record_rewards
from memgraph.scoring.predictions import write_prediction_rows
from memgraph.settings import Settings
from memgraph.store.named_queries import run_inspection
from tests.conftest import empty, write_rows
from tests.integration.rollouts import import_two_runs, sums
from tests.integration.test_command_line import memreward
from tests.integration.test_read_only import all_of

SECTIONS = [
    *("contents", "labels", "calibration", "rewards", "suspects", "disagreements", "model", "next", "neighbourhoods"),
]
HOSTILE = "</pre><script>alert('$body')</script><img src=x onerror=alert(1)> \u202e\x1b[31m &amp; \" '"
ALLOWED = {
    *("html", "head", "meta", "title", "style", "body", "a", "header", "h1", "h2", "h3", "p", "nav", "ul", "ol", "li", "main"),
    *("section", "details", "summary", "pre", "code", "div", "table", "thead", "tbody", "tr", "th", "td", "dl", "dt", "dd"),
    *("svg", "rect", "line", "circle", "text", "span", "article", "wbr"),
}  # fmt: skip


class Page(HTMLParser):
    """A page as a browser would read it.

    Attributes:
        text: by id of the section, "" for what stands outside of one.
        findings: by id of the section.
        targets: where links lead to.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.text: dict[str, str] = {"": ""}
        self.findings: dict[str, str] = {}
        self.targets: list[str] = []
        self._section, self._finding = "", False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        self.attributes |= set(given)
        if tag not in ("meta", "wbr"):  # which have no end
            self.open.append(tag)
        if tag == "h2":
            self._section = given["id"] or ""
            self.text[self._section] = ""
        self._finding = given.get("class") == "finding"
        if "href" in given:
            self.targets.append(given["href"] or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self._finding = False

    def handle_data(self, data: str) -> None:
        self.text[self._section] += data
        if self._finding:
            self.findings[self._section] = self.findings.get(self._section, "") + data


def read(file: Path) -> Page:
    page = Page(file.read_text(encoding="utf-8"))
    assert page.open == [], "every element is closed"
    return page


def is_harmless(page: Page) -> bool:
    """No script, nothing from elsewhere, and a policy that forbids both."""
    assert page.tags <= ALLOWED
    assert not [name for name in page.attributes if name.startswith("on") or name in ("src", "style", "srcset")]
    assert all(target.startswith("#") for target in page.targets)
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page.html
    return not re.search(r"(?:url\(|@import|\bsrc=\"|href=\"(?!#))", page.html.replace(HOSTILE, ""))


@pytest.fixture(scope="module")
def lived(opened: Memory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Memory]:
    """Two runs of 20 queries: 10 labelled before the scores, 5 more after them, and rewards at two steps of run a."""
    empty(opened)
    file = import_two_runs(opened, tmp_path_factory.mktemp("lived"), queries=20, budget=10)
    opened.reveal(file, budget=15)
    opened.add(
        Rollout("1 + 1?", f"#### {n}", domain="math", run="trained", policy="small", step=n, call=n) for n in (1, 2, 3)
    )
    stored = opened.database.query("MATCH (t:Thinking {run: 'trained'}) RETURN t.key AS key ORDER BY t.step")
    record_rewards(
        opened.database,
        [
            {"key": stored[0]["key"], "reward": 0.25, "source": "reward_model", "reason": None},
            {"key": stored[1]["key"], "reward": 0.75, "source": "label", "reason": None},
            {"key": stored[2]["key"], "reward": None, "source": "reward_model", "reason": "the scorer abstained"},
        ],
    )
    yield opened
    empty(opened)


def test_every_section_has_a_finding_and_the_query_behind_it(lived: Memory, tmp_path: Path) -> None:
    page = read(lived.report(tmp_path / "r.html"))
    assert list(page.findings) == SECTIONS
    assert page.targets[: len(SECTIONS) + 1] == ["#content", *(f"#{name}" for name in SECTIONS)]
    assert set(page.targets) == set(page.targets[: len(SECTIONS) + 1]), "what stands above is linked to"
    assert page.html.count("// How far do predictions hold?") == 1, "each query is written once"
    assert all("memreward inspect " in page.text[name] and "MATCH (" in page.text[name] for name in SECTIONS)
    assert is_harmless(page)
    assert 'name="viewport"' in page.html
    assert "prefers-color-scheme: dark" in page.html
    assert all(len(finding) < 400 and ";" not in finding for finding in page.findings.values())


def test_numbers_are_those_of_the_memory(lived: Memory, tmp_path: Path) -> None:
    page = read(lived.report(tmp_path / "r.html"))
    assert page.findings["contents"].startswith("83 rollouts of 21 queries, from 3 runs. 0% of them state no answer.")
    assert "15 queries were paid for in 1 ledger" in page.findings["labels"]
    assert "60 rollouts have a label by now" in page.findings["labels"]
    later = lived.database.query(
        "MATCH (l:Label)-[:SCORES]->()-[:EQUALS*0..2]-()<-[:LEADS_TO*0..1]-(t:Thinking)<-[:SCORES]-(p:Prediction) "
        "RETURN count(DISTINCT t) AS n, count(DISTINCT CASE WHEN (p.score >= .5) <> (l.score >= .5) THEN t END) AS wrong"
    )[0]
    assert later["n"] == 20
    right = 20 - later["wrong"]
    assert (
        f"On 20 rollouts of 5 queries, label and prediction say the same of {right / 20:.0%}"
        in page.findings["calibration"]
    )
    assert page.findings["calibration"].endswith("So few queries say little about others.")
    if later["wrong"]:
        assert page.findings["disagreements"].startswith(f"{later['wrong']} prediction")
    assert "run, trained, rewards came from" in page.findings["rewards"]
    for part in ("reward_model for 33%", "label for 33%", "no reward for 33% (the scorer abstained)"):
        assert part in page.findings["rewards"]
    model = lived.model()
    strongest = max(model.weights.items(), key=lambda one: abs(one[1]))
    assert f"{strongest[0]} ({strongest[1]:+.2f})" in page.findings["model"]
    assert "right answer: math." in page.text["model"] or not model.one_right
    assert f"Model {model.key[:12]}, which predicted last (40 rollouts), relies most" in page.findings["model"]
    assert f"model = memory.model('{model.key}')" in page.text["model"]
    for title in ("What labels have brought", "The models side by side"):
        assert title not in page.text["model"], "one model is no curve"
    assert f"{model.metrics['held_out_auc']:.3f}"[:4] in page.text["model"]
    assert page.findings["neighbourhoods"].startswith("3 queries with what they are similar to")
    assert page.html.count('class="graph"') == 3


def test_a_run_and_a_ledger_count_alone(lived: Memory, tmp_path: Path) -> None:
    page = read(lived.report(tmp_path / "a.html", run="a", ledger="default"))
    assert page.findings["contents"].startswith("40 rollouts of 20 queries, from 1 run.")
    assert "On 10 rollouts of 5 queries" in page.findings["calibration"]
    assert page.findings["rewards"].startswith("No training run has asked for rewards yet.")
    assert 'model: null, run: "a", dataset: null, ledger: "default"} AS given' in page.text["calibration"]
    assert "memreward inspect calibration --run=a --ledger=default" in page.text["calibration"]
    assert "memreward inspect reward_sources --run=a --param=parts=20" in page.text["rewards"]
    assert 'WITH {run: "a", dataset: null, parts: 20} AS given' in page.text["rewards"]
    apart = read(lived.report(tmp_path / "d.html", run="a", dataset="sums", ledger="default"))
    assert "of the run a and the data set sums" in apart.text[""]
    assert {name: apart.findings[name] for name in SECTIONS if name != "model"} == {
        name: page.findings[name] for name in SECTIONS if name != "model"
    }
    lived.ledger("empty")
    assert (
        "No predicted rollout has a label yet"
        in read(lived.report(tmp_path / "e.html", ledger="empty")).findings["calibration"]
    )
    with pytest.raises(InputError, match=r"no run 'c' in this memory. known: a, b, trained"):
        lived.report(tmp_path / "c.html", run="c")
    with pytest.raises(InputError, match="no data set 'c'"):
        lived.report(tmp_path / "c.html", dataset="c")
    with pytest.raises(InputError, match="no ledger 'c'"):
        lived.report(tmp_path / "c.html", ledger="c")
    assert not (tmp_path / "c.html").exists()


def test_the_command_writes_the_page_and_nothing_else(lived: Memory, settings: Settings, tmp_path: Path) -> None:
    before, out = all_of(lived.database), tmp_path / "r.html"
    code, printed, err = memreward("report", "--run", "b", "--out", str(out), "--json", home=settings.home)
    assert code == 0, err
    assert json.loads(printed) == {
        **{"report": str(out), "run": "b", "dataset": None, "ledger": None},
        "bytes": out.stat().st_size,
    }
    assert "What this memory knows of the run b" in read(out).text[""]
    with Memory.open(settings, read_only=True) as reading:
        assert list(read(reading.report(tmp_path / "again.html")).findings) == SECTIONS
        with pytest.raises(ReadOnlyError):
            reading.fit()
    assert all_of(lived.database) == before


def test_an_empty_memory_says_what_to_do_first(memory: Memory, tmp_path: Path) -> None:
    page = read(memory.report(tmp_path / "r.html"))
    assert page.findings == {"": "This memory is empty."}
    assert re.search(r"memreward import .*memreward reveal .*memreward fit", page.text[""], re.DOTALL)
    assert is_harmless(page)


def test_without_labels_and_models_each_section_says_what_is_missing(memory: Memory, tmp_path: Path) -> None:
    memory.add([Rollout("1 + 1?", "I do not know", domain="math")])
    page = read(memory.report(tmp_path / "r.html"))
    assert "100% of them state no answer" in page.findings["contents"]
    assert "No label was paid for yet" in page.findings["labels"]
    assert "No predicted rollout has a label yet" in page.findings["calibration"]
    assert "`memreward fit`" in page.findings["model"]
    assert "No query is linked" in page.findings["neighbourhoods"]


def test_hostile_text_is_text(memory: Memory, tmp_path: Path) -> None:
    """Query, thinking, answer, run, policy, data set, author, source and reason all hold a page of their own."""
    rollouts = [
        Rollout(
            f"{HOSTILE} {n}", f"<think>{HOSTILE * 9}</think> {HOSTILE}", answer=HOSTILE, thinking=HOSTILE * 9, domain="math",
            dataset=HOSTILE, run=HOSTILE, policy=HOSTILE, step=1,
        )
        for n in range(3)
    ]  # fmt: skip
    stored = memory.add(rollouts).stored
    write_prediction_rows(
        memory,
        [{"key": f"p{n}", "target": place.key, "score": 0.9} for n, place in enumerate(stored)],
        scorer=HOSTILE,
        model=HOSTILE,
    )
    record_rewards(memory.database, [{"key": stored[0].key, "reward": 0.5, "source": HOSTILE, "reason": HOSTILE}])
    said = [LabelRow(0.0, LabelKind.HUMAN, HOSTILE, rollout_key=place.key) for place in stored]
    assert not memory.label(said, ledger=HOSTILE).rejected
    page = read(memory.report(tmp_path / "r.html", run=HOSTILE, ledger=HOSTILE))
    assert is_harmless(page)
    assert "<script" not in page.html
    assert "<img" not in page.html
    assert "\u202e" not in page.html
    assert "\x1b" not in page.html
    shown = "</pre><script>alert('$body')</script><img src=x onerror=alert(1)> [31m &amp; \" '"
    assert shown in page.text[""], "the run's name"
    for section, what in {
        "contents": "run, data set, policy",
        "labels": "ledger, author",
        "rewards": "source",
        "disagreements": "query, thinking, answer, author, run, policy",
        "neighbourhoods": "query",
    }.items():
        assert shown in page.text[section], what
    assert page.text["disagreements"].count(shown) >= 3 * 12


def test_the_parts_of_a_run_are_the_same_for_all_sources(memory: Memory) -> None:
    steps = range(3, 48)
    memory.add(Rollout("1 + 1?", "#### 2", domain="math", run="long", step=step, call=step, sample=0) for step in steps)
    memory.database.query(
        "MATCH (t:Thinking {run: 'long'}) SET t.reward = 1.0, t.reward_source = CASE WHEN t.step % 5 = 0 THEN 'label' ELSE 'vote' END",
        write=True,
    )
    rows = run_inspection(memory.database, "reward_sources", {"run": "long", "parts": 20})
    parts = sorted({(row["first"], row["last"]) for row in rows})
    assert len(parts) == 20
    assert [step for first, last in parts for step in range(first, last + 1)] == list(steps)
    for first, last in parts:
        here = [row for row in rows if (row["first"], row["last"]) == (first, last)]
        assert sum(row["rollouts"] for row in here) == last - first + 1
    single = run_inspection(memory.database, "reward_sources", {"run": "long"})
    assert [(row["first"], row["last"], row["rollouts"]) for row in single] == [(step, step, 1) for step in steps]


def test_an_example_is_the_farthest_off_of_its_query(memory: Memory, tmp_path: Path) -> None:
    domains = {"1 + 1?": "math", "2 + 2?": "code"}
    stored = memory.add(
        Rollout(query, f"#### {n}", answer=str(n), domain=domain, sample=n)
        for query, domain in domains.items()
        for n in (7, 8)
    ).stored
    rows = [{"key": f"p{n}", "target": place.key, "score": 0.9 - n / 100} for n, place in enumerate(stored)]
    write_prediction_rows(memory, rows, scorer="reward_model", model="model")
    assert not memory.label([LabelRow(0.0, author="Ann", rollout_key=place.key) for place in stored]).rejected
    page = read(memory.report(tmp_path / "r.html"))
    assert page.html.count('class="example"') == 2
    assert "4 predictions of 4 that have a label are on its other side of ½. These 2" in page.findings["disagreements"]
    assert re.findall(r"Predicted (\S+),", page.text["disagreements"]) == ["0.90", "0.88"]
    assert "4 rollouts: accuracy at ½ 0%" in page.text["calibration"], "both domains together"


def test_labels_kept_from_the_model_test_it_and_the_one_that_predicted_is_shown(memory: Memory, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "r.jsonl", sums(20))
    memory.import_file(file, run="a")
    memory.reveal(file, budget=10, monitor=3)
    spoke = memory.fit()
    memory.score()
    watched = {key for key, purpose in memory.ledger("default").purposes().items() if purpose is Purpose.MONITOR}
    keys_of = {row.key: row.query_key for row in memory.rollouts()}
    guesses = [
        {"key": f"g{n}", "target": key, "score": 0.02} for n, key in enumerate(keys_of) if keys_of[key] in watched
    ]
    write_prediction_rows(memory, guesses, scorer="reward_model", model=spoke.key)
    memory.reveal(file, budget=12, monitor=3)
    newer = memory.fit()
    page = read(memory.report(tmp_path / "r.html"))
    assert newer.key != spoke.key
    assert page.findings["model"].startswith(f"Model {spoke.key[:12]}, which predicted last (52 rollouts), relies most")
    assert page.findings["model"].endswith(f"A newer one, {newer.key[:12]}, has predicted nothing yet.")
    assert "What labels have brought" in page.text["model"]
    later = 2 * 4
    assert f"On {12 + later} rollouts of 5 queries" in page.findings["calibration"]
    (row,) = run_inspection(memory.database, "predictions_against_truth", {})
    assert (row["model"], row["predicted"], row["checked"], row["queries"]) == (spoke.key[:12], 52, 20, 5)
    assert "paid before, kept from the model (monitor)." in page.text["disagreements"], "some of the watched are right"
    assert "visible before" not in page.html
    again = memory.fit(config=RewardModelConfig(prior="none"))
    assert again.key != newer.key
    page = read(memory.report(tmp_path / "r.html"))
    assert "What labels have brought" in page.text["model"], "three models, two numbers of labelled queries"


def test_models_of_the_same_labels_are_no_curve(memory: Memory, tmp_path: Path) -> None:
    file = import_two_runs(memory, tmp_path, queries=12, budget=8)
    memory.fit(config=RewardModelConfig(prior="none"))
    page = read(memory.report(tmp_path / "r.html"))
    assert "What labels have brought" not in page.text["model"]
    assert "All have 8 labelled queries. They differ by age" in page.text["model"]
    assert file.exists()


def test_it_says_what_to_label_next_and_what_is_suspect(memory: Memory, tmp_path: Path) -> None:
    same = [Rollout("1 + 1?", "<think>one</think> #### 2", domain="math", run="a", sample=n) for n in range(4)]
    other = [Rollout("2 + 2?", f"<think>{n}</think> #### {n}", domain="math", run="a", sample=n) for n in range(3)]
    stored = memory.add([*same, *other]).stored
    rows = [{"key": f"p{n}", "target": place.key, "score": 0.9 if n < 4 else 0.5} for n, place in enumerate(stored)]
    write_prediction_rows(memory, rows, scorer="reward_model", model="model")
    memory.ledger("people", budget=3)
    assert not memory.label([LabelRow(1.0, author="Ann", rollout_key=stored[6].key)], ledger="people").rejected
    page = read(memory.report(tmp_path / "r.html", run="a"))
    assert page.findings["suspects"].startswith(
        "4 rollouts may have hacked the reward (repeated 4, one answer 4). This is the most suspect,"
    )
    assert "repeated, one answer" in page.text["suspects"]
    assert page.findings["next"].endswith("2 are left of the budget of the ledger people.")
    assert page.findings["labels"].endswith("2 are left of the budget of 3.")
    assert "memreward queue labels.csv --ledger=people --run=a writes a sheet" in page.text["next"]
    assert "budget is used up" not in page.text["next"]
    said = [LabelRow(1.0, author="Ann", rollout_key=place.key) for place in stored[4:6]]
    assert not memory.label(said, ledger="people").rejected
    page = read(memory.report(tmp_path / "r.html"))
    assert page.findings["next"].endswith("Nothing is left of the budget of the ledger people.")
    assert "Its budget is used up" in page.text["next"]
    memory.ledger("others", budget=1)
    page = read(memory.report(tmp_path / "r.html"))
    assert (
        "memreward label labels.csv --ledger=LEDGER takes it back, filled in. LEDGER is one of others, people."
        in page.text["next"]
    )
    assert "left of the budget" not in page.findings["next"]
    assert "--ledger=others" in read(memory.report(tmp_path / "r.html", ledger="others")).text["next"]
    memory.ledger("default", budget=1)
    assert "--ledger=default" in read(memory.report(tmp_path / "r.html")).text["next"], "what commands read"
    said = [LabelRow(1.0, author="Ann", rollout_key=stored[0].key)]
    assert not memory.label(said, ledger="people", budget=4).rejected
    page = read(memory.report(tmp_path / "r.html"))
    assert page.findings["next"] == "Every answer here is judged already."


def test_no_share_is_rounded_to_none_or_all(memory: Memory, tmp_path: Path) -> None:
    memory.add(
        Rollout("1 + 1?", "#### 2" if n else "I do not know", domain="math", run="a", sample=n) for n in range(300)
    )
    assert "0.3% of them state no answer" in read(memory.report(tmp_path / "r.html")).findings["contents"]


def test_what_is_predicted_is_not_drawn_as_right(memory: Memory, tmp_path: Path) -> None:
    stored = memory.add(Rollout(f"{n} + 1?", f"#### {n + 1}", domain="math", run="a") for n in range(3)).stored
    memory.link()
    write_prediction_rows(
        memory, [{"key": "p", "target": stored[0].key, "score": 0.25}], scorer="reward_model", model="m"
    )
    assert not memory.label([LabelRow(1.0, author="Ann", rollout_key=stored[1].key)]).rejected
    page = read(memory.report(tmp_path / "r.html"))
    kinds = set(re.findall(r'class="node ([^"]+)"', page.html))
    assert kinds == {"q1 guessed", "q4", "unknown"}
    assert re.search(r"0 \+ 1\?(–|[\d.]+)0 of 1–25%", page.text["neighbourhoods"])
    assert re.search(r"1 \+ 1\?(–|[\d.]+)1 of 1100%–", page.text["neighbourhoods"])
