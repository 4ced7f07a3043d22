// Writes what a stored reference says about answers that were read again, in place of what it said about the former ones. It
// costs nothing, and is dated as the label that it follows from.
// Parameters: $rows (key, answer, ledgers: keys; properties; corrects: keys of labels on the same answer that it replaces).
UNWIND $rows AS row
MATCH (a:Answer {key: row.answer})
FOREACH (q IN [(q:Query)-[:GENERATES]->(a) | q] | SET q:Changed)
MERGE (l:Label {key: row.key})
ON CREATE SET l += row.properties,
              l.name = CASE l.score WHEN 1 THEN 'right' WHEN 0 THEN 'wrong' ELSE toString(round(l.score, 2)) END,
              l:$(CASE l.score WHEN 1 THEN ['Right'] WHEN 0 THEN ['Wrong'] ELSE [] END)
MERGE (l)-[:SCORES]->(a)
WITH l, row
CALL (l, row) {
  UNWIND row.ledgers AS key
  MATCH (ledger:Ledger {key: key})
  MERGE (l)-[:SPENT_IN]->(ledger)
}
UNWIND row.corrects AS earlier
MATCH (corrected:Label {key: earlier})
MERGE (l)-[:CORRECTS]->(corrected)
