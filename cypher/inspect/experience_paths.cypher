// One query's experience as a graph that Neo4j Browser draws: its rollouts over runs and steps, oldest first, and what they state.
// Parameters: query (key or text, or its beginning; null picks the query that the most runs have sampled), dataset (of the
// query; null for any).
// Returns path (run, rollout, answer, query), run, step.
// Without rows: no rollout is stored yet (`memreward import`).
WITH {query: null, dataset: null} AS given  // put your values here
MATCH (q:Query)
WHERE (given.query IS NULL OR q.key STARTS WITH given.query OR q.text STARTS WITH given.query) AND (given.dataset IS NULL OR q.dataset = given.dataset)
CALL (q) {
  MATCH (q)-[:GENERATES_REASONING]->(t:Thinking)
  RETURN count(DISTINCT t.run) AS runs, count(t) AS rollouts
}
WITH q ORDER BY runs DESC, rollouts DESC, q.key LIMIT 1
MATCH path = (r:Run)-[:PRODUCED]->(t:Thinking)-[:LEADS_TO]->(:Answer)<-[:GENERATES]-(q)
WHERE NOT coalesce(t.superseded, false)
RETURN path, r.name AS run, t.step AS step
ORDER BY t.position LIMIT 100
