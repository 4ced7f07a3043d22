// Which versions of the domains' readers a memory was read by, and the domains that it holds rollouts of.
// Parameters: $domains (names that are asked about). Returns versions (list of "name=version", or null), answers (whether it
// holds any), used (those of the names that it holds queries of), begun (whether it is being read again).
OPTIONAL MATCH (r:Reader {key: 'reader'})
RETURN r.versions AS versions, EXISTS { (:Answer) } OR EXISTS { (:FormerAnswer) } AS answers,
       [name IN $domains WHERE EXISTS { (:Query {domain: name}) }] AS used, coalesce(r.begun, false) AS begun
