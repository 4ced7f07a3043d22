// Keeps what moved a predicted score, by leave-one-out: judged answers to the query, votes of its rollouts, and checks of the rollout.
// Parameters: $prediction (key), $rows (kind, key of the answer or name of the check, label or null, change).
MATCH (p:Prediction {key: $prediction})
CALL (p) {
  UNWIND [row IN $rows WHERE row.kind <> 'check'] AS row
  MATCH (what:Answer {key: row.key})
  MERGE (p)-[moved:MOVED_BY {kind: row.kind}]->(what)
  SET moved.change = row.change, moved.label = row.label
}
CALL (p) {
  UNWIND [row IN $rows WHERE row.kind = 'check'] AS row
  MATCH (p)-[:SCORES]->(t:Thinking)
  MERGE (p)-[moved:MOVED_BY {kind: 'check', check: row.key}]->(t)
  SET moved.change = row.change
}
