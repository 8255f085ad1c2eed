"""Evaluates models: tasks, metrics and results."""
