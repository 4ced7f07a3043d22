// What some queries were paid for, or reused for, in a ledger; others have no row.
// Parameters: $key (ledger), $queries (keys). Returns query, purpose.
MATCH (l:Ledger {key: $key})
UNWIND $queries AS query
MATCH (q:Query {key: query})
MATCH (l)-[revealed:REVEALED]->(q)
RETURN query, revealed.purpose AS purpose
