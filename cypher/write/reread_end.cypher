// Ends reading a memory again: what ledgers have spent stays spent. Parameters: $versions (list of "name=version").
MATCH (r:Reader {key: 'reader'})
SET r.versions = $versions
REMOVE r.begun, r.held_by, r.held_until
WITH r
MATCH (ledger:Ledger)
WHERE ledger.answers_before IS NOT NULL
CALL (ledger) {
  MATCH (ledger)<-[:SPENT_IN]-(l:Label)-[:SCORES]->(target)
  WHERE l.kind IN ['human', 'code', 'judge']
  MATCH (target)-[:LEADS_TO*0..1]->(a:Answer)
  RETURN count(DISTINCT coalesce([(a)-[:EQUALS]->(stands) | stands.key][0], a.key)) AS answers
}
SET ledger.answers_apart = ledger.answers_before - answers
REMOVE ledger.answers_before
