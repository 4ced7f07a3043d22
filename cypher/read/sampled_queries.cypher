// Queries of which a run has at least $count rollouts. Parameters: $key (run), $count. Returns query (key).
MATCH (:Run {key: $key})-[:PRODUCED]->(:Thinking)<-[:GENERATES_REASONING]-(q:Query)
WITH q, count(*) AS rollouts
WHERE rollouts >= $count
RETURN q.key AS query
