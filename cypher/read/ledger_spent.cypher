// What a ledger has spent: queries paid for, and answers that were judged one by one, by a person, a judge or a program.
// Equal answers are one. What is not to be seen any more counts too: queries that were forgotten, answers that were forgotten
// or read again, together with others or to an unknown place (negative where one came apart).
// Parameters: $key (ledger). Returns queries, answers, budget (null for no limit): one row, none without that ledger.
MATCH (ledger:Ledger {key: $key})
CALL (ledger) {
  MATCH (l:Label)-[:SPENT_IN]->(ledger)
  USING INDEX l:Label(kind)  // a ledger has many labels, most of them ground truth, which costs by the query
  WHERE l.kind IN ['human', 'code', 'judge']
  MATCH (l)-[:SCORES]->()-[:LEADS_TO*0..1]->(a:Answer)
  RETURN count(DISTINCT coalesce([(a)-[:EQUALS]->(r) | r.key][0], a.key)) AS judged
}
RETURN COUNT { (ledger)-[r:REVEALED]->() WHERE NOT coalesce(r.free, false) } + coalesce(ledger.queries_forgotten, 0) AS queries,
       judged + coalesce(ledger.answers_apart, 0) AS answers, ledger.budget AS budget
