// How good were predictions, and on how much is that known? A row for each model, also where nothing tests it, the one that predicted
// last at the end.
// A label in force tests a prediction if the model could not have learned from it: it came after the prediction, or its purpose is
// monitor. Of each rollout the newest prediction of the model that its label tests counts. A share of few queries tells little.
// Parameters: model (key, or its beginning; null for all), run and dataset (names, or null for all), ledger (name, or null for
// labels of all).
// Returns scorer, model, predicted (rollouts), first_step and last_step (of these, null outside of a training), checked (how many of
// them a label tests), queries (of the checked), first_checked and last_checked (steps of the checked), accuracy (at 0.5),
// vote_accuracy (what the majority vote of each group has on the same rollouts), brier (mean squared error), predicted_of_right,
// predicted_of_wrong (mean predictions), last (when it predicted).
// Without rows: nothing was predicted yet (`memreward score`).
WITH {model: null, run: null, dataset: null, ledger: null} AS given  // put your values here
MATCH (p:Prediction)-[:SCORES]->(t:Thinking)
WHERE p.score IS NOT NULL AND NOT coalesce(t.superseded, false) AND (given.model IS NULL OR p.model STARTS WITH given.model)
  AND (given.run IS NULL OR t.run = given.run)
  AND (given.dataset IS NULL OR EXISTS { (t)<-[:GENERATES_REASONING]-(:Query {dataset: given.dataset}) })
WITH given, t, p ORDER BY p.created_at DESC, p.key
WITH given, t, p.scorer AS scorer, p.model AS model, collect(p) AS predictions, head(COLLECT {
       MATCH (t)-[:LEADS_TO*0..1]->()-[:EQUALS*0..2]-(target)<-[:SCORES]-(l:Label)
       WHERE NOT EXISTS { (l)<-[:CORRECTS]-(:Label) }
         AND (given.ledger IS NULL OR EXISTS { (l)-[:SPENT_IN]->(:Ledger {name: given.ledger}) })
       WITH 2 * CASE l.kind WHEN 'ground_truth' THEN 0 WHEN 'human' THEN 1 WHEN 'code' THEN 2 ELSE 3 END
              + CASE WHEN target:Answer THEN 1 ELSE 0 END AS rank, avg(l.score) AS truth,
            min(CASE WHEN l.purpose = 'monitor' THEN null ELSE l.created_at END) AS visible  // to models from then on
       RETURN {truth: truth, visible: visible} ORDER BY rank LIMIT 1
     }) AS label
WITH t, scorer, model, predictions, label, head([p IN predictions WHERE label.visible IS NULL OR p.created_at <= label.visible]) AS tested
ORDER BY t.key
WITH scorer, model, count(t) AS predicted, min(t.step) AS first_step, max(t.step) AS last_step,
     max(predictions[0].created_at) AS ended,
     collect(CASE WHEN label IS NOT NULL AND tested IS NOT NULL THEN {t: t, score: tested.score, truth: label.truth} END) AS known
CALL (known) {
  UNWIND known AS one
  WITH one, one.t AS t
  MATCH (q:Query)-[:GENERATES_REASONING]->(t)-[:LEADS_TO]->(a:Answer)
  WITH q, t.run AS run, t.attempt AS attempt, t.call AS call, collect({
         step: t.step, score: one.score, truth: one.truth,
         answer: CASE WHEN a.valid THEN coalesce([(a)-[:EQUALS]->(r) | r.key][0], a.key) END
       }) AS members
  CALL (q, run, attempt, call) {
    MATCH (q)-[:GENERATES_REASONING]->(o:Thinking)-[:LEADS_TO]->(b:Answer {valid: true})
    WHERE o.run = run AND coalesce(o.attempt, -1) = coalesce(attempt, -1) AND coalesce(o.call, -1) = coalesce(call, -1)
      AND NOT coalesce(o.superseded, false)
    WITH coalesce([(b)-[:EQUALS]->(r) | r.key][0], b.key) AS answer, count(*) AS votes
    WITH max(votes) AS most, collect({answer: answer, votes: votes}) AS answers
    RETURN [one IN answers WHERE one.votes = most | one.answer] AS majority
  }
  UNWIND members AS one
  WITH q, one.step AS step, one.score AS score, one.truth AS truth,
       one.answer IN majority AND size(majority) < 3 AS voted  // 1 / ties is at least 0.5
  RETURN count(*) AS checked, count(DISTINCT q) AS queries, min(step) AS first_checked, max(step) AS last_checked,
         avg(CASE WHEN (score >= 0.5) = (truth >= 0.5) THEN 1.0 ELSE 0.0 END) AS accuracy,
         avg(CASE WHEN coalesce(voted, false) = (truth >= 0.5) THEN 1.0 ELSE 0.0 END) AS vote_accuracy,
         avg((score - truth) * (score - truth)) AS brier,
         avg(CASE WHEN truth >= 0.5 THEN score END) AS predicted_of_right,
         avg(CASE WHEN truth < 0.5 THEN score END) AS predicted_of_wrong
}
RETURN scorer, left(model, 12) AS model, predicted, first_step, last_step, checked, queries, first_checked, last_checked, accuracy,
       vote_accuracy, brier, predicted_of_right, predicted_of_wrong, toString(ended) AS last
ORDER BY ended, scorer, model
