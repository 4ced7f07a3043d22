"""The paper's data sets on the Hugging Face hub, row by row as problems.

Where the paper's own variant cannot be judged here, its nearest relative stands in: HumanEval and MBPP for HumanEval+ and
MBPP+, whose tests import numpy, which the sandbox has not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

from memgraph.domains import Domains
from memgraph.errors import InputError
from memgraph.extras import installed
from memgraph.store.keys import draw_position
from trainer.tiny.world import Problem, WorldDomain

Row = Mapping[str, Any]

_HELD_OUT_SHARE = 0.2
_LETTERS = "ABCDEFGHIJ"


@dataclass(frozen=True, slots=True)
class HubProblem:
    """A row as a problem. `unit`: what it is a variant of, where it is one; variants must not be split."""

    query: str
    gold: str | None = None
    tests: str | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class HubDataset:
    """Where a data set lies, and how its rows read.

    Attributes:
        splits: hub split of "train" and of "test". Where "train" is missing, a fifth of the units of "test" is held out
            and the rest is trained on.
        read: row → problem, or None for a row that cannot be judged.
    """

    name: str
    hub_id: str
    domain: WorldDomain
    splits: Mapping[str, str]
    read: Callable[[Row], HubProblem | None]
    config: str | None = None
    note: str = ""

    def problems(self, split: str, *, mirror: Path | None = None) -> Iterator[tuple[str, Problem]]:
        """(unit, problem) of "train" or "test", in the hub's order, each query once.

        What is trained on must not be tested in another variant: a unit belongs on one side.

        Args:
            mirror: a folder that holds copies of hub data sets under their ids, for machines without network.

        Raises:
            InputError: if it cannot be loaded.
        """
        with installed():
            from datasets import load_dataset  # loads pandas and pyarrow

        source = self.hub_id if mirror is None else str(mirror / self.hub_id)
        only_one = "train" not in self.splits
        hub_split = self.splits["test" if only_one else split]
        try:
            rows = load_dataset(
                source, self.config, split=hub_split, streaming=True
            )  # its cache mistakes one folder for another
        except (OSError, ValueError, RuntimeError) as error:
            raise InputError(
                f"cannot load {self.hub_id}, split {hub_split}: {error}; it needs the hub (and for a gated set a token, "
                "`hf auth login`), or a copy of the repository in a folder given by --mirror"
            ) from error
        seen: set[str] = set()
        for number, row in enumerate(rows):
            item = self.read(row)
            if item is None or item.query in seen:
                continue
            seen.add(item.query)
            unit = item.unit or item.query
            if only_one and _held_out(unit) != (split == "test"):
                continue
            yield (
                unit,
                Problem(
                    query=item.query,
                    domain=self.domain,
                    query_id=f"{self.name}-{hub_split}-{number}",
                    skill=self.name,
                    gold=item.gold,
                    tests=item.tests,
                    dataset=self.name,
                ),
            )


def _held_out(unit: str) -> bool:
    return draw_position(0, [unit]) < _HELD_OUT_SHARE


def choices(question: str, options: list[str], right: int) -> HubProblem:
    """A multiple-choice problem in the form that the option checks read; gold is the letter."""
    listed = "\n".join(f"{letter}. {text}" for letter, text in zip(_LETTERS, options, strict=False))
    return HubProblem(f"{question}\nOptions:\n{listed}", gold=_LETTERS[right])


def _after_hashes(row: Row) -> HubProblem:
    """GSM8K, and GSM-Symbolic, whose problems are variants of GSM8K's."""
    gold = row["answer"].rpartition("####")[2].strip()
    return HubProblem(row["question"], gold=gold, unit=row.get("original_question"))


def _boxed(row: Row) -> HubProblem | None:
    gold = Domains()["math"].read(row["solution"]).answer if "\\boxed" in row["solution"] else None
    return None if gold is None else HubProblem(row["problem"], gold=gold)


def _indexed(row: Row) -> HubProblem:
    return choices(row["question"], row["choices"], row["answer"])


def _lettered(row: Row, *, question: str) -> HubProblem | None:
    labels, texts = row["choices"]["label"], row["choices"]["text"]
    return choices(row[question], texts, labels.index(row["answerKey"])) if row["answerKey"] in labels else None


def _shuffled(row: Row) -> HubProblem:
    """GPQA lists the right answer first; the order here depends on the question alone."""
    right, *wrong = (row[name].strip() for name in ("Correct Answer", *(f"Incorrect Answer {n}" for n in (1, 2, 3))))
    options = [right, *wrong]
    Random(row["Question"]).shuffle(options)  # noqa: S311 - not for secrets
    return choices(row["Question"].strip(), options, options.index(right))


def _two_ways(row: Row) -> HubProblem | None:
    return None if row["label"] not in (0, 1) else choices(row["goal"], [row["sol1"], row["sol2"]], row["label"])


def _social(row: Row) -> HubProblem:
    options = [row["answerA"], row["answerB"], row["answerC"]]
    return choices(f"{row['context']} {row['question']}", options, int(row["label"]) - 1)


def _completed(row: Row) -> HubProblem:
    """HumanEval: the prompt is a signature with its docstring; the answer is the whole program."""
    return HubProblem(row["prompt"].strip("\n"), tests=f"{row['test']}\n\ncheck({row['entry_point']})")


def _described(row: Row) -> HubProblem:
    """MBPP: the first assertion stands in the prompt, as it names the function; all of them judge."""
    first = row["test_list"][0]
    tests = "\n".join([row["test_setup_code"], *row["test_list"], *row["challenge_test_list"]])
    return HubProblem(f"{row['text']} Your program must pass this test:\n{first}", tests=tests.strip())


_ALL = (
    HubDataset("gsm8k", "openai/gsm8k", "math", {"train": "train", "test": "test"}, _after_hashes, config="main"),
    HubDataset(
        "gsm_symbolic",
        "apple/GSM-Symbolic",
        "math",
        {"test": "test"},
        _after_hashes,
        config="main",
        note="50 variants of each of 100 GSM8K test problems, split by problem",
    ),
    HubDataset(
        "math", "DigitalLearningGmbH/MATH-lighteval", "math", {"train": "train", "test": "test"}, _boxed,
    ),
    HubDataset(
        "mmlu", "cais/mmlu", "qa", {"train": "validation", "test": "test"}, _indexed, config="all",
        note="auxiliary_train is a mixture of other data sets, so validation is trained on",
    ),
    HubDataset(
        "commonsense_qa", "tau/commonsense_qa", "qa", {"train": "train", "test": "validation"},
        partial(_lettered, question="question"), note="the test split has no answers",
    ),
    HubDataset(
        "openbookqa", "allenai/openbookqa", "qa", {"train": "train", "test": "test"},
        partial(_lettered, question="question_stem"), config="main",
    ),
    HubDataset(
        "arc_challenge", "allenai/ai2_arc", "qa", {"train": "train", "test": "test"},
        partial(_lettered, question="question"), config="ARC-Challenge",
    ),
    HubDataset(
        "gpqa", "Idavidrein/gpqa", "qa", {"test": "train"}, _shuffled, config="gpqa_main", note="gated: needs a token",
    ),
    HubDataset("humaneval", "openai/openai_humaneval", "code", {"test": "test"}, _completed),
    HubDataset(
        "mbpp", "google-research-datasets/mbpp", "code", {"train": "train", "test": "test"}, _described, config="full",
    ),
    HubDataset("numina_math", "AI-MO/NuminaMath-CoT", "math", {"train": "train", "test": "test"}, _boxed),
    HubDataset(
        "piqa", "lighteval/piqa", "qa", {"train": "train", "test": "validation"}, _two_ways, config="plain_text",
    ),
    HubDataset("siqa", "lighteval/siqa", "qa", {"train": "train", "test": "validation"}, _social),
)  # fmt: skip

HUB: Final[Mapping[str, HubDataset]] = {data.name: data for data in _ALL}
OUT_OF_DOMAIN: Final = ("numina_math", "piqa", "siqa")
IN_DOMAIN: Final = tuple(name for name in HUB if name not in OUT_OF_DOMAIN)
