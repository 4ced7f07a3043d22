// Takes the lock against concurrent migrators; fails on the uniqueness constraint while another holds it.
// Parameters: $id (a UUID), $name ("John Doe" for the default database, as neo4j-migrations has it).
CREATE (l:__Neo4jMigrationsLock {id: $id, name: $name, acquired_at: datetime()})
