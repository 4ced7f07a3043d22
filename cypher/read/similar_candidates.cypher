// Nearest queries of each given query by the vector index, re-ranked by exact cosine
// (template: {{index}}, {{property}}). The index may miss or misorder a few, so more are asked for than are kept.
// Parameters: $keys, $oversample. Returns key, neighbour, score (cosine).
CYPHER 25
UNWIND $keys AS key
MATCH (q:Query {key: key})
CALL (q) {
  MATCH (n:Query)
    SEARCH n IN (VECTOR INDEX {{index}} FOR q.{{property}} LIMIT $oversample)
  WITH q, n WHERE n <> q
  RETURN n.key AS neighbour, 2 * vector.similarity.cosine(q.{{property}}, n.{{property}}) - 1 AS score
}
RETURN key, neighbour, score
