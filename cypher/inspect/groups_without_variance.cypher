// Which groups gave GRPO nothing to learn from, because all rewards in them are the same, or because none got any? The newest
// first, at most 200.
// Parameters: run and dataset (names, or null for all).
// Returns run, attempt, step, query, rollouts, rewarded (how many got a reward), reward (of each of these, null without any), reasons
// (why the others got none), answers (different ones), sources, in_all (how many groups there are without the limit).
// Without rows: no training was given rewards yet, or those of each group differ.
WITH {run: null, dataset: null} AS given  // put your values here
MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer)
WHERE (t.reward IS NOT NULL OR t.reward_source IS NOT NULL OR t.reward_reason IS NOT NULL) AND NOT coalesce(t.superseded, false)
  AND (given.run IS NULL OR t.run = given.run) AND (given.dataset IS NULL OR q.dataset = given.dataset)
WITH q, t.run AS run, t.attempt AS attempt, t.call AS call, min(t.step) AS step, max(t.created_at) AS last,
     count(t) AS rollouts, count(t.reward) AS rewarded, min(t.reward) AS lowest, max(t.reward) AS highest,
     collect(DISTINCT CASE WHEN t.reward IS NULL THEN t.reward_reason END) AS reasons,
     count(DISTINCT coalesce([(a)-[:EQUALS]->(r) | r.key][0], a.key)) AS answers, collect(DISTINCT t.reward_source) AS sources
WHERE rollouts > 1 AND (rewarded = 0 OR lowest = highest)
WITH q, run, attempt, call, step, last, rollouts, rewarded, lowest, reasons, answers, sources
ORDER BY last DESC, q.key, run, attempt, call
WITH collect({
       q: q, run: run, attempt: attempt, step: step, rollouts: rollouts, rewarded: rewarded, reward: lowest, reasons: reasons,
       answers: answers, sources: sources
     }) AS found
UNWIND range(0, size(found[..200]) - 1) AS place
WITH found[place] AS one, size(found) AS in_all, place
WITH one, one.q AS q, in_all, place
RETURN one.run AS run, one.attempt AS attempt, one.step AS step, q.text AS query, one.rollouts AS rollouts, one.rewarded AS rewarded,
       one.reward AS reward, one.reasons AS reasons, one.answers AS answers, one.sources AS sources, in_all
ORDER BY place
