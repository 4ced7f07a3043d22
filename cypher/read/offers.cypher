// What queries offer to the scores around them: their rollouts that may be read, as read/rollouts chooses them. One page,
// in order of key. Parameters: $after (key; '' for the first page), $limit (queries), $rollouts (at most so many a query),
// $labelled_only, $near (cosine: neighbours nearer than that are named); $ledgers (names or null), $kinds, $purposes, $as_of (or null).
// Returns key, labelled (how many rollouts have a label that the LabelView lets through), rollouts (list of [rollout, answer]),
// near (keys).
MATCH (q:Query) WHERE q.key > $after
WITH q ORDER BY q.key LIMIT $limit
CALL (q) {
  MATCH (q)-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer)
  WHERE NOT coalesce(t.superseded, false)
  WITH t, a, EXISTS {
    MATCH (t)-[:LEADS_TO*0..1]->()<-[:SCORES]-(l:Label)
    WHERE l.kind IN $kinds AND l.purpose IN $purposes
      AND ($as_of IS NULL OR l.created_at <= $as_of)
      AND ($ledgers IS NULL OR EXISTS { MATCH (l)-[:SPENT_IN]->(ledger:Ledger) WHERE ledger.name IN $ledgers })
  } AS labelled
  WHERE labelled OR NOT $labelled_only
  WITH t, a, labelled ORDER BY labelled DESC, t.created_at DESC, t.key
  RETURN sum(CASE WHEN labelled THEN 1 ELSE 0 END) AS labelled, collect([t.key, a.key])[..$rollouts] AS rollouts
}
RETURN q.key AS key, labelled, rollouts,
       COLLECT { MATCH (q)-[s:SIMILAR_TO]->(n:Query) WHERE s.score >= $near RETURN n.key ORDER BY n.key } AS near
ORDER BY key
