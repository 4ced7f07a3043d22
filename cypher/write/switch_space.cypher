// Lets another embedding space serve, in one step. Parameters: $key (of the space).
MATCH (space:EmbeddingSpace)
WHERE space.active OR space.key = $key
SET space.active = space.key = $key
FOREACH (_ IN CASE WHEN space.active THEN [1] ELSE [] END | SET space.serving_since = datetime())
