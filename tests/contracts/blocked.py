"""Waits until a transaction waits for a lock."""

import time


def wait_until_blocked(plain) -> None:
    for _ in range(200):
        found = plain.execute_query(
            "SHOW TRANSACTIONS YIELD status WHERE status STARTS WITH 'Blocked' RETURN status"
        )
        if found.records:
            return
        time.sleep(0.05)
    raise AssertionError("no transaction ever waited for a lock")
