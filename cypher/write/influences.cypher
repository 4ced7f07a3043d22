// Keeps what moved a predicted score, by leave-one-out: judged answers to the query, votes of its rollouts, and checks of the rollout.
// Parameters: $prediction (key), $answers (kind, key of the answer, label or null, change), $checks (name, change).
MATCH (p:Prediction {key: $prediction})
CALL (p) {
  UNWIND $answers AS row
  MATCH (what:Answer {key: row.key})
  MERGE (p)-[moved:MOVED_BY {kind: row.kind}]->(what)
  SET moved.change = row.change, moved.label = row.label
}
CALL (p) {
  UNWIND $checks AS row
  MATCH (p)-[:SCORES]->(t:Thinking)
  MERGE (p)-[moved:MOVED_BY {kind: 'check', check: row.key}]->(t)
  SET moved.change = row.change
}
