// Answers that no person has judged and no truth has settled within a ledger, those with the most rollouts first.
// Parameters: $ledger (key), $limit. Returns answer_key, query_key, query, domain, answer, rollouts (how many), example (one response).
MATCH (q:Query)-[:GENERATES]->(a:Answer {valid: true})
WHERE NOT EXISTS {
  MATCH (a)<-[:SCORES]-(l)-[:SPENT_IN]->(:Ledger {key: $ledger}) WHERE l.kind IN ['human', 'ground_truth']
}
WITH q, a, COUNT { (a)<-[:LEADS_TO]-(:Thinking) } AS rollouts
ORDER BY rollouts DESC, a.key
LIMIT $limit
RETURN a.key AS answer_key, q.key AS query_key, q.text AS query, q.domain AS domain, a.value AS answer, rollouts,
       head(COLLECT { MATCH (a)<-[:LEADS_TO]-(t:Thinking) RETURN t.response ORDER BY t.key LIMIT 1 }) AS example
