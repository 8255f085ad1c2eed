"""The report of an evaluation: one HTML file that needs nothing beside it, and pictures.

Needs the extra `report` (Jinja2, Matplotlib, scikit-learn).
"""

from training.report.writing import WrittenReport, write_report

__all__ = ["WrittenReport", "write_report"]
