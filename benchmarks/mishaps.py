"""What does a user see when a training meets trouble, and is anything lost? Small trainings of a real LLM, each harmed in one way.

Each is `memreward train` in a process and a memory of its own. A row keeps what the console said, how it ended, and a comparison
of the rewards that the run has logged with those that the memory holds. Examples:

    python benchmarks/mishaps.py smollm2 --out mishaps.jsonl
    python benchmarks/mishaps.py smollm2 --only killed backup --out mishaps.jsonl

`smollm2` is the folder that `smollm2.py` made: problems, and the policy in `start`.

Mishaps:

    killed      SIGKILL in the middle of training, then `memreward train --resume`
    away        the server is stopped in the middle of training, and started five minutes later
    backup      `memreward db backup` in the middle of training
    full        the disk of the memory fills up, and gets room again after two minutes
    collapsed   a policy that gives one answer to everything
    endless     a policy that never comes to an end
    cut         a policy that thinks longer than it may say
    pleasing    a reward that can be pleased: nothing but the majority counts, and the rate is high
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from harness import Row, Rows, add_row_options, markdown, parser_of, report, say
from smollm2 import SYSTEM_PROMPT, Item, draw, supervised_start

from memgraph import Memory
from memgraph.settings import Settings
from memgraph.store.server.local import LocalServer
from trainer.reward.report import read_records

START = "start"
SMALL: dict[str, Any] = {  # a training of some minutes on two cores
    "policy": {"system_prompt": SYSTEM_PROMPT},
    "labels": {"budget": 0.2, "acquisition": "random"},
    "reward": {"scorer": "reward_model", "kind": "soft", "initial_rollouts": 4, "labelled_rollouts": 8},
    "refit": {"every": 6},
    "evaluate": False,
    "max_new_tokens": 48,
    "grpo": {
        "max_steps": 12,
        "per_device_train_batch_size": 16,
        "num_generations": 4,
        "learning_rate": 1e-6,
        "save_steps": 4,
    },
}
QUICK: dict[str, Any] = {  # the tiny policy on its own problems
    "policy": {"model": "tiny", "system_prompt": None},
    "data": {"train": 20, "test": 0, "train_files": []},
    "reward": {"initial_rollouts": 2, "labelled_rollouts": 2},
}


class Life:
    """A training that goes on beside this process, in a home of its own."""

    def __init__(self, folder: Path, home: Path, settings: dict[str, Any]) -> None:
        self.home = home
        self.name = settings["name"]
        self._folder = folder
        self._config = folder / "run.yaml"
        self._config.write_text(yaml.safe_dump(settings), encoding="utf-8")
        self._console = folder / "console.txt"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its commands; lines are kept whole."""
        return {**os.environ, "MEMREWARD_HOME": str(self.home), "COLUMNS": "200", "PYTHONUNBUFFERED": "1"}

    def start(self, *more: str) -> None:
        """Begin or go on."""
        command = [sys.executable, "-m", "memgraph.cli", "train", str(self._config), *more]
        self.note(f"$ memreward train run.yaml {' '.join(more)}".rstrip())
        with self._console.open("ab") as console:
            self._process = subprocess.Popen(
                command, cwd=self._folder, env=self.environment, stdout=console, stderr=subprocess.STDOUT
            )

    def command(self, *arguments: str) -> None:
        """What a user types into a second terminal meanwhile."""
        self.note(f"$ memreward {' '.join(arguments)}   # in a second terminal")
        command = [sys.executable, "-m", "memgraph.cli", *arguments]
        done = subprocess.run(
            command, cwd=self._folder, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.note(done.stdout.rstrip())

    def until(self, calls: int) -> None:
        """Wait for so many reward calls."""
        while len(self.calls()) < calls and self.runs():
            time.sleep(0.5)

    def runs(self) -> bool:
        """Whether the training goes on."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL, without warning."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self.note("Killed")

    def end(self) -> int:
        """Exit code, once it has ended."""
        return -1 if self._process is None else self._process.wait()

    def note(self, line: str) -> None:
        """A line of the console that is not the training's."""
        with self._console.open("a", encoding="utf-8") as console:
            console.write(f"{line}\n")

    def calls(self) -> list[Row]:
        """Reward calls that the run has logged."""
        return read_records(self._folder / "outputs" / self.name / "rewards.jsonl")

    def said(self) -> list[str]:
        """The console, without escapes, states of bars that were overwritten, warnings of other libraries, and folders."""
        text = self._console.read_text(encoding="utf-8", errors="replace").replace(str(self._folder), "…")
        lines = (line.rpartition("\r")[2].rstrip() for line in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text).split("\n"))
        return [line for line in lines if line and not re.search(r"Warning: |warnings\.warn|Loading weights", line)]


def nothing(life: Life, seconds: float) -> None:
    """The policy is trouble enough."""


def killed(life: Life, seconds: float) -> None:
    """SIGKILL after a checkpoint, in the middle of a step."""
    life.until(7)
    life.kill()
    life.start("--resume")


def away(life: Life, seconds: float) -> None:
    """The server is stopped."""
    life.until(5)
    life.command("db", "stop")
    time.sleep(seconds)
    life.command("db", "start")


def backed_up(life: Life, seconds: float) -> None:
    """A backup."""
    life.until(5)
    life.command("db", "backup", "backup")


def full(life: Life, seconds: float) -> None:
    """A file takes the room that is left, for a while."""
    life.until(5)
    ballast = life.home.parent / "ballast"
    life.note("# the disk of the memory is full from here on")
    with ballast.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(b"x" * 2**20)
        except OSError:
            pass
    time.sleep(seconds)
    ballast.unlink()
    life.note("# there is room again")


@dataclass(frozen=True, slots=True)
class Mishap:
    """What goes wrong.

    Attributes:
        happens: beside the training.
        policy: the folder of its policy, beside the problems.
        settings: that differ from `SMALL`.
        seconds: of an outage.
        own_disk: the memory lies on a small disk of its own.
    """

    happens: Callable[[Life, float], None] = nothing
    policy: str = START
    settings: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    own_disk: bool = False


MISHAPS = {
    "killed": Mishap(killed),
    "away": Mishap(away, seconds=300),
    "backup": Mishap(backed_up),
    "full": Mishap(full, seconds=120, own_disk=True),
    "collapsed": Mishap(policy="collapsed", settings={"reward": {"scorer": "majority_vote"}}),
    "endless": Mishap(policy="endless"),
    "cut": Mishap(policy="thinking", settings={"max_new_tokens": 16}),
    "pleasing": Mishap(
        settings={
            "labels": {"monitor": 0.5},
            "reward": {"scorer": "majority_vote"},
            "grpo": {"max_steps": 30, "learning_rate": 1e-4},
        }
    ),
}
TAUGHT: dict[str, Callable[[Item], Item]] = {  # how a policy says it, in place of the steps
    "collapsed": lambda item: Item(item.question, "7 * 6 = 42.", 42),
    "endless": lambda item: replace(item, steps=f"{item.steps} So " + "and so we go on, " * 30),
    "thinking": lambda item: replace(item, steps=f"<think>\nLet me see. {item.steps}\n</think>\n"),
}


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = parser_of(__doc__, quick="the tiny policy, killed once")
    add_row_options(parser)
    parser.add_argument("problems", type=Path, nargs="?", help="what `smollm2.py` made; not needed with --quick")
    parser.add_argument("--only", nargs="*", choices=list(MISHAPS), default=list(MISHAPS), help="by default all")
    options = parser.parse_args(argv)
    if options.quick:
        options.only = ["killed"]
    elif options.problems is None:
        parser.error("PROBLEMS is missing: the folder that `smollm2.py` made")
    rows = Rows(options, ("mishap",))
    for (name,) in rows.missing((name,) for name in options.only):
        say(f"{name} …")
        rows.add(lived(name, MISHAPS[name], options.problems, quick=options.quick))
    report("mishaps", options, rows.all, tables)


def lived(name: str, mishap: Mishap, problems: Path | None, *, quick: bool) -> Row:
    """One training with its trouble."""
    start = time.perf_counter()
    with TemporaryDirectory(prefix="mishap-") as place, disk(Path(place) / "disk", small=mishap.own_disk) as home:
        folder = Path(place)
        settings = merged({"name": name}, SMALL, QUICK if quick else of_llm(problems, mishap), mishap.settings)
        life = Life(folder, home, settings)
        life.start()
        mishap.happens(life, mishap.seconds)
        code = life.end()
        with Memory.open(Settings.load(home=home)) as memory:
            compared = logged_and_held(life, memory)
        LocalServer(Settings.load(home=home)).stop()
        row = {"mishap": name, "exit_code": code, **compared, "seconds": round(time.perf_counter() - start)}
        return {**row, "said": life.said()}


def of_llm(problems: Path | None, mishap: Mishap) -> dict[str, Any]:
    """The settings that name problems and policy, which is taught where it is not there yet."""
    assert problems is not None
    policy = problems / mishap.policy
    if not (policy / "config.json").exists():
        say(f"teaching the policy {mishap.policy!r}")
        taught = [TAUGHT[mishap.policy](sum_.solved()) for sum_ in draw({"shown": 16}, seed=1)["shown"]]
        with get_context("spawn").Pool(1) as pool:  # a process of its own, since it takes gigabytes
            pool.apply(supervised_start, (str(problems / START), taught, policy, 2e-4))
    return {
        "policy": {"model": str(policy.resolve())},
        "data": {"train_files": [str((problems / "train.jsonl").resolve())]},
    }


def merged(*settings: Mapping[str, Any]) -> dict[str, Any]:
    """Sections of several configurations, the last one counts."""
    found: dict[str, Any] = {}
    for values in settings:
        for name, value in values.items():
            found[name] = {**found.get(name, {}), **value} if isinstance(value, Mapping) else value
    return found


@contextmanager
def disk(place: Path, *, small: bool) -> Iterator[Path]:
    """A home for the memory; `small` mounts a disk of 1.5 GB for it, as root can."""
    place.mkdir()
    if small:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1500m", "tmpfs", str(place)], check=True)
    try:
        yield place / "home"
    finally:
        if small:
            subprocess.run(["umount", "-l", str(place)], check=True)


def logged_and_held(life: Life, memory: Memory) -> Row:
    """How many rewards the run has logged, and how many of those the memory does not hold."""
    stored = Counter[tuple[int, int]]()
    for found in memory.database.query(
        "MATCH (:Run {name: $run})-[:PRODUCED]->(t:Thinking) WHERE t.call IS NOT NULL AND t.reward IS NOT NULL "
        "RETURN t.attempt AS attempt, t.call AS call, count(*) AS rewards",
        run=life.name,
    ):
        stored[found["attempt"], found["call"]] = found["rewards"]
    logged = Counter[tuple[int, int]]()
    calls = life.calls()
    for call in calls:
        logged[call["attempt"], call["call"]] += sum(n for source, n in call["sources"].items() if source != "none")
    return {
        "calls": len(calls),
        "failed_calls": sum(call["failure"] is not None for call in calls),
        "rewards": logged.total(),
        "lost": (logged - stored).total(),
    }


def tables(rows: Sequence[Row]) -> str:
    """Markdown: an overview, then each console."""
    names = ("mishap", "exit_code", "calls", "failed_calls", "rewards", "lost", "seconds")
    overview = markdown(names, [[str(row[name]) for name in names] for row in rows])
    consoles = [f"## {row['mishap']}\n\n```text\n{chr(10).join(row['said'])}\n```" for row in rows]
    return "\n\n".join([overview, *consoles])


if __name__ == "__main__":
    main()
