// Appends labels to answers; a label that is there stays as it is. Right and Wrong let Neo4j Browser colour it.
// Parameters: $ledger (key; null for labels outside any), $rows (key, target, properties; corrects: keys of the labels that it replaces).
// Returns how many were new.
UNWIND $rows AS row
MATCH (target:Answer {key: row.target})
FOREACH (q IN [(q:Query)-[:GENERATES]->(target) | q] | SET q:Changed)
MERGE (l:Label {key: row.key})
ON CREATE SET l += row.properties, l.created_at = datetime(), l.fresh = true,
              l.name = CASE l.score WHEN 1 THEN 'right' WHEN 0 THEN 'wrong' ELSE toString(round(l.score, 2)) END,
              l:$(CASE l.score WHEN 1 THEN ['Right'] WHEN 0 THEN ['Wrong'] ELSE [] END)
MERGE (l)-[:SCORES]->(target)
WITH l, row, coalesce(l.fresh, false) AS fresh
REMOVE l.fresh
WITH l, row, fresh
CALL (l, row) {
  UNWIND row.corrects AS earlier
  MATCH (corrected:Label {key: earlier})
  MERGE (l)-[:CORRECTS]->(corrected)
}
WITH l, fresh
OPTIONAL MATCH (ledger:Ledger {key: $ledger})
FOREACH (_ IN CASE WHEN ledger IS NULL THEN [] ELSE [1] END | MERGE (l)-[:SPENT_IN]->(ledger))
RETURN sum(CASE WHEN fresh THEN 1 ELSE 0 END) AS written
