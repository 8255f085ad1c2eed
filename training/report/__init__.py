"""Writes the report of an evaluation: one self-contained HTML file, and pictures.

It needs the extra `report` (Jinja2, Matplotlib, scikit-learn).
"""

from training.report.writing import WrittenReport, write_report

__all__ = ["WrittenReport", "write_report"]
