"""A column `answer` that holds the gold, and not what each rollout answered: noticed before anything is stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from memgraph.domains import Domains
from memgraph.domains.references import ends_in_hashes
from memgraph.rollouts.layouts import Sampled

_DOUBTFUL = 0.2  # share of rows beyond which answers that stand nowhere in their responses are nobody's


class AnswerColumn(Enum):
    """Whose answers a column `answer` holds."""

    ROLLOUTS = "what each rollout answered"
    GOLD = "the gold"
    DOUBTFUL = "what no rollout says, for one rollout of each query"


@dataclass(frozen=True, slots=True)
class _Seen:
    """One row: the column's answer, what the response states, and the gold beside it, all as normal forms."""

    query: str
    answer: str
    stated: str
    gold: str
    is_in_response: bool


def answer_column(rows: Iterable[Sampled], domains: Domains) -> AnswerColumn:
    r"""Decide by a rule over the first rows of a file.

    It is the gold where any of these holds:

    - an answer is a worked solution that ends in a line `#### 42`, as GSM8K writes its golds;
    - all rollouts of each query share one answer, and the responses to some query state several;
    - it equals the column `gold` in all rows, and some response states another answer.

    It is doubtful where no query has two answers, and more than one row, and a fifth of all, have an answer that is neither
    stated nor found anywhere in the response. Else it holds the rollouts' own answers.
    """
    seen = []
    for row in rows:
        answer = row.fields.get("answer")
        if isinstance(answer, bool) or not isinstance(answer, (str, int, float)):
            continue
        if isinstance(answer, str) and ends_in_hashes(answer):
            return AnswerColumn.GOLD
        seen.append(_look(row, _text(answer), domains))
    by_query: dict[str, list[_Seen]] = defaultdict(list)
    for cell in seen:
        by_query[cell.query].append(cell)
    one_answer = all(len({cell.answer for cell in group}) == 1 for group in by_query.values())
    differ = [cell for cell in seen if cell.stated and cell.stated != cell.answer]
    if not differ or not one_answer:
        return AnswerColumn.ROLLOUTS
    if any(len({cell.stated for cell in group if cell.stated}) > 1 for group in by_query.values()):
        return AnswerColumn.GOLD
    if all(cell.gold == cell.answer for cell in seen):
        return AnswerColumn.GOLD
    strange = sum(not cell.is_in_response for cell in differ)
    return AnswerColumn.DOUBTFUL if strange > max(1, _DOUBTFUL * len(seen)) else AnswerColumn.ROLLOUTS


def _look(row: Sampled, answer: str, domains: Domains) -> _Seen:
    fields = row.fields
    domain = fields["domain"] if isinstance(fields.get("domain"), str) else "qa"  # as `Rollout` has it
    response = fields["response"] if isinstance(fields.get("response"), str) else ""
    reader = domains[domain]
    stated = reader.read(response if row.stated is None else row.stated).answer
    gold = fields.get("gold")
    return _Seen(
        f"{fields.get('dataset')} {fields.get('query')}",
        reader.key(answer).value,
        "" if stated is None else reader.key(stated).value,
        "" if gold is None or isinstance(gold, (list, dict)) else reader.key(_text(gold)).value,
        answer.strip() in response,
    )


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
