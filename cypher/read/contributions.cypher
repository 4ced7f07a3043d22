// What queries offer to the scores around them: their labelled rollouts, as read/rollouts chooses them.
// Parameters: $keys, $rollouts (at most so many a query); $ledgers (names or null), $kinds, $purposes,
// $as_of, $runs (or null).
// Returns key, labelled (how many rollouts have a label that the LabelView lets through), rollouts (list of [rollout, answer]).
UNWIND $keys AS key
MATCH (q:Query {key: key})
CALL (q) {
  MATCH (q)-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer)
  WHERE NOT coalesce(t.superseded, false)
  WITH t, a, EXISTS {
    MATCH (t)-[:LEADS_TO*0..1]->()-[:EQUALS*0..2]-()<-[:SCORES]-(l)
    WHERE l.kind IN $kinds AND l.purpose IN $purposes
      AND ($as_of IS NULL OR l.created_at <= $as_of)
      AND ($ledgers IS NULL OR EXISTS { MATCH (l)-[:SPENT_IN]->(ledger:Ledger) WHERE ledger.name IN $ledgers })
      AND ($runs IS NULL OR t.run IN $runs OR EXISTS { MATCH (a)-[:EQUALS*0..2]-()<-[:LEADS_TO]-(o:Thinking) WHERE o.run IN $runs })
  } AS labelled
  WHERE labelled
  WITH t, a ORDER BY t.created_at DESC, t.key
  RETURN count(t) AS labelled, collect([t.key, coalesce([(a)-[:EQUALS]->(r) | r.key][0], a.key)])[..$rollouts] AS rollouts
}
RETURN key, labelled, rollouts
