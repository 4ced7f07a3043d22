// What do neighbourhoods of the k-nearest graph look like? Three queries, if possible with labelled neighbours, each with its
// neighbours. The first row of each is the query itself.
// Parameters: run (name of one that sampled the three; null for any), dataset (of the three; null for any), ledger (name, or null for
// labels of all).
// Returns query and neighbour (keys), text (of the neighbour), cosine, rollouts (its newest, at most 32), labelled (how many of these
// have a label in force), right (mean label of the labelled), predicted (mean newest prediction of those without a label).
// Without rows: no query has neighbours yet (`memreward import`).
WITH {run: null, dataset: null, ledger: null} AS given  // put your values here
MATCH (space:EmbeddingSpace {active: true})
WITH given, 'embedding_' + left(space.key, 12) AS name
MATCH (q:Query)
WHERE EXISTS { (q)-[s:SIMILAR_TO]->(:Query) WHERE s.space = name }
  AND (given.run IS NULL OR EXISTS { (q)-[:GENERATES_REASONING]->(t:Thinking) WHERE t.run = given.run })
  AND (given.dataset IS NULL OR q.dataset = given.dataset)
WITH given, name, q ORDER BY q.key LIMIT 100
WITH given, name, q, COUNT {
       MATCH (q)-[s:SIMILAR_TO]->(n:Query)
       WHERE s.space = name AND EXISTS { (n)-[:GENERATES]->(:Answer)<-[:SCORES]-(:Label) }
     } AS known
ORDER BY known DESC, q.key LIMIT 3
CALL (q, name) {
  RETURN q AS n, 1.0 AS cosine, 0 AS place
  UNION ALL
  MATCH (q)-[s:SIMILAR_TO]->(n:Query) WHERE s.space = name AND n <> q
  RETURN n, s.score AS cosine, 1 AS place ORDER BY cosine DESC, n.key LIMIT 10
}
CALL (n, given) {
  MATCH (n)-[:GENERATES_REASONING]->(t:Thinking) WHERE NOT coalesce(t.superseded, false)
  WITH given, t ORDER BY t.position DESC LIMIT 32
  WITH head(COLLECT {
         MATCH (t)-[:LEADS_TO*0..1]->()-[:EQUALS*0..2]-(target)<-[:SCORES]-(l:Label)
         WHERE NOT EXISTS { (l)<-[:CORRECTS]-(:Label) }
           AND (given.ledger IS NULL OR EXISTS { (l)-[:SPENT_IN]->(:Ledger {name: given.ledger}) })
         WITH 2 * CASE l.kind WHEN 'ground_truth' THEN 0 WHEN 'human' THEN 1 WHEN 'code' THEN 2 ELSE 3 END
                + CASE WHEN target:Answer THEN 1 ELSE 0 END AS rank, avg(l.score) AS truth
         RETURN truth ORDER BY rank LIMIT 1
       }) AS truth,
       head(COLLECT {
         MATCH (t)<-[:SCORES]-(p:Prediction) WHERE p.score IS NOT NULL RETURN p.score ORDER BY p.created_at DESC, p.key LIMIT 1
       }) AS score
  RETURN count(*) AS rollouts, count(truth) AS labelled, avg(truth) AS right, avg(CASE WHEN truth IS NULL THEN score END) AS predicted
}
RETURN q.key AS query, n.key AS neighbour, left(n.text, 300) AS text, cosine, rollouts, labelled, right, predicted
ORDER BY known DESC, query, place, cosine DESC, neighbour
