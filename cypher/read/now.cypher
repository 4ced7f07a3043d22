// The server's time, by which it dates labels. Returns now.
RETURN datetime() AS now
