// Records that truth was read for evaluation: counted here, never readable by training.
// Parameters: $key, $queries (how many).
MATCH (l:Ledger {key: $key})
SET l.evaluated = coalesce(l.evaluated, 0) + $queries
