// The truth about queries as far as it was revealed, the newest first. Parameters: $keys. Returns query, kind, value, also (other accepted golds, or null).
UNWIND $keys AS key
MATCH (:Query {key: key})-[:HAS_REFERENCE]->(r:Reference)
RETURN key AS query, r.kind AS kind, r.value AS value, r.also AS also ORDER BY query, r.revealed_at DESC, r.key
