// A page of rollouts, without those of discarded training steps, in order of query and key.
// Parameters: $after ([query, rollout]: keys of the last one before it, '' for the first page), $limit; $runs, $datasets,
// $domains (names, or null for all), $query (key, or the beginning of the text, or null).
// Returns key, query_key, query (text), dataset, domain, run, attempt, call, step, sample, policy, response, thinking, answer (as
// written), answer_key (of the one that stands for all equal ones), score (newest of the reward model), created_at.
MATCH (q:Query)
WHERE q.key >= $after[0]
  AND ($datasets IS NULL OR q.dataset IN $datasets) AND ($domains IS NULL OR q.domain IN $domains)
  AND ($query IS NULL OR q.key = $query OR q.text STARTS WITH $query)
MATCH (q)-[:GENERATES_REASONING]->(t:Thinking)
WHERE (q.key > $after[0] OR t.key > $after[1]) AND NOT coalesce(t.superseded, false) AND ($runs IS NULL OR t.run IN $runs)
WITH q, t ORDER BY q.key, t.key LIMIT $limit
MATCH (t)-[:LEADS_TO]->(a:Answer)
RETURN t.key AS key, q.key AS query_key, q.text AS query, q.dataset AS dataset, q.domain AS domain, t.run AS run,
       t.attempt AS attempt, t.call AS call, t.step AS step, t.sample AS sample, t.policy AS policy, t.response AS response,
       t.text AS thinking,
       coalesce(t.answer, a.written, CASE WHEN a.valid THEN a.value END) AS answer,
       coalesce([(a)-[:EQUALS]->(r) | r.key][0], a.key) AS answer_key,
       head(COLLECT {
         MATCH (t)<-[:SCORES]-(p:Prediction {scorer: 'reward_model'}) RETURN p ORDER BY p.created_at DESC, p.key LIMIT 1
       }).score AS score,
       t.created_at AS created_at
ORDER BY query_key, key
