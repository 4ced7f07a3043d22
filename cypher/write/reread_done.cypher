// Ends reading answers again: the former ones keep their key, their value and where their rollouts went. Parameters: $keys.
UNWIND $keys AS key
MATCH (f:Rereading {key: key})
SET f = {key: f.key, value: f.value, valid: f.valid}
REMOVE f:Rereading
