// Keeps the versions of the domains' readers that a memory is read by. Parameters: $versions (list of "name=version").
MERGE (r:Reader {key: 'reader'})
SET r.versions = $versions
