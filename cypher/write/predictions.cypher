// Writes predicted rewards back to rollouts, as labels with their model and the reason for scoring; predictions attach to
// the rollout, never to the answer. A score of null takes an earlier one back: the model abstains now.
// Parameters: $model (key or null), $kind (gnn or vote), $rows (key, target, score, reason).
UNWIND $rows AS row
MATCH (t:Thinking {key: row.target})
MERGE (l:Label {key: row.key})
ON CREATE SET l.kind = $kind, l.score = row.score, l.model = $model, l.reason = row.reason, l.created_at = datetime()
MERGE (l)-[:SCORES]->(t)
