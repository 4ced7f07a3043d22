// Answers that a ledger has paid for one by one, by a person, a judge or a program, and their queries.
// Parameters: $key (ledger). Returns answer, query.
MATCH (:Ledger {key: $key})<-[:SPENT_IN]-(l:Label)-[:SCORES]->(target)
WHERE l.kind IN ['human', 'code', 'judge']
MATCH (target)-[:LEADS_TO*0..1]->(a:Answer)
RETURN DISTINCT a.key AS answer, l.query AS query
