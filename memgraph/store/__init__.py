"""What the memory stands on: the database, its server, schema, keys, embedding spaces and archives."""
