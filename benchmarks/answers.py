"""Are answers read, compared and judged as they should be? Agreement with cases whose right value is known, by kind.

CASES is a folder with `stated.jsonl`, `same.jsonl`, `judged.jsonl` and `layouts.jsonl`, of which each may be missing. Their
fields are what `memgraph.read_response`, `same_answer`, `verify` and the readers of files are asked with. Nothing is drawn at
random, so there are no seeds. Example:

    python benchmarks/answers.py CASES --wrong
"""

from __future__ import annotations

import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness import Row, Rows, add_row_options, markdown, parser_of, report, say

from memgraph import read_response, same_answer, verify
from memgraph.domains import Domains
from memgraph.domains.code import Code
from memgraph.errors import InputError
from memgraph.labels.truth import FileTruth
from memgraph.rollouts.files import Reject, data_files, read_rows
from memgraph.rollouts.preparation import stated_by

Case = Mapping[str, Any]
_SPARE = re.compile(r"\*\*|\\[()\[\]]|\$")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case: what came out, and whether it is right.

    Attributes:
        seconds: that it took.
    """

    file: str
    kind: str
    id: str
    right: bool
    found: str
    wanted: str
    seconds: float


def stated(case: Case, folder: Path) -> tuple[Any, bool]:
    """What a response states."""
    answer = read_response(case["response"], case["domain"], thinking_opened=case.get("prefilled", False)).answer
    return answer, _same_text(answer, case["answer"], case["domain"])


def same(case: Case, folder: Path) -> tuple[Any, bool]:
    """Whether two answers are one."""
    equal = same_answer(case["one"], case["other"], case["domain"])
    return equal, equal == case["same"]


def judged(case: Case, folder: Path) -> tuple[Any, bool]:
    """The verdict, on the way a reward takes."""
    score = verify(
        case["response"],
        gold=case.get("gold"),
        tests=case.get("tests"),
        domain=case["domain"],
        thinking_opened=case.get("prefilled", False),
    ).score
    return score, score in case.get("accept", [case["right"]])


def layouts(case: Case, folder: Path) -> tuple[Any, bool]:
    """Rows, rejected ones, truth and answers of a file."""
    columns, files = case.get("options") or {}, [folder / "layouts" / case["file"]]
    held: dict[str, Any] = {"rows": 0, "rejected": [], "answers": []}
    try:
        for file in data_files(files):
            for row in read_rows(file, run="import", columns=columns):
                if isinstance(row, Reject):
                    held["rejected"].append(row.reason)
                else:
                    held["rows"] += 1
                    held["answers"].append(_answer_of(row.rollout))
        source = FileTruth(data_files(files), run="import", columns=columns)
        held["truth"] = len(source.query_keys())
    except InputError as error:
        return str(error)[:200], bool(case.get("refused")) or any(w.get("refused") for w in case.get("accept", []))
    return held, any(_fits(held, wanted) for wanted in case.get("accept", [case]))


def _answer_of(rollout: Any) -> str | None:
    return stated_by(rollout, Domains()).answer


def _fits(held: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    if wanted.get("refused") or held["rows"] != wanted["rows"]:
        return False
    rejected = wanted.get("rejected", [])
    number = rejected if isinstance(rejected, int) else sum(expected["count"] for expected in rejected)
    reasons = isinstance(rejected, int) or all(
        any(re.search(expected["reason"], reason, re.IGNORECASE) for reason in held["rejected"])
        for expected in rejected
    )
    truth = held["truth"] == wanted["truth"] if "truth" in wanted else True
    answers = sorted(map(str, held["answers"])) == sorted(map(str, wanted["answers"])) if "answers" in wanted else True
    return len(held["rejected"]) == number and reasons and truth and answers


ASKED: dict[str, Callable[[Case, Path], tuple[Any, bool]]] = {
    "stated": stated,
    "same": same,
    "judged": judged,
    "layouts": layouts,
}


def run(case: Case, file: str, folder: Path) -> Outcome:
    """Ask one case."""
    start = time.perf_counter()
    try:
        came_out, right = ASKED[file](case, folder)
    except Exception as error:  # a case that raises is a wrong case, and the others go on
        came_out, right = f"{type(error).__name__}: {error}", False
    seconds = time.perf_counter() - start
    right = right and seconds <= case.get("seconds", 600)
    wanted = case.get("accept") or next((case[name] for name in ("answer", "same", "right") if name in case), "")
    return Outcome(file, case["kind"], case["id"], right, str(came_out)[:300], str(wanted)[:300], round(seconds, 3))


def _same_text(answer: str | None, wanted: str | None, domain: str) -> bool:
    if answer is None or wanted is None:
        return answer == wanted
    if domain == "code":
        return Code().key(answer) == Code().key(wanted)
    return _bare(answer) == _bare(wanted)


def _bare(text: str) -> str:
    return " ".join(_SPARE.sub("", text).split()).rstrip(".").strip()


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = parser_of(__doc__, quick="the first two cases of each kind")
    add_row_options(parser)
    parser.add_argument("cases", type=Path, help="folder of the cases")
    parser.add_argument("--only", nargs="*", choices=list(ASKED), default=list(ASKED), help="some of the files")
    parser.add_argument("--wrong", action="store_true", help="list the cases that come out wrong")
    options = parser.parse_args(argv)
    rows = Rows(options, ("file", "id"))
    for name in options.only:
        file = options.cases / f"{name}.jsonl"
        seen: dict[str, int] = defaultdict(int)
        for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
            case = json.loads(line)
            seen[case["kind"]] += 1
            wanted = not options.quick or seen[case["kind"]] <= 2
            if wanted and rows.missing([(name, case["id"])]):
                rows.add(asdict(run(case, name, options.cases)))
    report("answers", options, rows.all, tables)
    if options.wrong:
        for row in rows.all:
            if not row["right"]:
                say(f"{row['id']}: found {row['found']!r}, wanted {row['wanted']!r}")


def tables(rows: Sequence[Row]) -> str:
    """Markdown: how many cases of each kind come out right, and how many of all."""
    kinds: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        kinds[row["file"], row["kind"]].append(row)
        kinds[row["file"], "all"].append(row)
    lines = []
    for (name, kind), cases in sorted(kinds.items(), key=lambda pair: (pair[0][0], pair[0][1] == "all", pair[0][1])):
        right, slowest = sum(row["right"] for row in cases), max(row["seconds"] for row in cases)
        lines.append([name, kind, str(right), str(len(cases)), f"{slowest:.2f}"])
    rewarded = [row for row in rows if row["file"] == "judged" and row["found"] == "1.0" and not row["right"]]
    table = markdown(["file", "kind", "right", "of", "slowest (s)"], lines)
    return f"{table}\n\nWrong rewards of 1: {len(rewarded)}"


if __name__ == "__main__":
    main()
