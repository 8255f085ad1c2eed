"""The parts of scripts/benchmarks/new_items.py: data, what is hidden, plain rules and measures."""
