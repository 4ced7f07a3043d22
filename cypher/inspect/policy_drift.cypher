// How does the policy change, step by step? Whether the rollouts of a group agree, and how long they are.
// Parameters: run and dataset (names, or null for all).
// Returns run, step, groups, rollouts, agreement (mean share of a group that gives its most frequent answer), answers (different ones
// of a group, mean), characters (of the thinking, mean).
// Without rows: no rollout is stored yet (`memreward import`).
WITH {run: null, dataset: null} AS given  // put your values here
MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer)
WHERE NOT coalesce(t.superseded, false) AND (given.run IS NULL OR t.run = given.run)
  AND (given.dataset IS NULL OR q.dataset = given.dataset)
WITH q, t.run AS run, t.attempt AS attempt, t.call AS call, t.step AS step,
     coalesce([(a)-[:EQUALS]->(r) | r.key][0], a.key) AS answer, count(t) AS given_by, sum(size(t.text)) AS characters
WITH q, run, attempt, call, step, max(given_by) AS most, sum(given_by) AS rollouts, count(answer) AS answers,
     sum(characters) AS characters
RETURN run, step, count(*) AS groups, sum(rollouts) AS rollouts, avg(toFloat(most) / rollouts) AS agreement,
       avg(answers) AS answers, toFloat(sum(characters)) / sum(rollouts) AS characters
ORDER BY run, step
