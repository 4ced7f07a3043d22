// What reading an answer to a query needs. Parameters: $keys (queries).
// Returns key, domain, text; nothing for keys that are not there.
UNWIND $keys AS key
MATCH (q:Query {key: key})
RETURN q.key AS key, q.domain AS domain, q.text AS text
