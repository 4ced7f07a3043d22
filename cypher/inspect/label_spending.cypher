// What was spent on labels: for each ledger its budget, the queries paid for, and the answers that they judged.
// Returns ledger, budget, queries_paid, labels, rollouts_judged, evaluated.
MATCH (ledger:Ledger)
RETURN ledger.name AS ledger, ledger.budget AS budget,
       COUNT { (ledger)-[:REVEALED]->(:Query) } AS queries_paid,
       COUNT { (ledger)<-[:SPENT_IN]-(:Label) } AS labels,
       COUNT { (ledger)<-[:SPENT_IN]-(:Label)-[:SCORES]->(:Answer)<-[:LEADS_TO]-(:Thinking) }
         + COUNT { (ledger)<-[:SPENT_IN]-(:Label)-[:SCORES]->(:Thinking) } AS rollouts_judged,
       ledger.evaluated AS evaluated
ORDER BY ledger
