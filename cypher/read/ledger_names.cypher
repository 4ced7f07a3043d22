// The names of all ledgers. Returns name.
MATCH (l:Ledger)
RETURN l.name AS name ORDER BY name
