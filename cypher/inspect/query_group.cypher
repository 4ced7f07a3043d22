// One query's rollouts with their answers, rewards and sources, newest first.
// Parameters: $query (key, or the beginning of the text; null picks the query with the most rollouts).
// Returns query, answer, reward, source, run, step, thinking.
MATCH (q:Query)
WHERE $query IS NULL OR q.key = $query OR q.text STARTS WITH $query
WITH q ORDER BY COUNT { (q)-[:GENERATES_REASONING]->() } DESC, q.key LIMIT 1
MATCH (q)-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer)
RETURN left(q.text, 80) AS query, left(a.value, 40) AS answer, t.reward AS reward, t.reward_source AS source,
       t.run AS run, t.step AS step, left(t.text, 80) AS thinking
ORDER BY coalesce(step, -1) DESC, t.key LIMIT 40
