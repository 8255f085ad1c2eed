"""Indexes: find the best targets without reading all of them."""
