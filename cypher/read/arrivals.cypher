// The last reward call that each rank of a run's present attempt has stored and judged.
// Parameters: $key (run). Returns arrived (a call for each rank, -1 for none yet), began (when each
// began it, in microseconds since 1970; 0 where that is not known).
MATCH (r:Run {key: $key})
RETURN r.arrived AS arrived, coalesce(r.began, [rank IN r.arrived | 0]) AS began
