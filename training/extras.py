"""Packages that only some extras of the installation bring."""

from importlib.util import find_spec

from graphdb.errors import TrainingError


def check_extra(package: str, extra: str, user: str) -> None:
    """Checks that a package is there, without importing it.

    Args:
        user: What needs it, as the message begins, such as 'tuning'.

    Raises:
        TrainingError: It is not; the message says what to install.
    """
    if find_spec(package) is None:
        raise TrainingError(
            f"{user} needs {package}, which is not installed",
            next_step=f"install graphrec[{extra}]",
            value=package,
        )


def check_report_installed() -> None:
    """Checks that all is there that draws the report of an evaluation.

    Raises:
        TrainingError: Something is not.
    """
    for package in ("jinja2", "matplotlib", "sklearn"):
        check_extra(package, "report", "the report")
