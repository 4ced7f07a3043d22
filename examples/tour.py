# %% [markdown]
# # A tour of a memory
#
# Rollouts go in, a fifth of the truth is revealed, and the reward of all others is predicted. Then people judge, and a picture
# tells how far the predictions hold. `examples/tour.ipynb` shows what each step gives.

# %%
from memgraph import LabelRow, LabelView, Memory, plots

memory = Memory.open()
report = memory.import_file("data/rollouts.jsonl", run="base")
print(report.new, "rollouts are new")

# %% [markdown]
# ## Labels are counted
#
# The file knows what is right. The ledger reveals it for 20 % of the queries, and keeps account.

# %%
spent = memory.reveal("data/rollouts.jsonl", run="base", budget=0.2)
print(len(spent.training), "queries are labelled")

# %% [markdown]
# ## Predicted rewards
#
# The reward model is fitted on these labels. It scores all rollouts that have none.

# %%
view = LabelView(
    ledgers=("default", "people")
)  # whose labels count: those above, and those of people, who follow below
model = memory.fit(view)
memory.score(model, view)
rewards = memory.rewards(view).to_pandas()
rewards.groupby("source")["reward"].agg(["count", "mean"]).round(2)

# %% [markdown]
# What moved a prediction the most:

# %%
predicted = next(row for row in memory.rewards(view) if row.source == "prediction")
for one in memory.explain(predicted.rollout, view, model=model).influences[:3]:
    print(one.kind, one.text[:40], f"{one.change:+.2f}")

# %% [markdown]
# ## People judge
#
# `memreward annotate --author Ann` opens a page for it. In Python a judgement is a row. Only what it changes is scored again.

# %%
answer = next(row for row in memory.rollouts(view=view) if row.label is None and row.answer)
said = LabelRow(1.0, author="Ann", query_key=answer.query_key, answer=answer.answer)
print(memory.label([said], ledger="people").labels, "label")
changed = memory.relabel(model, view)
print(changed.affected, "of", changed.queries, "queries are scored again")

# %% [markdown]
# ## How far predictions hold
#
# More truth is revealed, and held against what was predicted before. Points on the diagonal are probabilities that hold.

# %%
memory.reveal("data/rollouts.jsonl", run="base", budget=0.6)
plots.calibration(memory)

# %% [markdown]
# ## Everything is in the graph
#
# A memory says what is in it. `memreward inspect` has named Cypher queries, and any Cypher of yours works as well.

# %%
memory

# %%
memory.database.query("""
    MATCH (q:Query)-[:GENERATES]->(a:Answer)<-[:LEADS_TO]-(t:Thinking)
    RETURN q.text AS query, a.written AS answer, count(t) AS rollouts ORDER BY rollouts DESC, query, answer LIMIT 3
""")
