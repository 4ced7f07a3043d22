// The domains of queries. Parameters: $keys (queries). Returns key, domain; nothing for keys that are not there.
UNWIND $keys AS key
MATCH (q:Query {key: key})
RETURN q.key AS key, q.domain AS domain
