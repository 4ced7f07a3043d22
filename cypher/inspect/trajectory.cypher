// How did one query go, step by step: which share of its rollouts was right, as far as labels tell, which was predicted, and which
// reward was given?
// Parameters: query (key or text, or its beginning; null picks the query with rollouts at the most steps, and of these the one
// with rewards at the most), run and dataset (names, or null for all), ledger (name, or null for labels of all).
// Returns query, run, attempt, step, rollouts, labelled, right (mean label in force), predicted (mean of the newest), rewarded,
// mean_reward, spread (standard deviation of the rewards), answers (different ones), sources (of the rewards).
// Without rows: no rollout is stored yet (`memreward import`).
WITH {query: null, run: null, dataset: null, ledger: null} AS given  // put your values here
MATCH (q:Query)
WHERE (given.query IS NULL OR q.key STARTS WITH given.query OR q.text STARTS WITH given.query)
  AND (given.dataset IS NULL OR q.dataset = given.dataset)
CALL (q, given) {
  MATCH (q)-[:GENERATES_REASONING]->(t:Thinking)
  WHERE NOT coalesce(t.superseded, false) AND (given.run IS NULL OR t.run = given.run)
  RETURN count(DISTINCT [t.run, t.step]) AS steps, count(DISTINCT CASE WHEN t.reward IS NOT NULL THEN [t.run, t.step] END) AS rewarded
}
WITH given, q, steps, rewarded WHERE steps > 0
ORDER BY steps DESC, rewarded DESC, q.key LIMIT 1
MATCH (q)-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer)
WHERE NOT coalesce(t.superseded, false) AND (given.run IS NULL OR t.run = given.run)
WITH q, t, coalesce([(a)-[:EQUALS]->(r) | r.key][0], a.key) AS answer, head(COLLECT {
       MATCH (t)-[:LEADS_TO*0..1]->()-[:EQUALS*0..2]-(target)<-[:SCORES]-(l:Label)
       WHERE NOT EXISTS { (l)<-[:CORRECTS]-(:Label) }
         AND (given.ledger IS NULL OR EXISTS { (l)-[:SPENT_IN]->(:Ledger {name: given.ledger}) })
       WITH 2 * CASE l.kind WHEN 'ground_truth' THEN 0 WHEN 'human' THEN 1 WHEN 'code' THEN 2 ELSE 3 END
              + CASE WHEN target:Answer THEN 1 ELSE 0 END AS rank, avg(l.score) AS truth
       RETURN truth ORDER BY rank LIMIT 1
     }) AS truth, head(COLLECT {
       MATCH (t)<-[:SCORES]-(p:Prediction) WHERE p.score IS NOT NULL RETURN p.score ORDER BY p.created_at DESC, p.key LIMIT 1
     }) AS predicted
WITH q, t.run AS run, t.attempt AS attempt, t.step AS step, count(t) AS rollouts, count(truth) AS labelled, avg(truth) AS right,
     avg(predicted) AS predicted, count(t.reward) AS rewarded, avg(t.reward) AS mean_reward, stDevP(t.reward) AS spread,
     count(DISTINCT answer) AS answers, collect(DISTINCT t.reward_source) AS sources, min(t.position) AS place
RETURN q.text AS query, run, attempt, step, rollouts, labelled, right, predicted, rewarded, mean_reward, spread, answers, sources
ORDER BY place
