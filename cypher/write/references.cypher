// Stores truth that was revealed, and in which ledger it was paid for.
// Parameters: $ledger (key), $purpose, $rows (query, key, kind, value, also: other accepted golds or null,
// kind null where the source judges rollouts only).
UNWIND $rows AS row
MATCH (l:Ledger {key: $ledger})
MATCH (q:Query {key: row.query})
MERGE (l)-[revealed:REVEALED]->(q)
ON CREATE SET revealed.at = datetime(), revealed.purpose = $purpose
FOREACH (_ IN CASE WHEN row.kind IS NULL THEN [] ELSE [1] END |
    MERGE (r:Reference {key: row.key})
    ON CREATE SET r.kind = row.kind, r.value = row.value, r.also = row.also, r.revealed_at = datetime(),
                  r.name = left(row.value, 40)
    MERGE (q)-[:HAS_REFERENCE]->(r))
