"""Writes the generated pages: from code, from kept results and from the decision records.

`python scripts/generate_docs.py` writes them into docs; with `--check` it writes nothing and ends
with 1 if one is out of date.
"""

import sys
from pathlib import Path

from doc_pages import (
    adr_page,
    api_pages,
    benchmarks_page,
    cli_page,
    config_page,
    config_schema_json,
    errors_page,
    licences_page,
    runs_page,
    schema_json,
    schema_page,
)

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {
    "adr/README.md": adr_page,
    "schema.md": schema_page,
    "schema.json": schema_json,
    "errors.md": errors_page,
    "cli.md": cli_page,
    "config.md": config_page,
    "config.schema.json": config_schema_json,
    "third-party.md": licences_page,
    "benchmarks.md": benchmarks_page,
    "benchmarks/README.md": runs_page,
}


def outdated() -> dict[Path, str]:
    """The pages whose text is not what it should be, with that text."""
    wanted = {DOCS / name: page() for name, page in PAGES.items()}
    wanted |= {DOCS / name: text for name, text in api_pages().items()}
    return {
        path: text
        for path, text in wanted.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    }


def main() -> None:
    found = outdated()
    for path, text in found.items():
        if "--check" in sys.argv[1:]:
            sys.exit(f"{path} is out of date; run python scripts/generate_docs.py")
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
