// Programs that still wait to be run on their prompt's inputs, those of one query together.
// Parameters: $limit (queries). Returns query (text), answers (list of [key, program]).
MATCH (q:Query)-[:GENERATES]->(a:Answer:Unobserved)
WITH q, a ORDER BY q.key, a.key
WITH q, collect([a.key, a.value]) AS answers
RETURN q.text AS query, answers ORDER BY q.key LIMIT $limit
