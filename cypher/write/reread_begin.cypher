// Begins to read a memory again: notes what each ledger has spent on single answers, once, since answers that come apart or
// together would be counted otherwise afterwards. Parameters: $versions (list of "name=version" that it was read by).
MATCH (r:Reader {key: 'reader'})
WHERE NOT coalesce(r.begun, false)
SET r.begun = true, r.versions = $versions
WITH r
MATCH (ledger:Ledger)
CALL (ledger) {
  MATCH (ledger)<-[:SPENT_IN]-(l:Label)-[:SCORES]->(target)
  WHERE l.kind IN ['human', 'code', 'judge']
  MATCH (target)-[:LEADS_TO*0..1]->(a:Answer)
  RETURN count(DISTINCT coalesce([(a)-[:EQUALS]->(stands) | stands.key][0], a.key)) AS answers
}
SET ledger.answers_before = answers + coalesce(ledger.answers_apart, 0)
