// Queries with a label that a LabelView lets through, on a rollout or an answer.
// Parameters: $ledgers (names or null), $kinds, $purposes, $as_of, $runs (or null). Returns key, in order.
MATCH (l:Label)
WHERE l.kind IN $kinds AND l.purpose IN $purposes
  AND ($as_of IS NULL OR l.created_at <= $as_of)
  AND ($ledgers IS NULL OR EXISTS { MATCH (l)-[:SPENT_IN]->(ledger:Ledger) WHERE ledger.name IN $ledgers })
MATCH (l)-[:SCORES]->(target)<-[:GENERATES|GENERATES_REASONING]-(q:Query)
WHERE $runs IS NULL OR EXISTS { MATCH (target)<-[:LEADS_TO*0..1]-(t:Thinking) WHERE t.run IN $runs }
RETURN DISTINCT q.key AS key ORDER BY key
