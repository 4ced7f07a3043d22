"""What an answer is: one `Domain` each for maths, questions and programs, and what they are made of.

domain.py     the contract          verifiers.py  verdicts by name: auto, exact, choice, f1, code, human, your function
thinking.py   reasoning | rest      stated.py     what a text states      programs.py  the program in a text
math.py       maths                 choices.py    options and texts       code.py      programs with tests
"""

from memgraph.domains.domain import Domain, Item, Judge, Kind, NormalAnswer, Reading, Verdict, ask
from memgraph.domains.registry import Domains

__all__ = ["Domain", "Domains", "Item", "Judge", "Kind", "NormalAnswer", "Reading", "Verdict", "ask"]
