// Similarity edges among these queries, as stored. Parameters: $keys, $space (name of its vector property), $least (cosine,
// or null for all). Returns query, neighbour, score (cosine).
UNWIND $keys AS key
MATCH (q:Query {key: key})-[s:SIMILAR_TO {space: $space}]->(n:Query)
WHERE ($least IS NULL OR s.score >= $least) AND n.key IN $keys
RETURN q.key AS query, n.key AS neighbour, s.score AS score
