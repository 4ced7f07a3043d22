// Answers that too few people have judged and no truth has settled within a ledger, the most valuable ones first, as
// inspect/next_labels has it: many rollouts, and a model that is unsure. Equal answers are one.
// Parameters: $ledger (key), $limit, $judgements (how many people judge an answer), $author (who has not judged it, or null),
// $runs (that gave the answer) and $datasets (lists of names, or null for all).
// Returns answer_key, query_key, query, domain, answer, rollouts (how many), example (one response).
MATCH (q:Query)-[:GENERATES]->(a:Answer {valid: true})
WHERE NOT EXISTS { (a)-[:EQUALS]->() } AND ($datasets IS NULL OR q.dataset IN $datasets)
  AND ($runs IS NULL OR EXISTS {
    MATCH (a)<-[:EQUALS*0..1]-()<-[:LEADS_TO]-(t:Thinking) WHERE t.run IN $runs AND NOT coalesce(t.superseded, false)
  })
WITH q, a, COLLECT {
  MATCH (a)<-[:EQUALS*0..1]-()<-[:SCORES]-(l)-[:SPENT_IN]->(:Ledger {key: $ledger})
  WHERE l.kind IN ['human', 'ground_truth']
  RETURN DISTINCT CASE l.kind WHEN 'human' THEN l.identifier ELSE '' END
} AS judged_by
WHERE size(judged_by) < $judgements AND NOT '' IN judged_by AND ($author IS NULL OR NOT $author IN judged_by)
CALL (a) {
  MATCH (a)<-[:EQUALS*0..1]-()<-[:LEADS_TO]-(t:Thinking)
  WHERE NOT coalesce(t.superseded, false)
  WITH t, head(COLLECT {
    MATCH (t)<-[:SCORES]-(p:Prediction {scorer: 'reward_model'}) RETURN p.score ORDER BY p.created_at DESC, p.key LIMIT 1
  }) AS score
  RETURN count(t) AS rollouts, avg(score) AS mean
}
WITH q, a, rollouts, coalesce(mean, CASE  // nothing is predicted where another ledger knows the truth
  WHEN EXISTS { (a)<-[:EQUALS*0..1]-()<-[:SCORES]-({kind: 'ground_truth'}) } THEN 0.0
  ELSE 0.5
END) AS predicted
WHERE rollouts > 0
ORDER BY rollouts * predicted * (1 - predicted) DESC, a.key
LIMIT $limit
RETURN a.key AS answer_key, q.key AS query_key, q.text AS query, q.domain AS domain, a.written AS answer, rollouts,
       head(COLLECT {
         MATCH (a)<-[:EQUALS*0..1]-()<-[:LEADS_TO]-(t:Thinking) WHERE NOT coalesce(t.superseded, false)
         RETURN t.response ORDER BY t.key LIMIT 1
       }) AS example
