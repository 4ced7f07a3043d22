// One query's group as a graph that Neo4j Browser draws: its rollouts with their answers, the labels in force,
// each rollout's newest prediction, and the nearest queries.
// Parameters: query (key or text, or its beginning; null picks the query with the most rollouts), run (or null for all),
// dataset (of the query; null for any).
// Returns path.
// Without rows: no rollout is stored yet (`memreward import`).
WITH {query: null, run: null, dataset: null} AS given  // put your values here
MATCH (q:Query)
WHERE (given.query IS NULL OR q.key STARTS WITH given.query OR q.text STARTS WITH given.query) AND (given.dataset IS NULL OR q.dataset = given.dataset)
  AND (given.run IS NULL OR EXISTS { (q)-[:GENERATES_REASONING]->(:Thinking {run: given.run}) })
WITH given, q ORDER BY COUNT { (q)-[:GENERATES_REASONING]->() } DESC, q.key LIMIT 1
CALL (given, q) {
  MATCH path = (q)-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(:Answer)
  WHERE (given.run IS NULL OR t.run = given.run) AND NOT coalesce(t.superseded, false)
  RETURN path ORDER BY t.position LIMIT 40
  UNION
  MATCH path = (q)-[:GENERATES|GENERATES_REASONING]->(target)<-[:SCORES]-(l:Label)
  WHERE NOT EXISTS { (l)<-[:CORRECTS]-(:Label) }
    AND (given.run IS NULL OR EXISTS { MATCH (target)<-[:LEADS_TO*0..1]-(t:Thinking) WHERE t.run = given.run })
  RETURN path ORDER BY l.created_at, l.key LIMIT 100
  UNION
  MATCH (q)-[:GENERATES_REASONING]->(t:Thinking)
  WHERE (given.run IS NULL OR t.run = given.run) AND NOT coalesce(t.superseded, false)
  WITH t ORDER BY t.position LIMIT 40
  CALL (t) { MATCH path = (t)<-[:SCORES]-(p:Prediction) RETURN path ORDER BY p.created_at DESC, p.key LIMIT 1 }
  RETURN path
  UNION
  MATCH path = (q)-[:GENERATES]->(a:Answer)-[:EQUALS]->(:Answer)
  RETURN path ORDER BY a.key LIMIT 40
  UNION
  MATCH (space:EmbeddingSpace {active: true})
  MATCH path = (q)-[near:SIMILAR_TO]->(n:Query)
  WHERE near.space = 'embedding_' + left(space.key, 12) AND n <> q
  RETURN path ORDER BY near.score DESC, n.key LIMIT 8
}
RETURN path
