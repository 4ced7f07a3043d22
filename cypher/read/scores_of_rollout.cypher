// Everything that was ever said about a rollout, oldest first: labels on it, on its answer and on equal ones, and predictions.
// Parameters: $rollout (key). Returns scores (list of {key, on_answer, kind (of a label, or prediction), scorer, score, at, model, reason, ledgers, author,
// explanation, purpose}), or nothing where there is no such rollout.
MATCH (t:Thinking {key: $rollout})
RETURN COLLECT {
  MATCH (t)-[:LEADS_TO*0..1]->()-[:EQUALS*0..2]-(target)<-[:SCORES]-(l:Label|Prediction)
  RETURN {
    key: l.key, on_answer: target:Answer, kind: coalesce(l.kind, 'prediction'), scorer: l.scorer, score: l.score, at: l.created_at, model: l.model,
    reason: l.reason, author: l.identifier, explanation: l.explanation, purpose: l.purpose,
    ledgers: COLLECT { MATCH (l)-[:SPENT_IN]->(ledger:Ledger) RETURN ledger.name ORDER BY ledger.name }
  } ORDER BY l.created_at, l.key
} AS scores
