"""For people: pictures, and what a file would give."""
