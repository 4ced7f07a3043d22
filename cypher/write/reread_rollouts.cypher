// Moves rollouts to the answers that they are read as. Parameters: $rows (key, former, answer: keys; properties; observed:
// whether its program was run under the former answer already, with the same text; unembedded: whether it waits for its vector).
UNWIND $rows AS row
MATCH (t:Thinking {key: row.key})-[leads:LEADS_TO]->(former:Rereading {key: row.former})
MATCH (a:Answer {key: row.answer})
MERGE (former)-[:READ_AS]->(a)
MERGE (t)-[:LEADS_TO]->(a)
DELETE leads
FOREACH (q IN [(q:Query)-[:GENERATES_REASONING]->(t) | q] | SET q:Changed)
SET t += row.properties
FOREACH (_ IN CASE WHEN row.unembedded THEN [1] ELSE [] END | SET t:Unembedded)
SET t.name = CASE WHEN coalesce(t.step, t.sample) IS NULL
  THEN left(coalesce(nullIf(trim(t.text), ''), nullIf(trim(t.response), ''), 'no response'), 40) ELSE t.name END
FOREACH (_ IN CASE WHEN row.observed AND a:Unobserved THEN [1] ELSE [] END |
    SET a.behaviour = former.behaviour, a.examples_passed = former.examples_passed, a.runs = former.runs,
        a.behaviour_version = former.behaviour_version
    REMOVE a:Unobserved)
