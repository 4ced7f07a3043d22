// A page of labels, in order of query and key; those that wait for their answer to be read again are among them.
// Parameters: $after ([query, label]: keys of the last one before it, '' for the first page), $limit; $runs (labels on their
// rollouts, and on answers that one of these gave), $datasets, $domains, $ledgers (names, or null for all), $query (key, or
// the beginning of the text, or null).
// Returns key, query_key, query (text), target (key), answer (as written), kind, score, author, ledger (names, with commas), purpose,
// created_at, corrected (whether another label has put it out of force).
MATCH (q:Query)
WHERE q.key >= $after[0]
  AND ($datasets IS NULL OR q.dataset IN $datasets) AND ($domains IS NULL OR q.domain IN $domains)
  AND ($query IS NULL OR q.key = $query OR q.text STARTS WITH $query)
CALL (q) {
  MATCH (q)-[:GENERATES|GENERATES_REASONING|GENERATED]->(target)<-[:SCORES]-(l)
  WHERE l.kind IS NOT NULL AND (q.key > $after[0] OR l.key > $after[1])
    AND ($ledgers IS NULL OR EXISTS { MATCH (l)-[:SPENT_IN]->(ledger:Ledger) WHERE ledger.name IN $ledgers })
    AND ($runs IS NULL OR EXISTS { MATCH (target)-[:EQUALS*0..2]-()<-[:LEADS_TO*0..1]-(t:Thinking) WHERE t.run IN $runs })
  RETURN target, l
}
WITH q, target, l ORDER BY q.key, l.key LIMIT $limit
OPTIONAL MATCH (target)-[:LEADS_TO]->(given)
WITH q, target, l, coalesce(given, target) AS a
RETURN l.key AS key, q.key AS query_key, q.text AS query, target.key AS target,
       coalesce(target.answer, a.written, CASE WHEN a.valid THEN a.value END) AS answer, l.kind AS kind, l.score AS score,
       l.identifier AS author,
       reduce(names = null, name IN COLLECT { MATCH (l)-[:SPENT_IN]->(ledger:Ledger) RETURN ledger.name ORDER BY ledger.name } |
              coalesce(names + ', ', '') + name) AS ledger,
       l.purpose AS purpose, l.created_at AS created_at, EXISTS { (l)<-[:CORRECTS]-(:Label) } AS corrected
ORDER BY query_key, key
