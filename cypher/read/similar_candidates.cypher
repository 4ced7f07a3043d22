// Nearest queries of each given query by the vector index (template: {{index}}, {{property}}, {{kth}}): the nearest ones, and of
// those farther away the ones whose own lists the given query enters. The index's score is that of the vectors as they are
// stored, so none is read again.
// Parameters: $keys, $reach (how many the index is asked for), $near (how many count as nearest), $enter (whether those are
// looked for whose lists are entered).
// Returns key, neighbour, score (cosine), enters (false where the neighbour's list is full of nearer ones).
CYPHER 25
UNWIND $keys AS key
MATCH (q:Query {key: key})
WHERE q.{{property}} IS NOT NULL
CALL (q) {
  MATCH (n:Query)
    SEARCH n IN (VECTOR INDEX {{index}} FOR q.{{property}} LIMIT $reach) SCORE AS similarity
  WITH q, n, similarity WHERE n <> q
  WITH n, 2 * similarity - 1 AS score ORDER BY score DESC, n.key
  RETURN collect(n) AS found, collect(score) AS scores
}
UNWIND range(0, size(found) - 1) AS place
WITH key, place, found[place] AS n, scores[place] AS score
WHERE place < $near OR ($enter AND score >= n.{{kth}})
RETURN key, n.key AS neighbour, score, $enter AND score >= coalesce(n.{{kth}}, -1) AS enters
