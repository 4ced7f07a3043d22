// Opens a ledger once, raises its budget if a larger one is asked for, and locks it for this transaction.
// Parameters: $key, $name, $seed, $budget (queries; null = unlimited). Returns name, seed, budget.
MERGE (l:Ledger {key: $key})
ON CREATE SET l.name = $name, l.seed = $seed, l.created_at = datetime(), l.budget = $budget, l.evaluated = 0
SET l.budget = CASE WHEN $budget IS NULL OR l.budget >= $budget THEN l.budget ELSE $budget END
RETURN l.name AS name, l.seed AS seed, l.budget AS budget
