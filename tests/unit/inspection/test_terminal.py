"""Texts from rollouts reach a terminal as text: no control sequence, no turned direction, no markup, in no command."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from typer.testing import CliRunner

import trainer
from memgraph import cli
from memgraph.cli import common
from memgraph.cli.common import emit, only_printable
from memgraph.domains import Domains
from memgraph.errors import MemRewardError
from memgraph.evaluation import EvaluationRow
from memgraph.labels.in_force import Disagreement
from memgraph.labels.submit import LabelReport
from memgraph.printable import PrintableConsole, printable
from memgraph.rollouts.files import Reject
from memgraph.rollouts.preparation import IngestReport
from memgraph.scoring.explain import Explanation, Influence
from memgraph.scoring.history import RewardThen, Score, TrainingReward
from memgraph.settings import Settings
from tests.thorough import examples
from trainer.run import demo, narrator
from trainer.run.demo import show_memory
from trainer.run.narrator import Narrator, RewardProgress
from trainer.run.result import RunResult
from trainer.sampling import generate
from trainer.tiny.policy import load_tiny_policy

BAD = {
    "escape": "\x1b[31;1m\x1b]0;title\x07\x1b[2J",
    "C0": "\x00\x01\x07\x08\x0b\x0c\x0e\x7f",
    "C1": "\x80\x85\x9b31m\x9d0;t\x9c",
    "directions": "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c",
    "no width": "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e\u034f\u3164\U000e0041",
    "lines": "\r\u2028\u2029\x1c\x1d\x1e",
    "surrogates": "\udfff\ud800",
}
HOSTILE = "Begin [red]red[/red] [/] [link=http://x]here[/link] :bomb: " + "".join(BAD.values()) + " end"
SHOWN = "Begin [red]red[/red] [/] [link=http://x]here[/link] :bomb:"
OWN = re.compile(r"\x1b\[[\d;]*[mKA]|\x1b\[\?25[lh]|\r(?=\x1b\[)")  # of the console itself
NOW = datetime(2026, 11, 28, tzinfo=UTC)


def assert_clean(shown: str, *, said: bool = True) -> None:
    """Whether nothing but text, and the console's own colours, was printed."""
    text = OWN.sub("", shown)
    left = {
        f"{ord(c):#x}" for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    }
    assert not left
    if said:  # a table may break it at spaces, in narrow columns within words
        letters = "".join(c for c in text if c.isalnum() or c in "[]/:=")
        assert "Begin[red]red[/red][/][link=http://x]here[/link]:bomb:" in letters


@pytest.mark.parametrize("kind", BAD)
def test_nothing_of_a_kind_is_left(kind: str) -> None:
    for lines in (False, True):
        shown = printable(f"a{BAD[kind]}b", lines=lines)
        assert re.fullmatch(r"a.*b", shown, re.DOTALL)
        assert_clean(shown, said=False)
    assert not re.search(r"[\n\t]", printable(f"a{BAD[kind]}b\n\t"))


@given(st.text(st.characters()) | st.text("\r\n\t\x1b\u202e\u200b\ud800ab"))
@examples(500)
def test_any_text_is_printable_and_stays_so(text: str) -> None:
    for lines in (False, True):
        shown = printable(text, lines=lines)
        assert_clean(shown, said=False)
        shown.encode()
        assert printable(shown, lines=lines) == shown


def test_ordinary_text_is_shown_as_it_is() -> None:
    text = "if x > 1:\n\treturn “é”, 한국어, العربية, ½ ≤ √2, 😀\n"
    assert printable(text, lines=True) == text
    assert printable("one\r\ntwo\rthree", lines=True) == "one\ntwo\nthree"
    assert printable("one\r\ntwo\tthree") == "one  two three"


def printed(what: Callable[[PrintableConsole], None]) -> str:
    stream = io.StringIO()
    what(PrintableConsole(file=stream, force_terminal=True, width=400))
    return stream.getvalue()


def table(console: PrintableConsole) -> None:
    shown = Table("one", HOSTILE, title=HOSTILE, caption=HOSTILE)
    shown.add_row(HOSTILE, "x", HOSTILE)
    console.print(shown)


@pytest.mark.parametrize(
    "what",
    [
        lambda console: console.print(HOSTILE),
        lambda console: console.print(HOSTILE, style="dim", soft_wrap=True, highlight=False),
        lambda console: console.print("said:", HOSTILE, sep=HOSTILE),
        lambda console: console.print([HOSTILE], {"a": HOSTILE}),
        lambda console: console.rule(HOSTILE),
        table,
    ],
)
def test_whatever_is_shown_on_the_console_is_text(what: Callable[[PrintableConsole], None]) -> None:
    shown = printed(what)
    assert_clean(shown, said="[red]red[/red]" in shown)
    assert ":bomb:" in shown
    assert "\x1b[31;1m" not in shown


def test_a_text_cannot_begin_a_line_of_a_table() -> None:
    shown = Table("one")
    shown.add_row("a\rb\u2028c\x85d")
    assert printed(lambda console: console.print(shown)).count("\n") == 5


@pytest.mark.parametrize("terminal", [True, False])
def test_a_line_longer_than_the_console_is_shown_whole(terminal: bool) -> None:
    stream = io.StringIO()
    width = 40 if terminal else None
    console = PrintableConsole(file=stream, force_terminal=terminal, width=width)
    words = [f"word{number}" for number in range(50)]
    for style in (None, "dim"):
        console.print(" ".join(words), style=style, highlight=False)
    shown = stream.getvalue().replace("\x1b[2m", "").replace("\x1b[0m", "")
    assert shown.split() == words * 2
    assert (shown.count("\n") == 2) is not terminal


def test_a_console_still_has_its_colours() -> None:
    assert printed(lambda console: console.print("x", style="red")) == "\x1b[31mx\x1b[0m\n"


def test_progress_shows_names_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(common, "progress_console", PrintableConsole(file=stream, force_terminal=True, width=400))
    with common.progress(f"importing {HOSTILE}") as update:
        update(1, 2)
    assert_clean(stream.getvalue())


@pytest.mark.parametrize("document", [HOSTILE, {HOSTILE: [HOSTILE]}, [float("nan"), -0.5], Reject(HOSTILE, 1, HOSTILE)])
def test_json_is_ascii_and_says_all(document: Any, capsys: pytest.CaptureFixture[str]) -> None:
    emit(document)
    shown = capsys.readouterr().out
    assert shown.isascii()
    assert_clean(shown, said=False)
    found = json.loads(shown)
    assert found in (document, [None, -0.5], {"file": HOSTILE, "row": 1, "reason": HOSTILE})


# commands


class Everything:
    """Gives the same for whatever is called on it."""

    def __init__(self, given: Any = None) -> None:
        self.given = given

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: self.given


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., str]:
    """Runs a command on what a memory would find, and returns all that it printed."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str, memory: Any = None, **found: Any) -> str:
        @contextmanager
        def opened(*_: Any, **__: Any) -> Iterator[Any]:
            yield memory or SimpleNamespace(database=Everything())

        for module in (cli.inspection, cli.labels, cli.learn, cli.runs, cli.data):
            monkeypatch.setattr(module, "open_memory", opened)
        for console in (common.console, common.progress_console):
            monkeypatch.setattr(console, "width", 400)  # else as wide as the terminal that it was made in
        for name, value in found.items():
            monkeypatch.setattr(name.replace("__", "."), lambda *_, value=value, **__: value)
        result = CliRunner().invoke(cli.app, [*words], env={"COLUMNS": "400", "FORCE_COLOR": "1"})
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.output

    return run


SCORES = [
    Score(
        "label", False, "prediction", HOSTILE, 0.5, NOW, "model" + HOSTILE, HOSTILE, [HOSTILE], HOSTILE, HOSTILE, None
    ),
    Score("label", False, "human", None, 0.5, NOW, None, None, [HOSTILE], HOSTILE, HOSTILE, "monitor"),
]
EXPLAINED = Explanation("rollout", "query", SCORES[0], 0.5, 0.4, 0.3, [Influence("check", "key", HOSTILE, 1, 0.5, 0.1)])


@pytest.mark.parametrize(
    "rows", [[{"a": HOSTILE, "b": 1}], [{"a": HOSTILE, "b": n} for n in range(2)], [{HOSTILE: [HOSTILE, None]}]]
)
def test_inspect(run: Callable[..., str], rows: list[dict[str, Any]]) -> None:
    assert_clean(run("inspect", "why_reward", memgraph__store__named_queries__run_inspection=rows))
    assert run("inspect", "why_reward", "--json", memgraph__store__named_queries__run_inspection=rows).isascii()


def test_why(run: Callable[..., str]) -> None:
    found = {
        "memgraph__scoring__explain__meant_rollouts": [
            {"rollout": "rollout", "query_key": "q", "query": HOSTILE, "answer": HOSTILE}
        ],
        "memgraph__scoring__explain__meant_queries": [{"key": "q", "text": HOSTILE, "whole": True, "rollouts": 2}],
        "memgraph__scoring__history__rewards_at": [RewardThen("rollout", "q", 0.5, HOSTILE, None, NOW)],
        "memgraph__scoring__history__scores_of": SCORES,
        "memgraph__scoring__history__training_reward": TrainingReward(None, None, HOSTILE, HOSTILE, 1),
        "memgraph__store__meant__ledger_to_read": "default",
    }
    memory = SimpleNamespace(database=None, model=lambda _: None, explain=lambda *_, **__: EXPLAINED)
    assert_clean(run("why", "rollout", memory=memory, **found))
    assert run("why", "rollout", "--json", memory=memory, **found).isascii()
    two = [{"rollout": key, "query_key": "q", "query": HOSTILE, "answer": HOSTILE} for key in "ab"]
    assert_clean(run("why", "rollout", memory=memory, **{**found, "memgraph__scoring__explain__meant_rollouts": two}))
    found["memgraph__scoring__explain__meant_queries"] *= 2
    shown = run("why", "rollout", memory=memory, **{**found, "memgraph__scoring__explain__meant_rollouts": two})
    assert_clean(shown)
    assert "one query or rollout" in shown


def test_compare(run: Callable[..., str]) -> None:
    from memgraph.scoring.compare_runs import Comparison, Measure, QueryChange

    measure = Measure("label", 1, 0.5, 0.5, 0.0, None, 0, 0)
    change = QueryChange("key", HOSTILE, "label", 0.5, 0.6)
    found = Comparison(HOSTILE, HOSTILE, 1, 0, 0, (1, 1), 0.5, 0, [measure], [change])
    memory = SimpleNamespace(compare=lambda *_, **__: found)
    assert_clean(run("compare", HOSTILE.replace("\0", ""), "b", memory=memory))
    assert run("compare", "a", "b", "--json", memory=memory).isascii()


def test_import_and_its_rejects(run: Callable[..., str], tmp_path: Path) -> None:
    file = tmp_path / "[red]x.jsonl"
    file.write_text("")
    report = IngestReport(new=1, rejected=[Reject(HOSTILE, 1, HOSTILE)])
    report.answers.read(HOSTILE, True, "")
    memory = SimpleNamespace(import_file=lambda *_, **__: report, domains=Domains())
    shown = run("import", str(file), memory=memory)
    assert_clean(shown)
    assert "[red]x.jsonl" in shown
    assert (tmp_path / "memreward.rejects.jsonl").read_text().isascii()


def test_label_and_its_disagreements(run: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "sheet.csv").write_text("rollout_key,score,author\n")
    report = LabelReport(
        disagreements=[Disagreement(HOSTILE, "human", {HOSTILE: 0.5, "b": 1.0})] * 12,
        conflicts=[HOSTILE],
        undecided=[HOSTILE],
        rejected=[Reject(HOSTILE, 1, HOSTILE)],
    )
    memory = SimpleNamespace(label=lambda *_, **__: report)
    assert_clean(run("label", str(tmp_path / "sheet.csv"), "--ledger", "[red]", memory=memory))
    assert run("label", str(tmp_path / "sheet.csv"), "--json", memory=memory).splitlines()[0].isascii()


def test_queue(run: Callable[..., str]) -> None:
    memory = SimpleNamespace(queue=lambda *_, **__: 2, database=None)
    found = {"memgraph__labels__ledger__budget_left": 1, "memgraph__store__meant__ledger_to_read": "default"}
    assert "[red]sheet.csv" in OWN.sub("", run("queue", "[red]sheet.csv", memory=memory, **found))
    shown = run("queue", "my sheet.csv", "--ledger", "a b", memory=memory, **found)
    assert "memreward label 'my sheet.csv' --ledger 'a b'\n" in shown
    assert "the ledger a b can pay for 1 more; --budget gives it a larger budget" in shown


def test_evaluate(run: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("")
    row = EvaluationRow(HOSTILE, 0.2, 0, HOSTILE, 1, 0.5, 0.5, 0.5, 0.1, 1.0, 1.0, None)  # type: ignore[arg-type]
    assert_clean(run("evaluate", str(tmp_path / "a.jsonl"), memgraph__evaluation__evaluate_files=[row]))


def test_fit_score_and_relabel(run: Callable[..., str]) -> None:
    model = SimpleNamespace(key=HOSTILE, folder=HOSTILE, metrics={HOSTILE: 0.5, "b": HOSTILE, "labelled_queries": 1.0})
    found = {"memgraph__store__meant__ledger_to_read": "default"}
    assert_clean(run("fit", memory=SimpleNamespace(fit=lambda *_, **__: model, database=None), **found))
    changed = [SimpleNamespace(rollout=HOSTILE, query=HOSTILE, before=0.1, after=0.2)]
    numbers = dict.fromkeys(
        [
            "affected",
            "queries",
            "scored",
            "abstained",
            "seconds",
            "seconds_looking",
            "changed",
            "mean_change",
            "max_change",
        ],
        1,
    )
    report = SimpleNamespace(**numbers, new_rewards=0, flips=0, groups=0, largest=changed, unlearned=3)
    memory = SimpleNamespace(model=lambda **_: model, relabel=lambda *_, **__: report, database=None)
    assert_clean(run("relabel", memory=memory, **found), said=False)


# training and the demo


@pytest.fixture
def on_terminals(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the trainer prints, as on terminals that are wide."""
    stream = io.StringIO()

    def terminal(*, quiet: bool = False, **_: Any) -> PrintableConsole:
        return PrintableConsole(file=stream, force_terminal=True, width=400, quiet=quiet)

    for module in (narrator, demo, generate):
        monkeypatch.setattr(module, "PrintableConsole", terminal)
    monkeypatch.setattr(cli.inspection, "console", terminal())
    return stream


def test_what_a_run_says_of_its_stages(on_terminals: io.StringIO) -> None:
    narrator = Narrator()
    for say in (narrator.stage, narrator.say):
        say(HOSTILE)
        assert_clean(on_terminals.getvalue())
        on_terminals.seek(on_terminals.truncate(0))
    narrator.done(1.0)
    assert OWN.sub("", on_terminals.getvalue()) == "  ✓ 1.0 s\n"


def test_the_bar_of_a_training_run(on_terminals: io.StringIO) -> None:
    bar = RewardProgress(Narrator())
    state: Any = SimpleNamespace(global_step=1, max_steps=2)
    bar.on_train_begin(None, state, None)
    bar.on_log(None, state, None, logs={"reward": 0.5, "rewards/memory/source/" + HOSTILE.replace("/", ""): 0.5})
    bar.on_train_end(None, state, None)
    assert "[red]red[red]" in OWN.sub("", on_terminals.getvalue())
    assert_clean(on_terminals.getvalue(), said=False)


def test_the_result_of_a_run(on_terminals: io.StringIO) -> None:
    change = SimpleNamespace(problems=1, before=0.1, after=0.2, change=0.1, low=0.0, high=0.2, verdict=HOSTILE)
    result = SimpleNamespace(
        accuracy={HOSTILE: change}, reward_sources={HOSTILE: 1}, missing_rewards={HOSTILE: 1}, steps=1, resumed_at=None,
        monitor=None, report=HOSTILE, spending={"queries_paid": 1, "training_queries": 2},
    )  # fmt: skip
    Narrator().result(cast(RunResult, result))
    assert_clean(on_terminals.getvalue())


def test_what_the_demo_shows_of_the_memory(on_terminals: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "run_inspection", lambda *_: [{"a": HOSTILE, "b": n} for n in range(2)])
    endpoint = SimpleNamespace(browser="http://x", user=HOSTILE)
    memory: Any = SimpleNamespace(database=SimpleNamespace(endpoint=endpoint))
    show_memory(memory, Settings(home=Path("[red]home")))
    assert_clean(on_terminals.getvalue())
    assert "[red]home" in on_terminals.getvalue()


def test_the_bar_of_sampling(on_terminals: io.StringIO) -> None:
    model, tokenizer = load_tiny_policy()
    generate.sample_responses(model, tokenizer, ["x"], 1, 1, 0.0, progress=True)
    assert "generating" in on_terminals.getvalue()
    assert_clean(on_terminals.getvalue(), said=False)


_PRINTS = re.compile(r"\bConsole\(|rich\.markup|\bprint\(\s*f?\"\[|(?<![\w.])print\((?!json\.dumps\()")
_BARS = re.compile(r"\b(?:Progress|track)\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)")
_MARKUP_BAR = re.compile(r"TextColumn\(\"\{task[^)]*\"\)")


@pytest.mark.parametrize("package", [cli, trainer])
def test_there_is_no_other_console(package: ModuleType) -> None:
    folder = Path(str(package.__file__)).parent
    for file in folder.rglob("*.py"):
        text = file.read_text()
        assert not _PRINTS.search(text), file.name
        assert not _MARKUP_BAR.search(text), f"{file.name}: a bar's text is markup"
        for bar in _BARS.findall(text):
            assert "onsole=" in bar, f"{file.name}: {bar}"
        for call in re.findall(r"typer\.(?:echo|secho)\((.*)\)", text):
            assert call.startswith(("printable(", "version(", "text")), f"{file.name}: {call}"
        for left in re.findall(r"raise SystemExit\((.*)", text):
            assert "printable(" in left, f"{file.name}: {left}"


# errors


@pytest.mark.parametrize(
    "error", [MemRewardError(HOSTILE), OSError(HOSTILE), ValueError(HOSTILE), UnicodeError(HOSTILE)]
)
def test_errors_that_end_a_command(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing() -> None:
        raise error

    monkeypatch.setattr(cli, "app", failing)
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    monkeypatch.setenv("COLUMNS", "400")
    with pytest.raises(SystemExit) as left:
        cli.main()
    shown = capsys.readouterr()
    assert left.value.code == 1
    assert shown.out == ""
    assert_clean(shown.err)
    assert "rror" in shown.err


def test_logs_and_warnings_on_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    only_printable()
    assert logging.lastResort is not None
    logging.lastResort.emit(logging.LogRecord("x", logging.WARNING, "file", 1, "said: %s", (HOSTILE,), None))
    assert_clean(capsys.readouterr().err)
    assert_clean(warnings.formatwarning(HOSTILE, UserWarning, "file.py", 1))


def test_usage_errors_name_what_was_given(run: Callable[..., str]) -> None:
    with pytest.raises(typer.BadParameter, match=r"\\x1b"):
        cli.inspection._parameter("\x1b[31m")


# without a terminal


def test_output_to_a_pipe_is_neither_wrapped_nor_cut() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "memgraph.cli", "inspect"], capture_output=True, text=True, check=True, timeout=120
    ).stdout  # fmt: skip
    (line,) = [line for line in found.splitlines() if "label_spending_by_purpose" in line]
    assert len(line) > 100
    assert "…" not in found


def test_long_work_says_how_far_it_is_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(common, "progress_console", PrintableConsole(file=stream, width=400))
    monkeypatch.setattr(common, "_EVERY_SECONDS", 0.0)
    with common.progress("importing", expected=5) as update:
        update(1)
        update(2, 4)
    assert stream.getvalue().splitlines() == ["importing: 1 of 5", "importing: 2 of 4"]
