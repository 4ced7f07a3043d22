// The queries around given ones: their own k neighbours, and at most $incoming that list them.
// Parameters: $keys, $incoming, $space (name of its vector property). Returns query (given), neighbour, score (cosine).
UNWIND $keys AS key
MATCH (q:Query {key: key})
CALL (q) {
  MATCH (q)-[s:SIMILAR_TO {space: $space}]->(n:Query) RETURN n, s.score AS score
  UNION
  MATCH (q)<-[s:SIMILAR_TO {space: $space}]-(n:Query) RETURN n, s.score AS score ORDER BY score DESC, n.key LIMIT $incoming
}
RETURN q.key AS query, n.key AS neighbour, score
