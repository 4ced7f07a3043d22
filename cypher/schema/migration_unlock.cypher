// Releases the migration lock. Parameters: $id; null releases whoever holds it (memreward migrate --unlock).
// Returns how many locks were released.
MATCH (l:__Neo4jMigrationsLock)
WHERE $id IS NULL OR l.id = $id
DELETE l
RETURN count(*) AS released
