// How do two runs differ? By domain: rewards, answers that labels call right, and responses without an answer.
// Parameters: first, second (names of runs; null for both picks the two that began last), dataset (name, or null
// for all), ledger (name, or null for labels of all).
// Returns domain, run, rollouts, mean_reward, labelled (rollouts with a label), right (share of these), without_answer (share).
// Without rows: no such run has rollouts yet (`memreward import`).
WITH {first: null, second: null, dataset: null, ledger: null} AS given  // put your values here
MATCH (r:Run)
WHERE r.name IN [given.first, given.second] OR (given.first IS NULL AND given.second IS NULL)
WITH given, r ORDER BY r.started_at DESC, r.name LIMIT 2
MATCH (r)-[:PRODUCED]->(t:Thinking)<-[:GENERATES_REASONING]-(q:Query)
WHERE NOT coalesce(t.superseded, false) AND (given.dataset IS NULL OR q.dataset = given.dataset)
MATCH (t)-[:LEADS_TO]->(a:Answer)
CALL (t, given) {
  OPTIONAL MATCH (t)-[:LEADS_TO*0..1]->()-[:EQUALS*0..2]-(target)<-[:SCORES]-(l:Label)
  WHERE NOT EXISTS { (l)<-[:CORRECTS]-(:Label) }
    AND (given.ledger IS NULL OR EXISTS { (l)-[:SPENT_IN]->(:Ledger {name: given.ledger}) })
  WITH 2 * CASE l.kind WHEN 'ground_truth' THEN 0 WHEN 'human' THEN 1 WHEN 'code' THEN 2 ELSE 3 END
         + CASE WHEN target:Answer THEN 1 ELSE 0 END AS rank, avg(l.score) AS truth
  RETURN truth ORDER BY rank LIMIT 1
}
RETURN q.domain AS domain, r.name AS run, count(t) AS rollouts, avg(t.reward) AS mean_reward, count(truth) AS labelled,
       avg(CASE WHEN truth >= 0.5 THEN 1.0 WHEN truth < 0.5 THEN 0.0 END) AS right,
       avg(CASE WHEN a.valid THEN 0.0 ELSE 1.0 END) AS without_answer
ORDER BY domain, run
