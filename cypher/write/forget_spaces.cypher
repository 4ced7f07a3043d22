// Forgets the embedding spaces of a memory that holds no queries, so that an archive brings its own.
MATCH (s:EmbeddingSpace)
WHERE NOT EXISTS { MATCH (:Query) }
DELETE s
