// How many labels that a LabelView lets through came after a reward model was fitted.
// Parameters: $model (key), $ledgers (names or null), $kinds, $purposes, $as_of (or null), $runs (or null; not looked at).
// Returns labels.
MATCH (m:RewardModel {key: $model})
MATCH (l:Label)
WHERE l.created_at > m.created_at AND l.kind IN $kinds AND l.purpose IN $purposes
  AND ($as_of IS NULL OR l.created_at <= $as_of)
  AND ($ledgers IS NULL OR EXISTS { MATCH (l)-[:SPENT_IN]->(ledger:Ledger) WHERE ledger.name IN $ledgers })
RETURN count(l) AS labels
