// Labels on answers that were read again, and what their rollouts are read as now.
// Parameters: $answers (former keys). Returns former, value, query (key), text, domain, read_as (list of {key, same_as,
// written, valid}; same_as stands for all equal ones), labels (list of {key, kind, score, purpose, author, created_at, ledgers:
// keys, corrects: keys, corrected (whether another one corrects it), answer: what the rollout that it was given for is read as, or null}).
UNWIND $answers AS former
MATCH (q:Query)-[:GENERATED]->(f:Rereading {key: former})
RETURN former, f.value AS value, q.key AS query, q.text AS text, q.domain AS domain,
       COLLECT {
         MATCH (f)-[:READ_AS]->(a:Answer)
         WITH a, coalesce([(a)-[:EQUALS]->(stands) | stands][0], a) AS stands
         RETURN {key: a.key, same_as: stands.key, written: stands.written, valid: stands.valid} ORDER BY a.key
       } AS read_as,
       COLLECT {
         MATCH (f)<-[:SCORES]-(l:Label)
         RETURN {
           key: l.key, kind: l.kind, score: l.score, purpose: l.purpose, author: coalesce(l.identifier, ''),
           created_at: l.created_at,
           ledgers: COLLECT { MATCH (l)-[:SPENT_IN]->(ledger:Ledger) RETURN ledger.key ORDER BY ledger.key },
           corrects: COLLECT { MATCH (l)-[:CORRECTS]->(earlier:Label) RETURN earlier.key ORDER BY earlier.key },
           corrected: EXISTS { (l)<-[:CORRECTS]-(:Label) },
           answer: head(COLLECT { MATCH (:Thinking {key: l.rollout})-[:LEADS_TO]->(a:Answer) RETURN a.key })
         } ORDER BY l.key
       } AS labels
