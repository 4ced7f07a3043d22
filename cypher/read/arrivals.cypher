// The last reward call that each rank of a run's present attempt has stored and judged.
// Parameters: $key (run). Returns arrived (a call for each rank, -1 for none yet).
MATCH (r:Run {key: $key})
RETURN r.arrived AS arrived
