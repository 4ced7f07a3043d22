// Some rollouts as they are stored, to see how long reading them again takes. Parameters: $domains (names), $limit.
// Returns as read/rollouts_to_reread.
MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer|FormerAnswer)
WHERE q.domain IN $domains
WITH a, t, q LIMIT $limit
RETURN t.key AS key, a.key AS former, q.key AS query, q.text AS text, q.domain AS domain, t.response AS response,
       t.text AS thinking, t.answer AS answer, t.given AS given, coalesce(t.thinking_opened, false) AS opened,
       t.stated_from AS stated_from,
       [name IN keys(t) WHERE name STARTS WITH 'checks_' OR name STARTS WITH 'embedding_'] AS derived
