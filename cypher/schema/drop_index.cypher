// Drops an index, if there is one of that name (template: {{index}}).
DROP INDEX {{index}} IF EXISTS
