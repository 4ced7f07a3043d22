// Records which reward the trainer got for each rollout, from which source, or why none.
// Parameters: $rows (key, reward or null, source, reason or null).
UNWIND $rows AS row
MATCH (t:Thinking {key: row.key})
SET t.reward = row.reward, t.reward_source = row.source, t.reward_reason = row.reason
