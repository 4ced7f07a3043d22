"""Labels from people: a sheet with the answers that wait for a judgement, then what they said, and the rewards it changes.

python examples/human_labels.py sheet.csv          # writes the sheet; fill in the columns score (0 or 1) and author
python examples/human_labels.py sheet.csv filled   # reads it
"""

import sys

from memgraph import LabelView, Memory

sheet, view = sys.argv[1], LabelView(ledgers=("people",))
with Memory.open() as memory:
    if len(sys.argv) == 2:
        print(f"{memory.queue(sheet, ledger='people')} answers wait in {sheet}")
    else:
        report = memory.label(sheet, ledger="people", budget=100)
        memory.fit(view)
        changed = memory.relabel(view=view)
        print(f"{report.labels} labels; {changed.new_rewards} rollouts got a reward, {changed.changed} another one")
