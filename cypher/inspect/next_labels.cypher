// Which answers are worth a label most? Those that nobody has judged, many rollouts give, and the model is unsure of.
// Parameters: run (name of one that gave the answer, or null for all), dataset (name, or null for all), ledger (name, or null for
// labels of all).
// Returns query, answer, rollouts, predicted (mean of the newest), value (rollouts times 4 p (1 - p), with 0.5 where nothing is
// predicted), domain, key (of the answer).
// Without rows: all answers are judged, or no rollout is stored yet.
WITH {run: null, dataset: null, ledger: null} AS given  // put your values here
MATCH (q:Query)-[:GENERATES]->(a:Answer {valid: true})
WHERE NOT EXISTS { (a)-[:EQUALS]->() } AND (given.dataset IS NULL OR q.dataset = given.dataset)
  AND (given.run IS NULL OR EXISTS {
    MATCH (a)<-[:EQUALS*0..1]-()<-[:LEADS_TO]-(t:Thinking {run: given.run}) WHERE NOT coalesce(t.superseded, false)
  })
  AND NOT EXISTS {
  MATCH (a)<-[:EQUALS*0..1]-()<-[:LEADS_TO*0..1]-()<-[:SCORES]-(l:Label)
  WHERE given.ledger IS NULL OR EXISTS { (l)-[:SPENT_IN]->(:Ledger {name: given.ledger}) }
}
CALL (a) {
  MATCH (a)<-[:EQUALS*0..1]-()<-[:LEADS_TO]-(t:Thinking)
  WHERE NOT coalesce(t.superseded, false)
  WITH t, head(COLLECT {
    MATCH (t)<-[:SCORES]-(p:Prediction {scorer: 'reward_model'}) RETURN p.score ORDER BY p.created_at DESC, p.key LIMIT 1
  }) AS score
  RETURN count(t) AS rollouts, avg(score) AS predicted
}
WITH q, a, rollouts, predicted WHERE rollouts > 0
RETURN q.text AS query, coalesce(a.written, a.value) AS answer, rollouts, predicted,
       rollouts * 4 * coalesce(predicted, 0.5) * (1 - coalesce(predicted, 0.5)) AS value, q.domain AS domain, a.key AS key
ORDER BY value DESC, key LIMIT 20
