"""Judged by people: nothing is decided here, answers wait in the queue (`memgraph.queue`) until somebody judges them."""

from __future__ import annotations

from typing import ClassVar

from memgraph.records import Reference
from trainer.verifiers.base import Unit, Verdict, Verifier


class Human(Verifier):
    """Leaves every answer to people. Their judgements come back as labels of kind HUMAN, each paid for by itself."""

    unit: ClassVar[Unit] = "answer"

    def _compare(self, answer: str, reference: Reference, domain: str) -> Verdict:
        return Verdict(None, "waits for a person's judgement")
