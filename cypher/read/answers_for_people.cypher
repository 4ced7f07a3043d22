// Answers that no person has judged and no truth has settled within a ledger, those with the most rollouts first.
// Equal answers are one.
// Parameters: $ledger (key), $limit. Returns answer_key, query_key, query, domain, answer, rollouts (how many), example (one response).
MATCH (q:Query)-[:GENERATES]->(a:Answer {valid: true})
WHERE NOT EXISTS { (a)-[:EQUALS]->() } AND NOT EXISTS {
  MATCH (a)<-[:EQUALS*0..1]-()<-[:SCORES]-(l)-[:SPENT_IN]->(:Ledger {key: $ledger}) WHERE l.kind IN ['human', 'ground_truth']
}
WITH q, a, COUNT { (a)<-[:EQUALS*0..1]-()<-[:LEADS_TO]-(:Thinking) } AS rollouts
ORDER BY rollouts DESC, a.key
LIMIT $limit
RETURN a.key AS answer_key, q.key AS query_key, q.text AS query, q.domain AS domain, a.written AS answer, rollouts,
       head(COLLECT { MATCH (a)<-[:EQUALS*0..1]-()<-[:LEADS_TO]-(t:Thinking) RETURN t.response ORDER BY t.key LIMIT 1 }) AS example
