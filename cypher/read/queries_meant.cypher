// Queries that a person may mean: by key or whole text, else by the beginning of either.
// Parameters: $text, $dataset (name, or null for all), $limit. Returns key, text, whole (whether key or text is the given one),
// rollouts (how many).
MATCH (q:Query)
WHERE (q.key STARTS WITH $text OR q.text STARTS WITH $text) AND ($dataset IS NULL OR q.dataset = $dataset)
WITH q, q.key = $text OR q.text = $text AS whole ORDER BY whole DESC, q.key LIMIT $limit
RETURN q.key AS key, q.text AS text, whole,
       COUNT { (q)-[:GENERATES_REASONING]->(t) WHERE NOT coalesce(t.superseded, false) } AS rollouts
ORDER BY whole DESC, key
