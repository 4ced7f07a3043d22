// What were labels spent for? By ledger, purpose and kind: who judged, how many queries and rollouts, and the mean label.
// Parameters: run (name; null for labels on rollouts of all), dataset (name, or null for all), ledger (name, or null for all).
// Returns ledger, purpose, kind, authors (some), labels, queries, rollouts (judged by them), mean_score.
// Without rows: nothing is labelled yet (`memreward reveal`, `memreward label`).
WITH {run: null, dataset: null, ledger: null} AS given  // put your values here
MATCH (ledger:Ledger)<-[:SPENT_IN]-(l:Label)-[:SCORES]->(target)
WHERE (given.ledger IS NULL OR ledger.name = given.ledger)
  AND (given.dataset IS NULL OR EXISTS { (target)<-[:GENERATES|GENERATES_REASONING]-(:Query {dataset: given.dataset}) })
CALL (target, given) {
  MATCH (target)-[:EQUALS*0..2]-()<-[:LEADS_TO*0..1]-(t:Thinking)
  WHERE given.run IS NULL OR t.run = given.run
  RETURN count(t) AS rollouts
}
WITH given, ledger, l, rollouts WHERE given.run IS NULL OR rollouts > 0
RETURN ledger.name AS ledger, l.purpose AS purpose, l.kind AS kind, collect(DISTINCT l.identifier)[..5] AS authors,
       count(l) AS labels, count(DISTINCT l.query) AS queries, sum(rollouts) AS rollouts, avg(l.score) AS mean_score
ORDER BY ledger, purpose, kind LIMIT 60
