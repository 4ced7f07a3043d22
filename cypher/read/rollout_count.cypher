// How many rollouts there are of domains. Parameters: $domains (names). Returns rollouts.
MATCH (q:Query)
WHERE q.domain IN $domains
RETURN coalesce(sum(COUNT { (q)-[:GENERATES_REASONING]->() }), 0) AS rollouts
