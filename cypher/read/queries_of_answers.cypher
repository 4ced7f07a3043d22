// The queries of answers. Parameters: $keys (answers). Returns answer, query; nothing for keys that are not there.
UNWIND $keys AS key
MATCH (a:Answer {key: key})<-[:GENERATES]-(q:Query)
RETURN a.key AS answer, q.key AS query
