// Writes predicted rewards back to rollouts, as labels with their model; predictions attach to the rollout, never to
// the answer. Parameters: $model (key or null), $kind (gnn or vote), $rows (key, target, score).
UNWIND $rows AS row
MATCH (t:Thinking {key: row.target})
MERGE (l:Label {key: row.key})
ON CREATE SET l.kind = $kind, l.score = row.score, l.model = $model, l.created_at = datetime()
MERGE (l)-[:SCORES]->(t)
