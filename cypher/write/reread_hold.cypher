// Takes the right to read a memory again for a while, or keeps it.
// Parameters: $holder, $seconds, $gone (holders that are known to have ended). Returns held (whether $holder has it now), by.
MERGE (r:Reader {key: 'reader'})
SET r.locked = true
REMOVE r.locked
WITH r, r.held_by IS NULL OR r.held_by = $holder OR r.held_until < datetime() OR r.held_by IN $gone AS held
FOREACH (_ IN CASE WHEN held THEN [1] ELSE [] END |
    SET r.held_by = $holder, r.held_until = datetime() + duration({seconds: $seconds}))
RETURN held, r.held_by AS by
