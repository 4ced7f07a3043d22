// The labels of queries' rollouts that a LabelView lets through, on the rollout itself or on its answer.
// Parameters: $keys (queries), $ledgers (names or null), $kinds, $purposes, $as_of (or null).
// Returns target (key of an answer or rollout), on ("answer" or "rollout"), kind, score, created_at, label.
UNWIND $keys AS key
MATCH (q:Query {key: key})
CALL (q) {
  MATCH (q)-[:GENERATES]->(target:Answer)<-[:SCORES]-(l:Label) RETURN target, 'answer' AS on, l
  UNION ALL
  MATCH (q)-[:GENERATES_REASONING]->(target:Thinking)<-[:SCORES]-(l:Label) RETURN target, 'rollout' AS on, l
}
WITH target, on, l
WHERE l.kind IN $kinds AND l.purpose IN $purposes
  AND ($as_of IS NULL OR l.created_at <= $as_of)
  AND ($ledgers IS NULL OR EXISTS { MATCH (l)-[:SPENT_IN]->(ledger:Ledger) WHERE ledger.name IN $ledgers })
RETURN target.key AS target, on, l.kind AS kind, l.score AS score, l.created_at AS created_at, l.key AS label
