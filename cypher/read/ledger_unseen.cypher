// What a ledger has paid for that is not to be seen any more.
// Parameters: $key. Returns answers (judged one by one, then read anew, together with others or to an unknown place, or
// forgotten; negative where one came apart), queries (forgotten).
MATCH (l:Ledger {key: $key})
RETURN coalesce(l.answers_apart, 0) AS answers, coalesce(l.queries_forgotten, 0) AS queries
