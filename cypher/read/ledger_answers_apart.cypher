// How many single answers a ledger has paid for that are not to be seen any more, since they were read anew: they came
// together with others, or it is not known which one was meant. Negative where one came apart. Parameters: $key. Returns apart.
MATCH (l:Ledger {key: $key})
RETURN coalesce(l.answers_apart, 0) AS apart
