// Programs that still wait to be run on their prompt's inputs, those of one query together; one page, in order of key.
// Parameters: $after (key of a query; '' for the first page), $limit (queries), $again (whether those that were tried before,
// without a finding, or those that never were).
// Returns key, query (text), domain, answers (list of [key, program, attempts]).
MATCH (q:Query)-[:GENERATES]->(a:Answer:Unobserved)
WHERE q.key > $after AND (coalesce(a.observation_attempts, 0) > 0) = $again
WITH q, a ORDER BY q.key, a.key
WITH q, collect([a.key, a.value, coalesce(a.observation_attempts, 0)]) AS answers
RETURN q.key AS key, q.text AS query, q.domain AS domain, answers ORDER BY key LIMIT $limit
