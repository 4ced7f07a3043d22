// Which queries have the least to learn from others? Those whose nearest query is farthest, by the vectors that serve.
// At most 100.
// Parameters: below (cosine that the nearest one does not reach, or null for all), dataset (name, or null for all).
// Returns query, dataset, domain, neighbours, nearest (cosine, null without any), rollouts, labels (on its answers and rollouts), key,
// in_all (how many queries there are without the limit).
// Without rows: no query is stored yet, or all are nearer than that.
WITH {below: null, dataset: null} AS given  // put your values here
MATCH (space:EmbeddingSpace {active: true})
MATCH (q:Query)
WHERE (given.dataset IS NULL OR q.dataset = given.dataset)
CALL (q, space) {
  OPTIONAL MATCH (q)-[near:SIMILAR_TO]->(n:Query)
  WHERE near.space = 'embedding_' + left(space.key, 12) AND n <> q
  RETURN count(near) AS neighbours, max(near.score) AS nearest
}
WITH given, q, neighbours, nearest
WHERE given.below IS NULL OR nearest IS NULL OR nearest < given.below
WITH collect({q: q, neighbours: neighbours, nearest: nearest}) AS found
WITH found, size(found) AS in_all
UNWIND found AS one
WITH in_all, one.q AS q, one.neighbours AS neighbours, one.nearest AS nearest
ORDER BY coalesce(nearest, -1), q.key LIMIT 100
RETURN q.text AS query, q.dataset AS dataset, q.domain AS domain, neighbours, nearest,
       COUNT { (q)-[:GENERATES_REASONING]->() } AS rollouts,
       COUNT { (q)-[:GENERATES|GENERATES_REASONING]->()<-[:SCORES]-(:Label) } AS labels, q.key AS key, in_all
ORDER BY coalesce(nearest, -1), key
