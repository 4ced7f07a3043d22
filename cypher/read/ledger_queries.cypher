// Queries whose truth a ledger may use: paid for by itself, or free because another ledger had paid.
// Parameters: $key (ledger). Returns query, purpose, free.
MATCH (l:Ledger {key: $key})-[revealed:REVEALED]->(q:Query)
RETURN q.key AS query, revealed.purpose AS purpose, coalesce(revealed.free, false) AS free
