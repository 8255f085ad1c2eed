"""Checks that packages of optional extras are installed."""

from importlib.util import find_spec

from graphdb.errors import TrainingError


def check_extra(package: str, extra: str, user: str) -> None:
    """Checks that a package is installed, without importing it.

    Args:
        user: The feature that needs it, at the start of the message, such as 'tuning'.

    Raises:
        TrainingError: It is missing; the message says what to install.
    """
    if find_spec(package) is None:
        raise TrainingError(
            f"{user} needs {package}, which is not installed",
            next_step=f"install graphrec[{extra}]",
            value=package,
        )


def check_report_installed() -> None:
    """Checks that the packages for reports are installed.

    Raises:
        TrainingError: A package is missing.
    """
    for package in ("jinja2", "matplotlib", "sklearn"):
        check_extra(package, "report", "the report")
