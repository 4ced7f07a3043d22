// How good were predictions, by what was learned later? For each reward model, over the rollouts that it scored before a
// label told.
// Parameters: model (key, or its beginning; null for all), run and dataset (names, or null for all), ledger (name, or null for
// labels of all).
// Returns scorer, model, rollouts, accuracy (at 0.5), vote_accuracy (what the majority vote of each group has on the same rollouts),
// brier (mean squared error), predicted_of_right, predicted_of_wrong (mean predictions), first, last (when predicted).
// Without rows: no label came after a prediction yet (`memreward score`, then `memreward reveal` or `memreward label`).
WITH {model: null, run: null, dataset: null, ledger: null} AS given  // put your values here
MATCH (p:Prediction)-[:SCORES]->(t:Thinking)
WHERE p.score IS NOT NULL AND NOT coalesce(t.superseded, false) AND (given.model IS NULL OR p.model STARTS WITH given.model)
  AND (given.run IS NULL OR t.run = given.run)
  AND (given.dataset IS NULL OR EXISTS { (t)<-[:GENERATES_REASONING]-(:Query {dataset: given.dataset}) })
CALL (p, t, given) {
  MATCH (t)-[:LEADS_TO*0..1]->()-[:EQUALS*0..2]-(target)<-[:SCORES]-(l:Label)
  WHERE l.created_at >= p.created_at AND NOT EXISTS { (l)<-[:CORRECTS]-(:Label) }
    AND (given.ledger IS NULL OR EXISTS { (l)-[:SPENT_IN]->(:Ledger {name: given.ledger}) })
  WITH 2 * CASE l.kind WHEN 'ground_truth' THEN 0 WHEN 'human' THEN 1 WHEN 'code' THEN 2 ELSE 3 END
         + CASE WHEN target:Answer THEN 1 ELSE 0 END AS rank, avg(l.score) AS truth
  RETURN truth ORDER BY rank LIMIT 1
}
MATCH (q:Query)-[:GENERATES_REASONING]->(t)-[:LEADS_TO]->(a:Answer)
WITH q, t.run AS run, t.attempt AS attempt, t.call AS call,
     collect({p: p, truth: truth, answer: CASE WHEN a.valid THEN coalesce([(a)-[:EQUALS]->(r) | r.key][0], a.key) END}) AS members
CALL (q, run, attempt, call) {
  MATCH (q)-[:GENERATES_REASONING]->(o:Thinking)-[:LEADS_TO]->(b:Answer {valid: true})
  WHERE o.run = run AND coalesce(o.attempt, -1) = coalesce(attempt, -1) AND coalesce(o.call, -1) = coalesce(call, -1)
    AND NOT coalesce(o.superseded, false)
  WITH coalesce([(b)-[:EQUALS]->(r) | r.key][0], b.key) AS answer, count(*) AS votes
  WITH max(votes) AS most, collect({answer: answer, votes: votes}) AS answers
  RETURN [one IN answers WHERE one.votes = most | one.answer] AS majority
}
UNWIND members AS one
WITH one.p AS p, one.truth AS truth, one.answer IN majority AND size(majority) < 3 AS voted  // 1 / ties is at least 0.5
RETURN p.scorer AS scorer, left(p.model, 12) AS model, count(*) AS rollouts,
       avg(CASE WHEN (p.score >= 0.5) = (truth >= 0.5) THEN 1.0 ELSE 0.0 END) AS accuracy,
       avg(CASE WHEN coalesce(voted, false) = (truth >= 0.5) THEN 1.0 ELSE 0.0 END) AS vote_accuracy,
       avg((p.score - truth) * (p.score - truth)) AS brier,
       avg(CASE WHEN truth >= 0.5 THEN p.score END) AS predicted_of_right,
       avg(CASE WHEN truth < 0.5 THEN p.score END) AS predicted_of_wrong,
       toString(min(p.created_at)) AS first, toString(max(p.created_at)) AS last
ORDER BY first
