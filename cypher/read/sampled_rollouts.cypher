// What an attempt of a run has sampled of each query. Parameters: $key (run), $attempt.
// Returns query (key), places (call and sample of each rollout), policies (names).
MATCH (:Run {key: $key})-[:PRODUCED]->(t:Thinking {attempt: $attempt})<-[:GENERATES_REASONING]-(q:Query)
RETURN q.key AS query, collect([coalesce(t.call, 0), coalesce(t.sample, 0)]) AS places,
       collect(DISTINCT coalesce(t.policy, '')) AS policies
