// Rollouts and answers that have no vector in the space that serves now wait for one, in batches. What an answer's vector was made
// of, in the space before, says nothing any more. Parameters: $property (of the vector).
MATCH (n:Thinking|Answer)
WHERE n[$property] IS NULL AND (NOT n:Unembedded OR n.embedding_rank IS NOT NULL)
CALL (n) { SET n:Unembedded REMOVE n.embedding_rank } IN TRANSACTIONS OF 10000 ROWS
