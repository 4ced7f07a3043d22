// Appends an applied migration to the chain that starts at BASELINE.
// Parameters: $previous (version), $migration (map), $milliseconds, $by, $user.
MERGE (p:__Neo4jMigration {version: $previous})
CREATE (c:__Neo4jMigration)
SET c = $migration
CREATE (p)-[:MIGRATED_TO {at: datetime({timezone: 'UTC'}), in: duration({milliseconds: $milliseconds}),
                          by: $by, connectedAs: $user}]->(c)
