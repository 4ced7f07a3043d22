"""Samples from a server into a memory until it is killed.  python -m tests.integration.sampled_until_killed URL HOME"""

from __future__ import annotations

import sys
from pathlib import Path

from memgraph.memory import Memory
from memgraph.settings import Settings
from trainer.sampling.client import ServerAddress
from trainer.sampling.questions import Asking, Question
from trainer.sampling.sampler import Decoding
from trainer.sampling.server import ServerSampler
from trainer.sampling.store import Place, lacking, sample_into

RUN = "sampled"
QUESTIONS = [Question(f"question {i}?", Asking()(f"question {i}?"), domain="math", row=i + 1) for i in range(6)]

if __name__ == "__main__":
    with Memory.open(Settings(home=Path(sys.argv[2]))) as memory:
        requests = lacking(memory, QUESTIONS, Place(RUN), 4)
        sampler = ServerSampler(ServerAddress(sys.argv[1]), parallel=2)
        sample_into(memory, sampler, QUESTIONS, requests, place=Place(RUN), decoding=Decoding(), batch=4)
