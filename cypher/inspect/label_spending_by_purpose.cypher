// What were labels spent for? By ledger, purpose and kind, and with steps also by who judged and when: the run and step of the
// first rollout that each label judged.
// Parameters: run (name; null for labels on rollouts of all), dataset (name, or null for all), ledger (name, or null for all),
// steps (true for each run, step and author by itself).
// Returns ledger, run, step, purpose, kind, authors (some), labels, queries, rollouts (judged by them), mean_score.
// Without rows: nothing is labelled yet (`memreward reveal`, `memreward label`).
WITH {run: null, dataset: null, ledger: null, steps: null} AS given  // put your values here
MATCH (ledger:Ledger)<-[:SPENT_IN]-(l:Label)-[:SCORES]->(target)
WHERE (given.ledger IS NULL OR ledger.name = given.ledger)
  AND (given.dataset IS NULL OR EXISTS { (target)<-[:GENERATES|GENERATES_REASONING]-(:Query {dataset: given.dataset}) })
CALL (target, given) {
  MATCH (target)-[:EQUALS*0..2]-()<-[:LEADS_TO*0..1]-(t:Thinking)
  WHERE given.run IS NULL OR t.run = given.run
  WITH t ORDER BY t.created_at, t.step, t.key
  RETURN head(collect(t)) AS first, count(t) AS rollouts
}
WITH given, ledger, l, first, rollouts WHERE given.run IS NULL OR rollouts > 0
WITH ledger.name AS ledger, l, rollouts,
     CASE WHEN given.steps THEN {run: first.run, step: first.step, author: l.identifier} ELSE {} END AS apart
WITH ledger, apart, l.purpose AS purpose, l.kind AS kind, collect(DISTINCT l.identifier)[..5] AS authors, count(l) AS labels,
     count(DISTINCT l.query) AS queries, sum(rollouts) AS rollouts, avg(l.score) AS mean_score
RETURN ledger, apart.run AS run, apart.step AS step, purpose, kind, authors, labels, queries, rollouts, mean_score
ORDER BY ledger, run, step, purpose, kind, authors
