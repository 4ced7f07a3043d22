// What was spent on labels: for each ledger its budget, the queries paid for and for what, the answers that were judged one
// by one, what it paid for that was forgotten, the queries that it knows for free because another ledger had paid, and the
// rollouts that they judged.
// Parameters: ledger (name, or null for all).
// Returns ledger, budget, queries_paid, drawn_at_random, chosen, monitored, answers_paid, forgotten (queries), reused, labels,
// rollouts_judged, evaluated.
// Without rows: no ledger was opened yet (`memreward reveal` and `memreward label` open one).
WITH {ledger: null} AS given  // put your values here
MATCH (ledger:Ledger)
WHERE given.ledger IS NULL OR ledger.name = given.ledger
RETURN ledger.name AS ledger, ledger.budget AS budget,
       COUNT { (ledger)-[r:REVEALED]->(:Query) WHERE r.free IS NULL } AS queries_paid,
       COUNT { (ledger)-[r:REVEALED {purpose: 'calibrate'}]->(:Query) WHERE r.free IS NULL } AS drawn_at_random,
       COUNT { (ledger)-[r:REVEALED {purpose: 'train'}]->(:Query) WHERE r.free IS NULL } AS chosen,
       COUNT { (ledger)-[r:REVEALED {purpose: 'monitor'}]->(:Query) WHERE r.free IS NULL } AS monitored,
       size(COLLECT {
         MATCH (ledger)<-[:SPENT_IN]-(l:Label)-[:SCORES]->()-[:LEADS_TO*0..1]->(a:Answer)
         WHERE l.kind IN ['human', 'code', 'judge'] RETURN DISTINCT coalesce([(a)-[:EQUALS]->(r) | r.key][0], a.key)
       }) AS answers_paid,
       coalesce(ledger.queries_forgotten, 0) AS forgotten,
       COUNT { (ledger)-[:REVEALED {free: true}]->(:Query) } AS reused,
       COUNT { (ledger)<-[:SPENT_IN]-(:Label) } AS labels,
       COUNT { (ledger)<-[:SPENT_IN]-(:Label)-[:SCORES]->(:Answer)-[:EQUALS*0..2]-()<-[:LEADS_TO]-(:Thinking) }
         + COUNT { (ledger)<-[:SPENT_IN]-(:Label)-[:SCORES]->(:Thinking) } AS rollouts_judged,
       ledger.evaluated AS evaluated
ORDER BY ledger
