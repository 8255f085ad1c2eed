"""Where the graph lives: its schema, its stores, the way in (ingest) and the way out (snapshot)."""
