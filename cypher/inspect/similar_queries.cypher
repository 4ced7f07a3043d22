// What a query is similar to, and which answers of those neighbours are known to be right.
// Parameters: query (key or text, or its beginning; null picks one with labelled neighbours), dataset (of the query,
// null for any).
// Returns query, neighbour, dataset (of the neighbour), cosine, right_answers.
// Without rows: no query without a label has neighbours with one; name a query, or label some (`memreward reveal`).
WITH {query: null, dataset: null} AS given  // put your values here
MATCH (q:Query)-[:SIMILAR_TO]->(:Query)
WHERE (given.dataset IS NULL OR q.dataset = given.dataset) AND (
  q.key STARTS WITH given.query OR q.text STARTS WITH given.query
  OR (given.query IS NULL AND EXISTS { (q)-[:SIMILAR_TO]->(:Query)-[:HAS_REFERENCE]->() }
                     AND NOT EXISTS { (q)-[:HAS_REFERENCE]->() })
)
WITH q ORDER BY q.key LIMIT 1
MATCH (space:EmbeddingSpace {active: true})
MATCH (q)-[s:SIMILAR_TO]->(n:Query)
WHERE s.space = 'embedding_' + left(space.key, 12) AND n <> q
RETURN q.text AS query, n.text AS neighbour, n.dataset AS dataset, s.score AS cosine,
       COLLECT { MATCH (n)-[:GENERATES]->(a:Answer)<-[:SCORES]-(l:Label {kind: 'ground_truth'})
                 WHERE l.score >= 0.5 RETURN DISTINCT coalesce(a.written, a.value) } AS right_answers
ORDER BY cosine DESC
