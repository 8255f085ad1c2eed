"""Pages of the documentation, made of what the code says of itself."""

from doc_pages.adr import adr_page
from doc_pages.api import api_pages
from doc_pages.benchmarks import benchmarks_page, runs_page
from doc_pages.cli import cli_page
from doc_pages.config import config_page, config_schema_json
from doc_pages.errors import errors_page
from doc_pages.licences import licences_page
from doc_pages.schema import schema_json, schema_page

__all__ = [
    "adr_page",
    "api_pages",
    "benchmarks_page",
    "cli_page",
    "config_page",
    "config_schema_json",
    "errors_page",
    "licences_page",
    "runs_page",
    "schema_json",
    "schema_page",
]
