// What a ledger's labels say about answers, those equal to them included, and about the rollouts that gave them.
// Parameters: $ledger (key), $answers (keys), $kinds. Returns key, target, kind, author, score, confidence, explanation,
// corrects (keys of labels).
UNWIND $answers AS key
MATCH (a:Answer {key: key})
CALL (a) {
  MATCH (a)<-[:EQUALS*0..1]-()<-[:SCORES]-(l:Label) RETURN a.key AS target, l
  UNION ALL
  MATCH (a)<-[:EQUALS*0..1]-()<-[:LEADS_TO]-(t:Thinking)<-[:SCORES]-(l:Label) RETURN t.key AS target, l
}
WITH target, l
WHERE l.kind IN $kinds AND EXISTS { (l)-[:SPENT_IN]->(:Ledger {key: $ledger}) }
RETURN l.key AS key, target, l.kind AS kind, coalesce(l.identifier, '') AS author, l.score AS score,
       coalesce(l.confidence, 1.0) AS confidence, coalesce(l.explanation, '') AS explanation,
       COLLECT { MATCH (l)-[:CORRECTS]->(earlier:Label) RETURN earlier.key } AS corrects
