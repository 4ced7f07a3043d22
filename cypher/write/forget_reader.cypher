// Forgets what a memory that holds no queries is read by, so that an archive brings its own.
MATCH (r:Reader)
WHERE NOT EXISTS { MATCH (:Query) }
DELETE r
