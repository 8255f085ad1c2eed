"""The benchmarks: a file for each question, with what several of them need in the folders."""
