// Constraints of the migration history itself, named as neo4j-migrations names them.
CREATE CONSTRAINT unique_version___Neo4jMigration IF NOT EXISTS
FOR (n:__Neo4jMigration) REQUIRE (n.version, n.migrationTarget) IS UNIQUE;
CREATE CONSTRAINT __Neo4jMigrationsLock__has_unique_id IF NOT EXISTS
FOR (n:__Neo4jMigrationsLock) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT __Neo4jMigrationsLock__has_unique_name IF NOT EXISTS
FOR (n:__Neo4jMigrationsLock) REQUIRE n.name IS UNIQUE;
CREATE INDEX repeated_at__Neo4jMigration IF NOT EXISTS FOR ()-[r:REPEATED]-() ON (r.at);
