// What people and the program filter by, other than keys.
CREATE INDEX query_domain IF NOT EXISTS FOR (n:Query) ON (n.domain);
CREATE INDEX query_dataset IF NOT EXISTS FOR (n:Query) ON (n.dataset);
CREATE INDEX thinking_run_step IF NOT EXISTS FOR (n:Thinking) ON (n.run, n.attempt, n.call);
CREATE INDEX label_kind IF NOT EXISTS FOR (n:Label) ON (n.kind);
CREATE INDEX label_created_at IF NOT EXISTS FOR (n:Label) ON (n.created_at);
CREATE INDEX ledger_name IF NOT EXISTS FOR (n:Ledger) ON (n.name);
CREATE INDEX run_name IF NOT EXISTS FOR (n:Run) ON (n.name);
