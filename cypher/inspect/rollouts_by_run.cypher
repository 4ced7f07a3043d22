// Which rollouts are there, by run, data set and domain, and of how many is something known? The oldest first.
// Parameters: run and dataset (names, or null for all), ledger (name, or null for labels of all).
// Returns run, dataset, domain, policies (some names), queries, rollouts, unanswered, labelled, predicted.
// Without rows: no rollout is stored yet (`memreward import`).
WITH {run: null, dataset: null, ledger: null} AS given  // put your values here
MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer)
WHERE NOT coalesce(t.superseded, false) AND (given.run IS NULL OR t.run = given.run)
  AND (given.dataset IS NULL OR q.dataset = given.dataset)
WITH q, t, a.valid AS valid, EXISTS {
       MATCH (t)-[:LEADS_TO*0..1]->()-[:EQUALS*0..2]-()<-[:SCORES]-(l:Label)
       WHERE given.ledger IS NULL OR EXISTS { (l)-[:SPENT_IN]->(:Ledger {name: given.ledger}) }
     } AS labelled, EXISTS { (t)<-[:SCORES]-(p:Prediction) WHERE p.score IS NOT NULL } AS predicted
WITH t.run AS run, q.dataset AS dataset, q.domain AS domain, min(t.created_at) AS began, collect(DISTINCT t.policy)[..3] AS policies,
     count(DISTINCT q) AS queries, count(t) AS rollouts, sum(CASE WHEN valid THEN 0 ELSE 1 END) AS unanswered,
     sum(CASE WHEN labelled THEN 1 ELSE 0 END) AS labelled, sum(CASE WHEN predicted THEN 1 ELSE 0 END) AS predicted
RETURN run, dataset, domain, policies, queries, rollouts, unanswered, labelled, predicted
ORDER BY began, run, dataset, domain LIMIT 60
