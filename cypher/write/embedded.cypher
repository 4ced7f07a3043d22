// Rollouts and answers that have their vector wait for none, in batches. Parameters: $property (of the vector).
MATCH (n:Unembedded)
WHERE n[$property] IS NOT NULL
CALL (n) { REMOVE n:Unembedded } IN TRANSACTIONS OF 10000 ROWS
