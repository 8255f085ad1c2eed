"""The demo: a year of real grocery purchases, from tables to recommendations, then a tour."""

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow.compute as pc
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from graphdb import SCHEMA, open_snapshot
from graphdb.sources.complete_journey import SEPARATOR
from graphrec import Filters, Recommendations, Recommender

FOLDER = Path(".demo")
STORE, SNAPSHOT, BUNDLE = (str(FOLDER / name) for name in ("shop.duckdb", "snapshot", "bundle"))
SHOPPER = "543"
BRAND = "1194"
PRODUCT = "907652"

console = Console(width=None if sys.stdout.isatty() else 150)


def main() -> None:
    started = time.perf_counter()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    say("1. A year of purchases becomes a graph")
    run("ingest", "complete-journey", STORE)
    say("2. The graph becomes a snapshot: plain Parquet that any machine can train from")
    run("snapshot", STORE, SNAPSHOT)
    say("3. Train. The last four weeks are held out and predicted, then all is learned")
    # The fixed settings were chosen on this data set; elsewhere `train` alone chooses its own.
    run("train", SNAPSHOT, BUNDLE, "--preset", "default")
    say("4. Results")
    tour(Recommender.open(BUNDLE))
    console.print(
        f"\nDone in {time.perf_counter() - started:.0f} s. Now ask yourself:\n"
        f"  source .venv/bin/activate\n"
        f"  graphrec recommend {BUNDLE} User:{SHOPPER} --category 'CAT FOOD'\n"
        f"  graphrec recommend {BUNDLE} Brand:{BRAND} --target users\n"
        f"  graphrec similar {BUNDLE} Product:{PRODUCT} --price-max 2\n"
        f"  graphrec rejects {STORE}\n"
        f"  graphrec info {BUNDLE}",
        highlight=False,
    )


def say(text: str) -> None:
    console.rule(f"[bold]{text}", align="left")


def run(*arguments: str) -> None:
    """Runs a graphrec command as anyone would, and shows it."""
    console.print(f"[dim]$ graphrec {' '.join(arguments)}[/dim]")
    subprocess.run([str(Path(sys.executable).with_name("graphrec")), *arguments], check=True)


def tour(recommender: Recommender) -> None:
    shopper = recommender.fields("User", SHOPPER)
    about = ", ".join(str(value) for value in shopper.values())
    console.print(f"\n[bold]Shopper {SHOPPER}[/bold] ({escape(about)}) bought most often:")
    console.print(history(recommender, SHOPPER))
    never_bought = "Products this shopper never bought, best first"
    console.print(products(recommender, recommender.products_for_user(SHOPPER, k=10), never_bought))
    cheap = Filters(categories=("GROCERY > FRZN MEAT/MEAT DINNERS",), price_max=2)
    answer = recommender.products_for_user(SHOPPER, k=5, filters=cheap)
    console.print(products(recommender, answer, "The same, among frozen dinners up to $2"))
    answer = recommender.brands_for_user(SHOPPER, k=5)
    console.print(plain(answer, "Brands this shopper never bought from", ("name", "products")))

    brand = recommender.fields("Brand", BRAND)["name"]
    console.print(f"\n[bold]Brand {BRAND}[/bold] ({escape(str(brand))}) makes, among others:")
    console.print(best_of_brand(recommender, BRAND))
    audience = recommender.users_for_brand(BRAND, k=8, new_customers_only=True)
    title = "Lookalikes: households that never bought from it, most like its buyers first"
    console.print(plain(audience, title, ("age_band", "income_band", "household")))

    fields = recommender.fields("Product", PRODUCT)
    title = f"Products like {fields['title']} (${fields['price']:.2f})"
    console.print(products(recommender, recommender.similar_products(PRODUCT, k=8), f"\n{title}"))


def history(recommender: Recommender, user_id: str, most: int = 10) -> Table:
    """What a shopper bought most often, from the snapshot."""
    purchases = open_snapshot(SNAPSHOT, verify=False).edges(SCHEMA.edge_type("PURCHASED"))
    mine = purchases.filter(pc.equal(purchases["source_id"], user_id))
    totals = mine.group_by("target_id").aggregate(
        [("at", "count"), ("at", "max"), ("value", "sum")]
    )
    totals = totals.sort_by([("at_count", "descending"), ("target_id", "ascending")])
    table = listing("", ("product", "brand", "aisle", "price", "times", "last", "spent"))
    for row in totals.slice(0, most).to_pylist():
        table.add_row(
            *shelf(recommender, row["target_id"]),
            str(row["at_count"]),
            f"{row['at_max']:%d %b}",
            money(row["value_sum"]),
        )
    table.caption = f"{mine.num_rows:,} purchases of {totals.num_rows:,} products in the year"
    return table


def best_of_brand(recommender: Recommender, brand_id: str) -> Table:
    """The products of a brand that most households bought."""
    bundle = recommender.bundle
    made_by = bundle.edges(SCHEMA.edge_type("MADE_BY")).reverse()
    rows = made_by.targets(bundle.row_of("Brand", brand_id))
    buyers = bundle.edges(SCHEMA.edge_type("PURCHASED")).reverse()
    best = sorted(rows, key=lambda row: -len(buyers.targets(row)))[:5]
    table = listing("", ("product", "brand", "aisle", "price", "buyers"))
    for row in best:
        product_id = bundle.id_of("Product", row)
        table.add_row(*shelf(recommender, product_id), str(len(buyers.targets(row))))
    return table


def products(recommender: Recommender, answer: Recommendations, title: str) -> Table:
    table = listing(title, ("product", "brand", "aisle", "price", "why"))
    for item in answer:
        table.add_row(*shelf(recommender, item.id), escape("; ".join(item.reasons)))
    return table


def plain(answer: Recommendations, title: str, names: Sequence[str]) -> Table:
    table = listing(title, ("id", *names, "why"))
    for item in answer:
        values = (str(item.fields.get(name, "")) for name in names)
        table.add_row(item.id, *map(escape, values), escape("; ".join(item.reasons)))
    return table


def listing(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=escape(title), title_justify="left", header_style="bold")
    for name in columns:
        is_number = name in ("price", "times", "spent", "products", "buyers")
        table.add_column(name, justify="right" if is_number else "left")
    return table


def shelf(recommender: Recommender, product_id: str) -> tuple[str, str, str, str]:
    """What the shelf says of a product: title, brand, aisle and price."""
    bundle = recommender.bundle
    fields = recommender.fields("Product", product_id)
    categories = bundle.edges(SCHEMA.edge_type("IN_CATEGORY"))
    row = categories.targets(bundle.row_of("Product", product_id))[0]
    # A category's id is its path; the title names the type at its end.
    aisle = SEPARATOR.join(bundle.id_of("Category", row).split(SEPARATOR)[:2])
    brand = str(fields.get("brand", ""))
    return escape(str(fields["title"])), escape(brand), escape(aisle), money(fields.get("price"))


def money(value: float | None) -> str:
    if value is None:
        return ""
    return f"${value:,.2f}" if value >= 0.01 else f"${value:.4f}"


if __name__ == "__main__":
    main()
