// What were labels spent for? By ledger, purpose and kind, and with steps also by who judged and when: the run and step of the
// first rollout that each label judged.
// Parameters: run (name; null for labels on rollouts of all), dataset (name, or null for all), ledger (name, or null for all),
// steps (true for each run, step and author by itself).
// Returns ledger, run, step, purpose ("calibrate": drawn at random, "train": chosen otherwise, "monitor": kept from models), kind,
// authors (some), labels (one for each answer that somebody judged), queries, rollouts (judged by them, each once), share_right (of
// these rollouts, by the labels that no correction has replaced).
// Without rows: nothing is labelled yet (`memreward reveal`, `memreward label`).
WITH {run: null, dataset: null, ledger: null, steps: null} AS given  // put your values here
MATCH (ledger:Ledger)<-[:SPENT_IN]-(l:Label)-[:SCORES]->(target)
WHERE (given.ledger IS NULL OR ledger.name = given.ledger)
  AND (given.dataset IS NULL OR EXISTS { (target)<-[:GENERATES|GENERATES_REASONING]-(:Query {dataset: given.dataset}) })
CALL (target, given) {
  MATCH (target)-[:EQUALS*0..2]-()<-[:LEADS_TO*0..1]-(t:Thinking)
  WHERE given.run IS NULL OR t.run = given.run
  WITH t ORDER BY t.created_at, t.step, t.key
  RETURN head(collect(t)) AS first, collect(CASE WHEN NOT coalesce(t.superseded, false) THEN t END) AS rollouts
}
WITH given, ledger, l, target, first, rollouts WHERE given.run IS NULL OR first IS NOT NULL
WITH ledger.name AS ledger, l, target, rollouts, CASE WHEN NOT EXISTS { (l)<-[:CORRECTS]-(:Label) } THEN l.score END AS score,
     CASE WHEN given.steps THEN {run: first.run, step: first.step, author: l.identifier} ELSE {} END AS apart
WITH ledger, apart, l.purpose AS purpose, l.kind AS kind, collect(DISTINCT l.identifier)[..5] AS authors, count(l) AS labels,
     count(DISTINCT l.query) AS queries, collect({target: target, rollouts: rollouts, score: score}) AS judged
CALL (judged) {
  UNWIND judged AS one
  UNWIND one.rollouts AS t
  WITH t, coalesce(avg(CASE WHEN one.target = t THEN one.score END), avg(one.score)) AS score  // its own label wins
  RETURN count(t) AS rollouts, avg(CASE WHEN score >= 0.5 THEN 1.0 WHEN score < 0.5 THEN 0.0 END) AS share_right
}
RETURN ledger, apart.run AS run, apart.step AS step, purpose, kind, authors, labels, queries, rollouts, share_right
ORDER BY ledger, run, step, purpose, kind, authors
