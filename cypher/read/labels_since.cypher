// How many labels that a LabelView lets through came after a reward model was fitted.
// Parameters: $model (key), $ledgers (names or null), $kinds, $purposes, $as_of (or null), $runs (names or null: labels on
// rollouts of these runs, and on answers that one of them gave).
// Returns labels.
MATCH (m:RewardModel {key: $model})
MATCH (l:Label)
WHERE l.created_at > m.created_at AND l.kind IN $kinds AND l.purpose IN $purposes
  AND ($as_of IS NULL OR l.created_at <= $as_of)
  AND ($ledgers IS NULL OR EXISTS { MATCH (l)-[:SPENT_IN]->(ledger:Ledger) WHERE ledger.name IN $ledgers })
  AND ($runs IS NULL OR EXISTS {
    MATCH (l)-[:SCORES]->()-[:EQUALS*0..2]-()<-[:LEADS_TO*0..1]-(t:Thinking) WHERE t.run IN $runs
  })
RETURN count(l) AS labels
