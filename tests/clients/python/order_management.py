"""The order-management log through librdkafka, every order and package rebuilt at the head and at random cuts and times.

    order_management.py BOOTSTRAP REGISTRY LOG.csv CUTS

Events go in under the example company's schemas (Avro by fastavro, Protobuf by hand). The expected states are worked
out here, straight from the rows of the log; nothing of the server's code or answers goes into them.
"""

import ast
import csv
import datetime
import decimal
import json
import pathlib
import random
import sys
import uuid

from live import Annals, Loader, cut_text

SCHEMAS = pathlib.Path(__file__).parents[3] / "schemas"
ADDRESS = {"street": "-", "postal_code": "-", "city": "-", "country": "DE"}
ITEM_WORDS = {"pick item": ("ItemPicked", "picked", "picked_at"),
              "item out of stock": ("ItemOutOfStock", "out_of_stock", "noticed_at"),
              "reorder item": ("ItemReordered", "reordered", "reordered_at")}
PACKAGE_WORDS = {"create package": "packed", "send package": "sent", "failed delivery": "delivery_failed",
                 "package delivered": "delivered"}


class Row:
    def __init__(self, row):
        def ids(kind):
            return ast.literal_eval(row[f"ocel:type:{kind}"].strip() or "[]")

        self.number, self.activity = float(row["ocel:eid"]), row["ocel:activity"]
        self.at = datetime.datetime.fromisoformat(row["ocel:timestamp"].replace("Z", "+00:00"))
        self.items, self.orders, self.packages = ids("items"), ids("orders"), ids("packages")
        self.price, self.grams = money(row["price"]), round(float(row["weight"]) * 1000)

    @property
    def ms(self):
        return round(self.at.timestamp() * 1000)


def money(text):
    return decimal.Decimal(text).quantize(decimal.Decimal("0.01"))


def text(at):
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"


# --- the expected states --------------------------------------------------------------------------------------------

def order_state(rows, catalogue):
    """An order's state after these rows, the first of which places it."""
    placed = rows[0]
    items = {i: {"item_id": i, "product": f"p-{i}", "price": str(catalogue[i][0]), "weight_grams": catalogue[i][1]}
             for i in placed.items}
    paid = [r for r in rows if r.activity == "pay order"]
    confirmed = [r for r in rows if r.activity == "confirm order"]
    for row in rows:
        if row.activity in ITEM_WORDS:
            for item in set(row.items) & set(items):
                items[item]["status"] = ITEM_WORDS[row.activity][1]
    settled = sum(r.price for r in paid)
    last_word = [r.activity for r in rows if r.activity in ("confirm order", "pay order")][-1:]
    return {
        "order_id": placed.orders[0], "customer_id": "unknown", "channel": "UNKNOWN", "currency": "EUR",
        "status": {"confirm order": "confirmed", "pay order": "paid"}[last_word[0]] if last_word else "placed",
        "items": list(items.values()), "total": str(placed.price), "paid": str(settled or money("0")),
        "refunded": "0.00", "address": ADDRESS, "address_changes": 0, "gift_note": None,
        "reminders": sum(r.activity == "payment reminder" for r in rows),
        "out_of_stock": sum(r.activity == "item out of stock" for r in rows),
        "placed_at": text(placed.at), "confirmed_at": text(confirmed[-1].at) if confirmed else None,
        "paid_at": text(paid[-1].at) if paid else None, "cancel_reason": None,
        "last_changed": text(rows[-1].at), "last_actor": "log",
    }


def package_state(rows, owner):
    created = rows[0]
    sent = [r for r in rows if r.activity == "send package"]
    delivered = [r for r in rows if r.activity == "package delivered"]
    failed = sum(r.activity == "failed delivery" for r in rows)
    return {
        "package_id": created.packages[0], "status": PACKAGE_WORDS[rows[-1].activity],
        "items": [{"order_id": owner[i], "item_id": i} for i in created.items], "weight_grams": created.grams,
        "carrier": "carrier" if sent else None, "tracking_number": "T" if sent else None,
        "destination": "-" if sent else None, "failed_attempts": failed,
        "last_failure": "FAILURE_REASON_NOBODY_HOME" if failed else None, "received_by": None,
        "packed_at": text(created.at), "delivered_at": text(delivered[-1].at) if delivered else None,
        "last_changed": text(rows[-1].at), "last_actor": "log",
    }


# --- the events -------------------------------------------------------------------------------------------------------

def order_event(row, order, catalogue):
    """The record name and the fields, for fastavro."""
    base = {"order_id": order}
    if row.activity == "place order":
        items = [{"item_id": i, "product": f"p-{i}", "price": catalogue[i][0], "weight_grams": catalogue[i][1]}
                 for i in row.items]
        return "OrderPlaced", {**base, "customer_id": "unknown", "placed_at": row.at, "items": items,
                               "total": row.price, "currency": "EUR", "deliver_to": ADDRESS, "channel": "UNKNOWN",
                               "gift_note": None}
    if row.activity == "confirm order":
        return "OrderConfirmed", {**base, "confirmed_at": row.at}
    if row.activity == "payment reminder":
        return "PaymentReminderSent", {**base, "reminder_number": 1, "sent_at": row.at}
    if row.activity == "pay order":
        method = ("shop.orders.BankTransfer", {"reference": order})
        return "OrderPaid", {**base, "payment_id": str(uuid.UUID(int=int(row.number))), "amount": row.price,
                             "currency": "EUR", "method": method, "paid_at": row.at}
    name, _, time_field = ITEM_WORDS[row.activity]
    event = {**base, "item_id": row.items[0], time_field: row.at}
    return name, ({**event, "supplier": None} if name == "ItemReordered" else event)


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value) if value else b""
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def package_event(row, owner, attempt):
    member = {
        "create package": lambda: field(10, b"".join(field(1, field(1, owner[i]) + field(2, i)) for i in row.items)
                                        + field(2, row.grams)),
        "send package": lambda: field(11, field(1, "carrier") + field(2, "T") + field(3, "-")),
        "failed delivery": lambda: field(12, field(1, attempt) + field(2, 1)),
        "package delivered": lambda: field(13, b""),
    }[row.activity]()
    stamp = field(1, row.ms // 1000) + field(2, row.ms % 1000 * 1_000_000)
    return field(1, row.packages[0]) + field(2, stamp) + member


# --- the run ----------------------------------------------------------------------------------------------------------

def load_schemas(annals):
    schemas = {}
    for folder in sorted(SCHEMAS.glob("orders-*")):
        for path in sorted(folder.glob("v*.avsc")):
            schema = json.loads(path.read_text())
            schemas[schema["name"]] = (annals.register(folder.name, schema), schema)
    text = (SCHEMAS / "packages-value/v1.proto").read_text()
    package_id = annals.call("POST", "/subjects/packages-value/versions", {"schema": text, "schemaType": "PROTOBUF"})["id"]
    return schemas, package_id


def compare(annals, name, wanted, at):
    members = annals.population(name, at)
    assert len(members) == len(wanted), f"{name} at {at}: {len(members)}, expected {len(wanted)}"
    for member in members:
        assert member["state"] == wanted[member["id"]], (name, at, member["state"], wanted[member["id"]])
    return len(members)


def main():
    bootstrap, registry, path, cuts = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    rows = sorted(map(Row, csv.DictReader(open(path))), key=lambda row: (row.at, row.number))
    owner = {item: row.orders[0] for row in rows if row.activity == "place order" for item in row.items}
    catalogue = {item: (money("0"), 0) for item in owner}
    catalogue |= {row.items[0]: (row.price, row.grams) for row in rows if row.activity == "pick item"}

    annals = Annals(bootstrap, registry)
    schemas, package_schema = load_schemas(annals)
    orders, packages = Loader(bootstrap, "orders"), Loader(bootstrap, "packages")
    attempts, headers, loaded = {}, [("actor", b"log")], 0
    for row in rows:
        loaded += 1
        if row.packages:
            package = row.packages[0]
            attempts[package] = attempts.get(package, 0) + (row.activity == "failed delivery")
            # The schema's id, the message index of the first message (a single 0), the message.
            value = b"\0" + package_schema.to_bytes(4, "big") + b"\0" + package_event(row, owner, attempts[package])
            packages.send(package, value, row, headers, row.ms)
        else:
            order = row.orders[0] if row.orders else owner[row.items[0]]
            name, fields = order_event(row, order, catalogue)
            orders.send(order, orders.encode(*schemas[name], fields), row, headers, row.ms)
    orders.finish()
    packages.finish()

    compared = 0
    for name, loader, state, extra in (("order", orders, order_state, catalogue),
                                       ("package", packages, package_state, owner)):
        head = {partition: end - 1 for partition, end in loader.ends.items()}
        for cut in [None, *loader.random_cuts(cuts, seed=2020)]:
            wanted = {key: state(seen, extra) for key, seen in loader.at_cut(cut or head)}
            compared += compare(annals, name, wanted, cut and cut_text(cut))
        rng = random.Random(2021)
        for row in rng.sample(rows, 20):
            begun = {key: [r for _, r in events if r.at <= row.at] for key, events in loader.landed.items()}
            wanted = {key: state(seen, extra) for key, seen in begun.items() if seen}
            compared += compare(annals, name, wanted, text(row.at))
    print(f"{loaded} events of {len(orders.landed)} orders and {len(packages.landed)} packages; {compared} states "
          f"equal, at the head, at {cuts} random cuts and at 20 random times each")


main()
