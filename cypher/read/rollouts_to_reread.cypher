// Some rollouts of answers that are being read again. Parameters: $answers (keys), $limit.
// Returns key, former (key of the answer), query (key), text (of the query), domain, response, thinking, answer (null for
// none), given (fields that its source gave, or null where that was not kept), opened (whether the prompt opened the
// thinking), stated_from (where the part of the response begins that states the answer, null for all of it), derived (names
// of properties that follow from the reading: checks and vectors).
UNWIND $answers AS former
MATCH (a:Rereading {key: former})<-[:LEADS_TO]-(t:Thinking)<-[:GENERATES_REASONING]-(q:Query)
WITH a, t, q LIMIT $limit
RETURN t.key AS key, a.key AS former, q.key AS query, q.text AS text, q.domain AS domain, t.response AS response,
       t.text AS thinking, t.answer AS answer, t.given AS given, coalesce(t.thinking_opened, false) AS opened,
       t.stated_from AS stated_from,
       [name IN keys(t) WHERE name STARTS WITH 'checks_' OR name STARTS WITH 'embedding_'] AS derived
