// Joins equal answers of queries: each points by EQUALS to the one that stands for all of them. A query that got another
// answer since it was read is left as it is, to be read again.
// Parameters: $rows (query, answers: how many stated ones were read; pairs: list of [answer, stands for it]; settled).
// Returns queries (how many were written), joined (how many answers point to another one).
UNWIND $rows AS row
MATCH (q:Query {key: row.query})
SET q.locked = true
REMOVE q.locked
WITH q, row
WHERE COUNT { (q)-[:GENERATES]->(:Answer {valid: true}) } = row.answers
SET q:Changed
WITH q, row
CALL (q, row) {
  MATCH (q)-[:GENERATES]->(:Answer)-[old:EQUALS]->(:Answer) DELETE old
}
CALL (q, row) {
  UNWIND row.pairs AS pair
  MATCH (one:Answer {key: pair[0]}), (other:Answer {key: pair[1]})
  MERGE (one)-[:EQUALS]->(other)
}
CALL (q, row) {
  MATCH (q)-[:GENERATES]->(a:Answer:Unjoined) WHERE row.settled
  REMOVE a:Unjoined
}
RETURN count(q) AS queries, sum(size(row.pairs)) AS joined
