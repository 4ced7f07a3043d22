// Answers that a ledger has paid for one by one, by a person, a judge or a program, and their queries.
// Equal answers are one, that which stands for them.
// Parameters: $key (ledger). Returns answer, query.
MATCH (:Ledger {key: $key})<-[:SPENT_IN]-(l:Label)-[:SCORES]->(target)
WHERE l.kind IN ['human', 'code', 'judge']
MATCH (target)-[:LEADS_TO*0..1]->(a:Answer)
RETURN DISTINCT coalesce([(a)-[:EQUALS]->(r) | r.key][0], a.key) AS answer, l.query AS query
