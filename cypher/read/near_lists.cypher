// Each query's neighbours from a cosine on; queries without any are left out. Parameters: $least, $space (name of
// their vector property). Returns key, near (keys).
MATCH (q:Query)-[s:SIMILAR_TO {space: $space}]->(n:Query)
WHERE s.score >= $least
WITH q.key AS key, n.key AS other ORDER BY key, other
RETURN key, collect(other) AS near
