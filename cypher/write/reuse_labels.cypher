// Lets a ledger use, at no cost, queries that other ledgers have paid for: their labels count in it too.
// Parameters: $keys (queries), $ledger (key), $ledgers (names of the others, or null for all), $purposes, $as_of (or null).
MATCH (l:Ledger {key: $ledger})
UNWIND $keys AS key
MATCH (q:Query {key: key})
WHERE NOT EXISTS { (l)-[own:REVEALED]->(q) WHERE NOT coalesce(own.free, false) }
CALL (l, q) {
  MATCH (other:Ledger)-[paid:REVEALED]->(q)
  WHERE other <> l AND ($ledgers IS NULL OR other.name IN $ledgers) AND paid.purpose IN $purposes
    AND NOT coalesce(paid.free, false) AND ($as_of IS NULL OR paid.at <= $as_of)
  RETURN other, paid.purpose AS purpose ORDER BY other.name LIMIT 1
}
MERGE (l)-[revealed:REVEALED]->(q)
ON CREATE SET revealed.at = datetime(), revealed.purpose = purpose, revealed.free = true
SET q:Changed
WITH l, q, other, revealed.purpose AS purpose
CALL (l, q, other, purpose) {
  MATCH (q)-[:GENERATES]->(:Answer)<-[:SCORES]-(label {kind: 'ground_truth', purpose: purpose})-[:SPENT_IN]->(other)
  MERGE (label)-[:SPENT_IN]->(l)
  UNION ALL
  MATCH (q)-[:GENERATES_REASONING]->(:Thinking)<-[:SCORES]-(label {kind: 'ground_truth', purpose: purpose})
        -[:SPENT_IN]->(other)
  MERGE (label)-[:SPENT_IN]->(l)
}
