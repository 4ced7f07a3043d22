// One query's group: its rollouts with their answers, what a training was given for them, labels and predictions. At most 40,
// the newest first.
// Parameters: query (key or text, or its beginning; null picks the query with the most rollouts), run (or null for all),
// dataset (of the query; null for any).
// Returns query, rollout (beginning of its key), run, call, step, answer, training_reward with its source and reason (what a training
// was given; null where none asked), labels (in force, the highest precedence first), predicted (what the model believes, the
// newest), thinking, in_all (how many rollouts there are without the limit).
// Without rows: no rollout is stored yet (`memreward import`).
WITH {query: null, run: null, dataset: null} AS given  // put your values here
MATCH (q:Query)
WHERE (given.query IS NULL OR q.key STARTS WITH given.query OR q.text STARTS WITH given.query) AND (given.dataset IS NULL OR q.dataset = given.dataset)
  AND (given.run IS NULL OR EXISTS { (q)-[:GENERATES_REASONING]->(:Thinking {run: given.run}) })
WITH given, q
ORDER BY COUNT { (q)-[:GENERATES_REASONING]->(t) WHERE NOT coalesce(t.superseded, false) } DESC, q.key LIMIT 1
MATCH (q)-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer)
WHERE NOT coalesce(t.superseded, false) AND (given.run IS NULL OR t.run = given.run)
WITH q, collect({t: t, a: a}) AS found
WITH q, found, size(found) AS in_all
UNWIND found AS one
WITH q, in_all, one.t AS t, one.a AS a ORDER BY coalesce(t.step, -1) DESC, t.key LIMIT 40
RETURN q.text AS query, left(t.key, 12) AS rollout, t.run AS run, t.call AS call, t.step AS step,
       coalesce(a.written, a.value) AS answer, t.reward AS training_reward, t.reward_source AS source, t.reward_reason AS reason,
       COLLECT {
         MATCH (t)-[:LEADS_TO*0..1]->()-[:EQUALS*0..2]-()<-[:SCORES]-(l:Label)
         WHERE NOT EXISTS { (l)<-[:CORRECTS]-(:Label) }
         RETURN l.kind + ' ' + toString(round(l.score, 2)) + coalesce(' by ' + l.identifier, '')
         ORDER BY CASE l.kind WHEN 'ground_truth' THEN 0 WHEN 'human' THEN 1 WHEN 'code' THEN 2 ELSE 3 END, l.created_at
       } AS labels,
       head(COLLECT {
         MATCH (t)<-[:SCORES]-(p:Prediction)
         RETURN p.score ORDER BY p.created_at DESC LIMIT 1
       }) AS predicted,
       t.text AS thinking, in_all
ORDER BY coalesce(step, -1) DESC, t.key
