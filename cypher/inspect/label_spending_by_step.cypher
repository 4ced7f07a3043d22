// Which labels were spent when: by ledger, kind, who judged, and the run and step of the first rollout that each label judged.
// Parameters: run (name of the first rollout's, or null for all), dataset and ledger (names, or null for all).
// Returns ledger, run, step, kind, author, purpose, labels, queries, rollouts (judged by them), mean_score.
// Without rows: nothing is labelled yet (`memreward reveal`, `memreward label`).
WITH {run: null, dataset: null, ledger: null} AS given  // put your values here
MATCH (ledger:Ledger)<-[:SPENT_IN]-(l:Label)-[:SCORES]->(target)
WHERE (given.ledger IS NULL OR ledger.name = given.ledger)
  AND (given.dataset IS NULL OR EXISTS { (target)<-[:GENERATES|GENERATES_REASONING]-(:Query {dataset: given.dataset}) })
CALL (target) {
  MATCH (target)<-[:LEADS_TO*0..1]-(t:Thinking)
  WITH t ORDER BY t.created_at, t.step, t.key
  RETURN head(collect(t)) AS first, count(t) AS rollouts
}
WITH given, ledger, l, first, rollouts WHERE given.run IS NULL OR first.run = given.run
RETURN ledger.name AS ledger, first.run AS run, first.step AS step, l.kind AS kind, l.identifier AS author,
       l.purpose AS purpose, count(l) AS labels, count(DISTINCT l.query) AS queries, sum(rollouts) AS rollouts,
       avg(l.score) AS mean_score
ORDER BY ledger, run, step, kind, author
