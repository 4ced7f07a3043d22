// Queries whose truth this ledger has paid for. Parameters: $key. Returns query, purpose.
MATCH (l:Ledger {key: $key})-[:REVEALED]->(q:Query)
RETURN q.key AS query
