"""What scripts/neo4j is made of; only Python's standard library."""
