"""Maps: nodes in the plane, near each other where their vectors point the same way."""
