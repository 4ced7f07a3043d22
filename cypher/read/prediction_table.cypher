// A page of predictions, without those of discarded training steps, in order of query, rollout and key.
// Parameters: $after ([query, rollout, prediction]: keys of the last one before it, '' for the first page), $limit; $runs,
// $datasets, $domains (names, or null for all), $query (key, or the beginning of the text, or null).
// Returns key, query_key, query (text), rollout, answer (as written), scorer, model, score, reason, created_at.
MATCH (q:Query)
WHERE q.key >= $after[0]
  AND ($datasets IS NULL OR q.dataset IN $datasets) AND ($domains IS NULL OR q.domain IN $domains)
  AND ($query IS NULL OR q.key = $query OR q.text STARTS WITH $query)
CALL (q) {
  MATCH (q)-[:GENERATES_REASONING]->(t:Thinking)
  WHERE (q.key > $after[0] OR t.key >= $after[1]) AND NOT coalesce(t.superseded, false) AND ($runs IS NULL OR t.run IN $runs)
  MATCH (t)<-[:SCORES]-(p)
  WHERE p.scorer IS NOT NULL AND (q.key > $after[0] OR t.key > $after[1] OR p.key > $after[2])
  RETURN t, p
}
WITH q, t, p ORDER BY q.key, t.key, p.key LIMIT $limit
MATCH (t)-[:LEADS_TO]->(a:Answer)
RETURN p.key AS key, q.key AS query_key, q.text AS query, t.key AS rollout,
       coalesce(t.answer, a.written, CASE WHEN a.valid THEN a.value END) AS answer,
       p.scorer AS scorer, p.model AS model, p.score AS score, p.reason AS reason, p.created_at AS created_at
ORDER BY query_key, rollout, key
