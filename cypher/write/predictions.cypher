// Writes predicted rewards back to rollouts, with their model and the reason for scoring; predictions attach to
// the rollout, never to the answer. A score of null takes an earlier one back: the model abstains now.
// Parameters: $model (key or null), $scorer (its name), $rows (key, target, score, reason).
UNWIND $rows AS row
MATCH (t:Thinking {key: row.target})
MERGE (p:Prediction {key: row.key})
ON CREATE SET p.scorer = $scorer, p.score = row.score, p.model = $model, p.reason = row.reason, p.created_at = datetime(),
              p.name = coalesce(toString(round(row.score, 2)), 'no score')
MERGE (p)-[:SCORES]->(t)
