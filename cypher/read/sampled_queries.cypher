// How many rollouts a run has of each query. Parameter: $key (run). Returns query (key), rollouts.
MATCH (:Run {key: $key})-[:PRODUCED]->(:Thinking)<-[:GENERATES_REASONING]-(q:Query)
RETURN q.key AS query, count(*) AS rollouts
