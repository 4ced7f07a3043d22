// Records that held-out queries were judged to measure accuracy: counted here each time, stored nowhere, no part of the budget.
// Parameters: $key, $queries (how many).
MATCH (l:Ledger {key: $key})
SET l.evaluated = coalesce(l.evaluated, 0) + $queries
