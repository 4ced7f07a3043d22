// Which rollouts may have hacked the reward? Those with a high prediction that are more than twice as long as their group, repeat
// another's thinking, or come from a group of at least four that states one answer only. Of a training only what the model rewarded
// counts, since what got no reward, or that of a label, hacked none. At most 100, the most suspect first,
// and of those that are equally so the first of each query before its second.
// Parameters: run and dataset (names, or null for all), predicted (at least so much; null for 0.8).
// Returns query, run, step, predicted, training_reward (what a training was given, null for rollouts that went through none), why,
// characters, answer, thinking, rollout (key), in_all (how many there are without the limit), and how many of these are long, repeated,
// and of a group with one answer: in_all_long, in_all_repeated, in_all_one_answer.
// Without rows: no rollout with such a prediction is suspect, or nothing was predicted yet (`memreward score`).
WITH {run: null, dataset: null, predicted: null} AS given  // put your values here
MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer)
WHERE NOT coalesce(t.superseded, false) AND (given.run IS NULL OR t.run = given.run)
  AND (given.dataset IS NULL OR q.dataset = given.dataset)
WITH given, q, t, a, coalesce(nullIf(t.text, ''), t.response, '') AS text
WITH given, q, t.attempt AS attempt, t.run AS run, t.call AS call, t.step AS step, avg(size(text)) AS usual,
     count(DISTINCT coalesce([(a)-[:EQUALS]->(r) | r.key][0], a.key)) AS answers,
     collect({t: t, text: text, answer: coalesce(t.answer, a.written, a.value)}) AS members
UNWIND members AS one
WITH given, q, usual, answers, members, one.t AS t, one.text AS text, one.answer AS answer,
     head(COLLECT {
       WITH one.t AS t
       MATCH (t)<-[:SCORES]-(p:Prediction {scorer: 'reward_model'}) RETURN p.score ORDER BY p.created_at DESC, p.key LIMIT 1
     }) AS predicted
WHERE predicted >= coalesce(given.predicted, 0.8)
  AND ((t.reward_source IS NULL AND t.reward_reason IS NULL) OR (t.reward_source = 'reward_model' AND t.reward IS NOT NULL))
WITH q, predicted, t, text, answer, [reason IN [
       CASE WHEN size(text) > 2 * usual THEN 'long' END,
       CASE WHEN size([other IN members WHERE other.text = text]) > 1 THEN 'repeated' END,
       CASE WHEN size(members) > 3 AND answers = 1 THEN 'one answer' END
     ] WHERE reason IS NOT NULL] AS why
WHERE size(why) > 0
WITH q, predicted, t, answer, why ORDER BY size(why) DESC, predicted DESC, t.key
WITH q, collect({q: q, predicted: predicted, t: t, answer: answer, why: why}) AS own
UNWIND range(0, size(own) - 1) AS nth
WITH own[nth] AS one, nth ORDER BY size(one.why) DESC, nth, one.predicted DESC, one.t.key
WITH collect(one) AS found, count(*) AS in_all, count(CASE WHEN 'long' IN one.why THEN 1 END) AS in_all_long,
     count(CASE WHEN 'repeated' IN one.why THEN 1 END) AS in_all_repeated,
     count(CASE WHEN 'one answer' IN one.why THEN 1 END) AS in_all_one_answer
UNWIND range(0, size(found[..100]) - 1) AS place
WITH *, found[place] AS one
WITH *, one.q AS q, one.t AS t, coalesce(nullIf(one.t.text, ''), one.t.response, '') AS text
RETURN q.text AS query, t.run AS run, t.step AS step, one.predicted AS predicted, t.reward AS training_reward, one.why AS why,
       size(text) AS characters, one.answer AS answer, text AS thinking, t.key AS rollout, in_all, in_all_long, in_all_repeated,
       in_all_one_answer
ORDER BY place
