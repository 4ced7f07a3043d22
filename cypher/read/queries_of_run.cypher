// Queries that a run has sampled, those with the most rollouts first. Discarded rollouts do not count.
// Parameters: $run (name), $limit. Returns key, text, rollouts (of the run).
MATCH (:Run {name: $run})-[:PRODUCED]->(t:Thinking)<-[:GENERATES_REASONING]-(q:Query)
WHERE NOT coalesce(t.superseded, false)
WITH q, count(t) AS rollouts
ORDER BY rollouts DESC, q.text, q.key LIMIT $limit
RETURN q.key AS key, q.text AS text, rollouts
