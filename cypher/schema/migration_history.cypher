// Which migrations were applied to this database, in order, by whom and how long each took?
MATCH path = (:__Neo4jMigration {version: 'BASELINE'})-[:MIGRATED_TO*]->(last:__Neo4jMigration)
WHERE NOT (last)-[:MIGRATED_TO]->(:__Neo4jMigration)
UNWIND relationships(path) AS step
WITH endNode(step) AS migration, step
RETURN migration.version AS version, migration.description AS description, migration.source AS source,
       migration.checksum AS checksum, toString(step.at) AS applied_at, step.in.milliseconds AS milliseconds
