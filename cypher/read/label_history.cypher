// What a ledger's labels say about answers, those equal to them included, and about the rollouts that gave them.
// Parameters: $ledger (key), $answers (keys), $kinds. Returns key, target, on ("answer" or "rollout"), kind, score,
// author, confidence, explanation, created_at, corrects (keys of labels).
UNWIND $answers AS key
MATCH (a:Answer {key: key})
CALL (a) {
  MATCH (a)<-[:EQUALS*0..1]-()<-[:SCORES]-(l:Label) RETURN a.key AS target, 'answer' AS on, l
  UNION ALL
  MATCH (a)<-[:EQUALS*0..1]-()<-[:LEADS_TO]-(t:Thinking)<-[:SCORES]-(l:Label) RETURN t.key AS target, 'rollout' AS on, l
}
WITH target, on, l
WHERE l.kind IN $kinds AND EXISTS { (l)-[:SPENT_IN]->(:Ledger {key: $ledger}) }
RETURN l.key AS key, target, on, l.kind AS kind, l.score AS score, coalesce(l.identifier, '') AS author,
       coalesce(l.confidence, 1.0) AS confidence, coalesce(l.explanation, '') AS explanation, l.created_at AS created_at,
       COLLECT { MATCH (l)-[:CORRECTS]->(earlier:Label) RETURN earlier.key } AS corrects
