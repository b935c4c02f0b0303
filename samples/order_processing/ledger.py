"""Stock, payments and mails in one SQLite file: stands in for the services that a shop would call.

Activities run at least once, so every operation is keyed by the order and harmless when repeated.
"""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TABLES = """
CREATE TABLE IF NOT EXISTS stock (item TEXT PRIMARY KEY, available INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS reservation (order_id TEXT PRIMARY KEY, item TEXT, quantity INTEGER, state TEXT);
CREATE TABLE IF NOT EXISTS payment (order_id TEXT PRIMARY KEY, amount REAL, state TEXT, attempts INTEGER);
CREATE TABLE IF NOT EXISTS mail (order_id TEXT, subject TEXT, PRIMARY KEY (order_id, subject));
INSERT OR IGNORE INTO stock VALUES ('book', 1000), ('vase', 1);
"""


class PaymentDeclined(Exception):
    """The card was refused."""


@contextmanager
def _ledger() -> Iterator[sqlite3.Connection]:
    path = os.environ.get("LEDGER_PATH") or Path(tempfile.gettempdir()) / "order_processing.db"
    connection = sqlite3.connect(path, timeout=10, isolation_level=None)
    try:
        connection.executescript(_TABLES)
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")
    finally:
        connection.close()


def reserve(order_id: str, item: str, quantity: int) -> bool:
    """Set ``quantity`` aside; False when there is not enough."""
    with _ledger() as db:
        if db.execute("SELECT 1 FROM reservation WHERE order_id = ?", (order_id,)).fetchone():
            return True
        taken = db.execute(
            "UPDATE stock SET available = available - ? WHERE item = ? AND available >= ?", (quantity, item, quantity)
        )
        if taken.rowcount == 0:
            return False
        db.execute("INSERT INTO reservation VALUES (?, ?, ?, 'reserved')", (order_id, item, quantity))
        return True


def release(order_id: str) -> None:
    """Put what was reserved back on the shelf."""
    with _ledger() as db:
        row = db.execute(
            "UPDATE reservation SET state = 'released' WHERE order_id = ? AND state = 'reserved'"
            " RETURNING item, quantity",
            (order_id,),
        ).fetchone()
        if row is not None:
            db.execute("UPDATE stock SET available = available + ? WHERE item = ?", (row[1], row[0]))


def deduct(order_id: str) -> None:
    """The reserved goods have left the house."""
    with _ledger() as db:
        db.execute("UPDATE reservation SET state = 'deducted' WHERE order_id = ? AND state = 'reserved'", (order_id,))


def charge(order_id: str, amount: float, card: str) -> None:
    """Take the money once. The card ``declined`` never pays, ``flaky`` pays at the third attempt."""
    with _ledger() as db:
        attempts, state = db.execute(
            "INSERT INTO payment VALUES (?, ?, 'open', 1)"
            " ON CONFLICT (order_id) DO UPDATE SET attempts = attempts + 1 RETURNING attempts, state",
            (order_id, amount),
        ).fetchone()
        paid = state == "paid" or card not in ("declined", "flaky") or (card == "flaky" and attempts >= 3)
        if paid:
            db.execute("UPDATE payment SET state = 'paid' WHERE order_id = ?", (order_id,))
    if not paid:
        raise PaymentDeclined(f"card {card!r} was refused")


def refund(order_id: str) -> None:
    with _ledger() as db:
        db.execute("UPDATE payment SET state = 'refunded' WHERE order_id = ? AND state = 'paid'", (order_id,))


def send_mail(order_id: str, subject: str) -> None:
    with _ledger() as db:
        db.execute("INSERT OR IGNORE INTO mail VALUES (?, ?)", (order_id, subject))


def entries(order_id: str) -> dict[str, object]:
    """What the books say about one order."""
    with _ledger() as db:
        reservation = db.execute("SELECT state FROM reservation WHERE order_id = ?", (order_id,)).fetchone()
        payment = db.execute("SELECT state, attempts FROM payment WHERE order_id = ?", (order_id,)).fetchone()
        mails = db.execute("SELECT subject FROM mail WHERE order_id = ? ORDER BY rowid", (order_id,)).fetchall()
    return {
        "reservation": reservation and reservation[0],
        "payment": payment and payment[0],
        "attempts": payment[1] if payment else 0,
        "mails": [subject for (subject,) in mails],
    }
