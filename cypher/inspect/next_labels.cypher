// Which answers are worth a label most, for people who judge one by one? Those that nobody has judged, many rollouts give, and the
// model is unsure of. At most 20. Near-duplicate queries (cosine at least 0.99) with the same answer count once. `memreward reveal
// --acquire` and training pay for whole queries and choose them by another rule: uncertainty times disagreement.
// Parameters: run (name of one that gave the answer, or null for all), dataset (name, or null for all), ledger (name, or null for
// labels of all).
// Returns query, answer, rollouts, scored (how many of them have a prediction), predicted (mean of their newest), value (rollouts times
// 4 p (1 - p), with 0.5 where nothing is predicted), domain, left (of the budget, where it is that of one ledger: an answer costs 1),
// key (of the answer).
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
  RETURN count(t) AS rollouts, count(score) AS scored, avg(score) AS predicted
}
WITH given, q, a, rollouts, scored, predicted, rollouts * 4 * coalesce(predicted, 0.5) * (1 - coalesce(predicted, 0.5)) AS value
WHERE rollouts > 0
ORDER BY value DESC, a.key LIMIT 100
WITH given, collect({q: q, a: a, rollouts: rollouts, scored: scored, predicted: predicted, value: value, near: COLLECT {
       MATCH (q)-[near:SIMILAR_TO]-(n:Query) WHERE near.score >= 0.99 RETURN n.key
     }}) AS rows
CALL (given) {
  MATCH (ledger:Ledger) WHERE given.ledger IS NULL OR ledger.name = given.ledger
  WITH ledger, COUNT { (ledger)-[r:REVEALED]->() WHERE NOT coalesce(r.free, false) } + coalesce(ledger.queries_forgotten, 0)
       + coalesce(ledger.answers_apart, 0) + size(COLLECT {
         MATCH (ledger)<-[:SPENT_IN]-(l:Label)-[:SCORES]->()-[:LEADS_TO*0..1]->(a:Answer)
         WHERE l.kind IN ['human', 'code', 'judge'] RETURN DISTINCT coalesce([(a)-[:EQUALS]->(r) | r.key][0], a.key)
       }) AS spent
  WITH collect(ledger.budget - spent) AS left, count(ledger) AS ledgers
  RETURN CASE WHEN ledgers = 1 THEN left[0] END AS left
}
UNWIND range(0, size(rows) - 1) AS place
WITH rows, place, rows[place] AS row, left
WHERE none(before IN rows[..place] WHERE before.a.value = row.a.value AND row.q.key IN before.near)
RETURN row.q.text AS query, coalesce(row.a.written, row.a.value) AS answer, row.rollouts AS rollouts, row.scored AS scored,
       row.predicted AS predicted, row.value AS value, row.q.domain AS domain, left, row.a.key AS key
ORDER BY value DESC, key LIMIT 20
