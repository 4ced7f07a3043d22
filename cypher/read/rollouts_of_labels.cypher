// The rollouts to the queries that some labels belong to.
// Parameters: $keys (of labelled answers or rollouts). Returns query, rollout, answer (the one that stands for all equal ones).
UNWIND $keys AS key
CALL (key) {
  MATCH (q:Query)-[:GENERATES]->(:Answer {key: key}) RETURN q
  UNION
  MATCH (q:Query)-[:GENERATES_REASONING]->(:Thinking {key: key}) RETURN q
}
WITH DISTINCT q
MATCH (q)-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer)
WHERE NOT coalesce(t.superseded, false)
RETURN q.key AS query, t.key AS rollout, coalesce([(a)-[:EQUALS]->(r) | r.key][0], a.key) AS answer
