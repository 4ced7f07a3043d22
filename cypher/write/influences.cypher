// Keeps what moved a predicted score, by leave-one-out: judged answers to the query, and votes of its rollouts.
// Parameters: $prediction (key), $rows (kind, key of the answer, label or null, change).
MATCH (p:Prediction {key: $prediction})
UNWIND $rows AS row
MATCH (what:Answer {key: row.key})
MERGE (p)-[moved:MOVED_BY {kind: row.kind}]->(what)
SET moved.change = row.change, moved.label = row.label
