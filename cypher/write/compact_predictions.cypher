// Drops predictions that newer ones have superseded: of each rollout and kind the first, which the trainer got, and the newest
// stay. Returns predictions (how many were dropped).
MATCH (t:Thinking)
WHERE COUNT { MATCH (t)<-[:SCORES]-(p) WHERE p.kind IN ['gnn', 'vote'] } > 2
CALL (t) {
  MATCH (t)<-[:SCORES]-(p)
  WHERE p.kind IN ['gnn', 'vote']
  WITH p ORDER BY p.created_at, p.key
  WITH p.kind AS kind, collect(p) AS series
  UNWIND series[1..-1] AS p
  DETACH DELETE p
  RETURN count(*) AS dropped
} IN TRANSACTIONS OF 500 ROWS
RETURN coalesce(sum(dropped), 0) AS predictions
