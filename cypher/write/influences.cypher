// Keeps what moved a predicted score, by leave-one-out: labelled neighbours, their answers, and votes of the own group.
// Parameters: $prediction (key), $rows (kind, key of the query or answer, label or null, change).
MATCH (p:Prediction {key: $prediction})
UNWIND $rows AS row
MATCH (what:Query|Answer {key: row.key})
MERGE (p)-[moved:MOVED_BY {kind: row.kind}]->(what)
SET moved.change = row.change, moved.label = row.label
