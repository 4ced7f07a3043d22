// Some rollouts. Parameters: $keys (rollouts), $property, $checks (names of the properties with vector and checks).
// Returns query and the columns of read/rollouts.
UNWIND $keys AS key
MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking {key: key})-[:LEADS_TO]->(a:Answer)
RETURN q.key AS query, t.key AS key, a.key AS answer, coalesce([(a)-[:EQUALS]->(r) | r.key][0], a.key) AS same_as, t.run AS run, t.attempt AS attempt, coalesce(t.call, -1) AS call,
       t.policy AS policy, t.position AS position, t[$property] AS embedding,
       [name IN keys(t) WHERE name STARTS WITH 'feature_' | [substring(name, 8), t[name]]] AS features, t[$checks] AS checks
