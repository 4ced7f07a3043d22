// What is a query similar to, and what is known of those neighbours: by labels, or else by predictions?
// Parameters: query (key or text, or its beginning; null picks one with labelled neighbours), dataset (of the query,
// null for any).
// Returns query, neighbour, dataset (of the neighbour), cosine, right_answers (by the truth that was revealed), rollouts (its newest,
// at most 32), labelled (how many of these have a label in force), right (mean label of the labelled), predicted (mean newest
// prediction of those without a label).
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
CALL (n) {
  MATCH (n)-[:GENERATES_REASONING]->(t:Thinking) WHERE NOT coalesce(t.superseded, false)
  WITH t ORDER BY t.position DESC LIMIT 32
  WITH head(COLLECT {
         MATCH (t)-[:LEADS_TO*0..1]->()-[:EQUALS*0..2]-(target)<-[:SCORES]-(l:Label)
         WHERE NOT EXISTS { (l)<-[:CORRECTS]-(:Label) }
         WITH 2 * CASE l.kind WHEN 'ground_truth' THEN 0 WHEN 'human' THEN 1 WHEN 'code' THEN 2 ELSE 3 END
                + CASE WHEN target:Answer THEN 1 ELSE 0 END AS rank, avg(l.score) AS truth
         RETURN truth ORDER BY rank LIMIT 1
       }) AS truth,
       head(COLLECT {
         MATCH (t)<-[:SCORES]-(p:Prediction) WHERE p.score IS NOT NULL RETURN p.score ORDER BY p.created_at DESC, p.key LIMIT 1
       }) AS score
  RETURN count(*) AS rollouts, count(truth) AS labelled, avg(truth) AS right, avg(CASE WHEN truth IS NULL THEN score END) AS predicted
}
RETURN q.text AS query, n.text AS neighbour, n.dataset AS dataset, s.score AS cosine,
       COLLECT { MATCH (n)-[:GENERATES]->(a:Answer)<-[:SCORES]-(l:Label {kind: 'ground_truth'})
                 WHERE l.score >= 0.5 AND NOT EXISTS { (l)<-[:CORRECTS]-(:Label) }
                 RETURN DISTINCT coalesce(a.written, a.value) AS answer ORDER BY answer } AS right_answers,
       rollouts, labelled, right, predicted
ORDER BY cosine DESC, n.key
