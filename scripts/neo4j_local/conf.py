"""neo4j.conf and the ports it names."""

import argparse
import socket

from neo4j_local.home import CannotError, Home

DEFAULT_PORTS = (7687, 7474)
CONF = """\
# Written by scripts/neo4j at every start.
server.default_listen_address=127.0.0.1
server.default_advertised_address=127.0.0.1
server.bolt.enabled=true
server.bolt.listen_address=127.0.0.1:{bolt}
server.bolt.advertised_address=127.0.0.1:{bolt}
server.http.enabled=true
server.http.listen_address=127.0.0.1:{http}
server.http.advertised_address=127.0.0.1:{http}
server.https.enabled=false
server.memory.pagecache.size={page_cache}
db.tx_log.preallocate=false
dbms.security.auth_enabled=true
dbms.usage_report.enabled=false
client.allow_telemetry=false
# LOAD CSV reads no file and no address, and no query runs for ever: whoever explores may run any.
server.directories.import=import
dbms.security.allow_csv_import_from_file_urls=false
internal.dbms.cypher_ip_blocklist=0.0.0.0/0,::/0
db.transaction.timeout=10m
"""


def write_conf(home: Home, bolt: int, http: int, page_cache: str, more: list[str]) -> None:
    home.conf.parent.mkdir(parents=True, exist_ok=True)
    (home.folder / "import").mkdir(exist_ok=True)
    text = CONF.format(bolt=bolt, http=http, page_cache=page_cache)
    names = {line.partition("=")[0].strip() for line in more}
    kept = [line for line in text.splitlines() if line.partition("=")[0] not in names]
    home.conf.write_text("".join(f"{line}\n" for line in [*kept, *more]))


def choose_ports(arguments: argparse.Namespace) -> tuple[int, int]:
    """Ports for Bolt and HTTP; 0 means any free one."""
    wanted = (0, 0) if arguments.free_ports else (arguments.bolt_port, arguments.http_port)
    with socket.socket() as bolt, socket.socket() as http:
        for probe, port in zip((bolt, http), wanted, strict=True):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise CannotError(f"port {port} is taken; use --free-ports") from error
        return bolt.getsockname()[1], http.getsockname()[1]
