// Which of these rollouts are stored, and with which content? Parameters: $keys. Returns key, content, as_given (contents that
// it has where its source gave what an earlier reader found), answer (key).
UNWIND $keys AS key
MATCH (t:Thinking {key: key})
RETURN t.key AS key, t.content AS content, coalesce(t.content_as_given, []) AS as_given,
       head([(t)-[:LEADS_TO]->(a:Answer) | a.key]) AS answer
