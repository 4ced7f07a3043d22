// A page of queries in the order of their keys, with their answers.
// Parameters: $after (key), $domains (names), $limit. Returns query (key), text, domain, rollouts (how many), answers (list of
// [key, value, valid, former: whether a rollout of it lacks what its source gave]), begun (keys of answers that are being read again).
MATCH (q:Query)
WHERE q.key > $after AND q.domain IN $domains
WITH q ORDER BY q.key LIMIT $limit
RETURN q.key AS query, q.text AS text, q.domain AS domain, COUNT { (q)-[:GENERATES_REASONING]->() } AS rollouts,
       COLLECT { MATCH (q)-[:GENERATES]->(a:Answer) 
         RETURN [a.key, a.value, a.valid, EXISTS { MATCH (a)<-[:LEADS_TO]-(t:Thinking) WHERE t.given IS NULL }] ORDER BY a.key
       } AS answers,
       COLLECT { MATCH (q)-[:GENERATED]->(a:Rereading) RETURN a.key ORDER BY a.key } AS begun
ORDER BY query
