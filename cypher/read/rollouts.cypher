// Rollouts of queries, at most $limit a query: first those with a label that a LabelView lets through (another ledger's
// labels must not decide what this one sees), then the newest, then by key.
// Only a Label SCORES; the pattern does not say so, here and in other statements, since an index over labels that was sampled
// while there were none looks free to the planner, which would then read all labels for every rollout.
// Superseded rollouts (of discarded training steps) count nowhere.
// Parameters: $keys (queries), $property, $checks (names of the properties with vector and checks), $limit; $ledgers
// (names or null), $kinds, $purposes, $as_of, $runs (or null); $run, $attempt, $call
// (null, or only rollouts sampled there).
// Returns query, key, answer, same_as (the answer that stands for all equal ones), run, attempt, call, policy, position (in the order of experience), embedding (float32 bytes), features (list of [name, value]),
// checks (float32 bytes, in the order of memgraph.domains.checks.CHECK_FEATURES).
UNWIND $keys AS key
MATCH (q:Query {key: key})
CALL (q) {
  MATCH (q)-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer)
  WHERE NOT coalesce(t.superseded, false)
    AND ($run IS NULL OR (t.run = $run AND t.attempt = $attempt AND t.call = $call))
  WITH t, a, EXISTS {
    MATCH (t)-[:LEADS_TO*0..1]->()-[:EQUALS*0..2]-()<-[:SCORES]-(l)
    WHERE l.kind IN $kinds AND l.purpose IN $purposes
      AND ($as_of IS NULL OR l.created_at <= $as_of)
      AND ($ledgers IS NULL OR EXISTS { MATCH (l)-[:SPENT_IN]->(ledger:Ledger) WHERE ledger.name IN $ledgers })
      AND ($runs IS NULL OR t.run IN $runs OR EXISTS { MATCH (a)-[:EQUALS*0..2]-()<-[:LEADS_TO]-(o:Thinking) WHERE o.run IN $runs })
  } AS labelled
  RETURN t, a ORDER BY labelled DESC, t.created_at DESC, t.key LIMIT $limit
}
RETURN key AS query, t.key AS key, a.key AS answer, coalesce([(a)-[:EQUALS]->(r) | r.key][0], a.key) AS same_as, t.run AS run, t.attempt AS attempt, coalesce(t.call, -1) AS call,
       t.policy AS policy, t.position AS position, t[$property] AS embedding,
       [name IN keys(t) WHERE name STARTS WITH 'feature_' | [substring(name, 8), t[name]]] AS features, t[$checks] AS checks
