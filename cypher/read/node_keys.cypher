// All queries with their rollouts and these rollouts' answers, by key. Superseded rollouts (of discarded training steps) are
// left out, and answers that only they gave. No parameters. Returns query, rollouts (list of [rollout, answer], by rollout).
MATCH (q:Query)
RETURN q.key AS query, COLLECT {
  MATCH (q)-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer)
  WHERE NOT coalesce(t.superseded, false)
  RETURN [t.key, a.key] ORDER BY t.key
} AS rollouts
ORDER BY query
