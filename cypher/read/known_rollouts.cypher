// Which of these rollouts are stored, and with which content? Parameters: $keys. Returns key, content.
UNWIND $keys AS key
MATCH (t:Thinking {key: key})
RETURN t.key AS key, t.content AS content
