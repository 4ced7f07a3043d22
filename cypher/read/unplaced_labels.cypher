// Labels on answers that were read again as several, where it is not known for which rollout they were given: they count
// nowhere. Returns label, kind, score, author, ledgers (names), query, query_key, former_answer (its value), answer_key (its
// key), read_as (list of what its rollouts are read as now).
MATCH (l:Unplaced)-[:SCORES]->(f:FormerAnswer)<-[:GENERATED]-(q:Query)
RETURN l.key AS label, l.kind AS kind, l.score AS score, coalesce(l.identifier, '') AS author,
       COLLECT { MATCH (l)-[:SPENT_IN]->(ledger:Ledger) RETURN ledger.name ORDER BY ledger.name } AS ledgers,
       q.text AS query, q.key AS query_key, f.value AS former_answer, f.key AS answer_key,
       COLLECT { MATCH (f)-[:READ_AS]->(a) RETURN coalesce(a.written, a.value) AS text ORDER BY text } AS read_as
ORDER BY label
