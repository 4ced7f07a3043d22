// The neighbour lists that were searched longest ago, in order.
CREATE INDEX query_linked_at IF NOT EXISTS FOR (n:Query) ON (n.linked_at);
