// What was spent on labels? For each ledger its budget and what is left of it, which is the budget less queries_paid, forgotten and
// answers_paid, and what the queries were paid for.
// Parameters: ledger (name, or null for all).
// Returns ledger, budget, left (both null without a limit), queries_paid, and of these by purpose calibrate (drawn at random, to train
// and to calibrate on), train (chosen otherwise, to train on only) and monitor (kept from models, to watch them), answers_paid (judged
// one by one, by people, judges or programs), forgotten (queries that were paid for and are not there any more), reused (queries
// known at no cost because another ledger had paid), labels, rollouts_judged (by them), evaluations (how often a held-out query was
// judged to measure accuracy: that is no label, nothing of it is stored, and none of the budget goes into it).
// Without rows: no ledger was opened yet (`memreward reveal` and `memreward label` open one).
WITH {ledger: null} AS given  // put your values here
MATCH (ledger:Ledger)
WHERE given.ledger IS NULL OR ledger.name = given.ledger
WITH ledger, COUNT { (ledger)-[r:REVEALED]->(:Query) WHERE r.free IS NULL } AS queries_paid,
     coalesce(ledger.queries_forgotten, 0) AS forgotten,
     size(COLLECT {
       MATCH (ledger)<-[:SPENT_IN]-(l:Label)-[:SCORES]->()-[:LEADS_TO*0..1]->(a:Answer)
       WHERE l.kind IN ['human', 'code', 'judge'] RETURN DISTINCT coalesce([(a)-[:EQUALS]->(r) | r.key][0], a.key)
     }) + coalesce(ledger.answers_apart, 0) AS answers_paid
RETURN ledger.name AS ledger, ledger.budget AS budget, ledger.budget - queries_paid - forgotten - answers_paid AS left, queries_paid,
       COUNT { (ledger)-[r:REVEALED {purpose: 'calibrate'}]->(:Query) WHERE r.free IS NULL } AS calibrate,
       COUNT { (ledger)-[r:REVEALED {purpose: 'train'}]->(:Query) WHERE r.free IS NULL } AS train,
       COUNT { (ledger)-[r:REVEALED {purpose: 'monitor'}]->(:Query) WHERE r.free IS NULL } AS monitor,
       answers_paid, forgotten, COUNT { (ledger)-[:REVEALED {free: true}]->(:Query) } AS reused,
       COUNT { (ledger)<-[:SPENT_IN]-(:Label) } AS labels,
       size(COLLECT {
         MATCH (ledger)<-[:SPENT_IN]-(:Label)-[:SCORES]->()-[:EQUALS*0..2]-()<-[:LEADS_TO*0..1]-(t:Thinking)
         WHERE NOT coalesce(t.superseded, false) RETURN DISTINCT t
       }) AS rollouts_judged,
       ledger.evaluated AS evaluations
ORDER BY ledger
