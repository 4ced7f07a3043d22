// Queries with an answer that waits to be compared with the others, and all their stated answers.
// Parameters: $keys (queries, or null for all), $limit (queries).
// Returns query (key), text, domain, answers (list of [key, as written]).
MATCH (waiting:Answer:Unjoined)<-[:GENERATES]-(q:Query)
WHERE $keys IS NULL OR q.key IN $keys
WITH DISTINCT q ORDER BY q.key LIMIT $limit
RETURN q.key AS query, q.text AS text, q.domain AS domain,
       COLLECT { MATCH (q)-[:GENERATES]->(a:Answer {valid: true}) RETURN [a.key, a.written] ORDER BY a.key } AS answers
