// Domains that hold rollouts from before it was kept which fields their source gave. Returns domain.
MATCH (t:Thinking)
WHERE t.given IS NULL
MATCH (t)<-[:GENERATES_REASONING]-(q:Query)
RETURN DISTINCT q.domain AS domain ORDER BY domain
