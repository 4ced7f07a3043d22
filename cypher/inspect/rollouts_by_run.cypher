// Which rollouts are there, by run, data set and domain: of how many is something known, and what? The oldest run first.
// `memreward compare` holds two runs against each other, on the queries that both sampled.
// Parameters: run and dataset (names, or null for all), ledger (name, or null for labels of all).
// Returns run, dataset, domain, policies (some names), queries, rollouts, unanswered (rollouts that state no answer), labelled,
// right (share of the labelled that are, at 0.5 or more), predicted (how many have a prediction), mean_reward (that a training got).
// Without rows: no rollout is stored yet (`memreward import`).
WITH {run: null, dataset: null, ledger: null} AS given  // put your values here
MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer)
WHERE NOT coalesce(t.superseded, false) AND (given.run IS NULL OR t.run = given.run)
  AND (given.dataset IS NULL OR q.dataset = given.dataset)
WITH q, t, a.valid AS valid, head(COLLECT {
       MATCH (t)-[:LEADS_TO*0..1]->()-[:EQUALS*0..2]-(target)<-[:SCORES]-(l:Label)
       WHERE NOT EXISTS { (l)<-[:CORRECTS]-(:Label) }
         AND (given.ledger IS NULL OR EXISTS { (l)-[:SPENT_IN]->(:Ledger {name: given.ledger}) })
       WITH 2 * CASE l.kind WHEN 'ground_truth' THEN 0 WHEN 'human' THEN 1 WHEN 'code' THEN 2 ELSE 3 END
              + CASE WHEN target:Answer THEN 1 ELSE 0 END AS rank, avg(l.score) AS truth
       RETURN truth ORDER BY rank LIMIT 1
     }) AS truth, EXISTS { (t)<-[:SCORES]-(p:Prediction) WHERE p.score IS NOT NULL } AS predicted
WITH t.run AS run, q.dataset AS dataset, q.domain AS domain, min(t.created_at) AS began, collect(DISTINCT t.policy)[..3] AS policies,
     count(DISTINCT q) AS queries, count(t) AS rollouts, sum(CASE WHEN valid THEN 0 ELSE 1 END) AS unanswered,
     count(truth) AS labelled, avg(CASE WHEN truth >= 0.5 THEN 1.0 WHEN truth < 0.5 THEN 0.0 END) AS right,
     sum(CASE WHEN predicted THEN 1 ELSE 0 END) AS predicted, avg(t.reward) AS mean_reward
RETURN run, dataset, domain, policies, queries, rollouts, unanswered, labelled, right, predicted, mean_reward
ORDER BY began, run, dataset, domain LIMIT 60
