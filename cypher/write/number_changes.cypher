// Numbers what has changed: queries that wait under the label Changed get the next number. Callers take turns, and whoever
// changes a query at the same time marks it again (both lock queries in order of their keys), so that all changes up to a number are stored once it is given.
// Parameters: $limit (queries of one transaction). Returns changes (the number), queries (how many got it).
MERGE (c:Changes {key: 'changes'})
SET c.locked = true
REMOVE c.locked
SET c.count = coalesce(c.count, 0) + 1
WITH c
CALL (c) {
  MATCH (q:Changed)
  WITH q, c ORDER BY q.key LIMIT $limit
  SET q.changed = c.count
  REMOVE q:Changed
  RETURN count(q) AS queries
}
RETURN c.count AS changes, queries
