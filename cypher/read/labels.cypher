// The labels of queries' rollouts that a LabelView lets through, on the rollout itself or on its answer.
// Parameters: $keys (queries), $ledgers (names or null), $kinds, $purposes, $as_of (or null).
// $runs (names or null: labels on rollouts of these runs, and on answers that one of them gave).
// Returns key, target (key of a rollout, or of the answer that stands for all equal ones), on ("answer" or "rollout"), kind,
// score, author, confidence, explanation, created_at, corrects (keys of the labels that it replaces).
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
  AND ($runs IS NULL OR EXISTS { MATCH (target)-[:EQUALS*0..2]-()<-[:LEADS_TO*0..1]-(t:Thinking) WHERE t.run IN $runs })
RETURN l.key AS key, coalesce([(target)-[:EQUALS]->(r) | r.key][0], target.key) AS target, on, l.kind AS kind, l.score AS score,
       coalesce(l.identifier, '') AS author, coalesce(l.confidence, 1.0) AS confidence, coalesce(l.explanation, '') AS explanation,
       l.created_at AS created_at, COLLECT { MATCH (l)-[:CORRECTS]->(earlier:Label) RETURN earlier.key } AS corrects
