// Gives back the right to read a memory again. Parameters: $holder (null: whoever has it). Returns released (how many).
MATCH (r:Reader {key: 'reader'})
WHERE r.held_by IS NOT NULL AND ($holder IS NULL OR r.held_by = $holder)
REMOVE r.held_by, r.held_until
RETURN count(r) AS released
