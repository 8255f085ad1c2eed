"""The parts of scripts/bench_cold_start.py: data, what is hidden, plain rules and measures."""
