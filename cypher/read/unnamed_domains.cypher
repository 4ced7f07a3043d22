// Domains that a memory holds queries of, besides given ones. Parameters: $domains (names). Returns domain.
MATCH (q:Query)
WHERE NOT q.domain IN $domains
RETURN DISTINCT q.domain AS domain ORDER BY domain
