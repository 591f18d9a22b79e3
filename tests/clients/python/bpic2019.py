"""The purchase-order log through librdkafka, every item rebuilt at the head and at random cuts.

    bpic2019.py BOOTSTRAP REGISTRY LOG.xes.gz CUTS

The fold is `purchase_item.yaml`, run by the server. The expected states are worked out here, from the log file's own
events; nothing of the server's code or answers goes into them.
"""

import datetime
import gzip
import sys
import xml.etree.ElementTree as ElementTree

from live import Annals, Loader, cut_text

TOPIC = "purchase-orders"
SCHEMA = {
    "type": "record", "name": "ActivityDone", "namespace": "purchasing",
    "fields": [{"name": "activity", "type": "string"},
               {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}}],
}


def read(path):
    """(item, activity, time) of every event, in the file's order."""
    case = None
    with gzip.open(path) as log:
        for action, element in ElementTree.iterparse(log, events=("start", "end")):
            if action == "start" and element.tag == "trace":
                case = None
            elif action == "end" and element.tag == "string" and case is None:
                case = element.get("value")
            elif action == "end" and element.tag == "event":
                values = {child.get("key"): child.get("value") for child in element}
                yield case, values["concept:name"], datetime.datetime.fromisoformat(values["time:timestamp"])
            if action == "end" and element.tag == "trace":
                element.clear()


def expected(events):
    times = [at for _, at in events]
    last_seen = {}
    for activity, at in events:
        last_seen[activity] = at
    return {
        "events": len(events),
        "first_at": times[0],
        "last_at": times[-1],
        "last_activity": events[-1][0],
        "trace": [activity for activity, _ in events],
        "activities": [{"activity": a, "last_at": at} for a, at in last_seen.items()],
        "cleared": any(activity == "Clear Invoice" for activity, _ in events),
    }


def text(at):
    at = at.astimezone(datetime.timezone.utc)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"


def main():
    bootstrap, registry, path, cuts = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    annals = Annals(bootstrap, registry)
    schema_id = annals.register(f"{TOPIC}-value", SCHEMA)
    # By time, so that the items interleave on the log as they did in life.
    events = sorted(read(path), key=lambda event: event[2])
    loader = Loader(bootstrap, TOPIC)
    for case, activity, at in events:
        loader.send(case, loader.encode(schema_id, SCHEMA, {"activity": activity, "at": at}), (activity, text(at)))
    loader.finish()

    compared = 0
    head = {partition: end - 1 for partition, end in loader.ends.items()}
    for cut in [None, *loader.random_cuts(cuts, seed=2019)]:
        wanted = {key: expected(seen) for key, seen in loader.at_cut(cut or head)}
        members = annals.population("purchase_item", cut and cut_text(cut))
        assert len(members) == len(wanted), f"cut {cut}: {len(members)} items, expected {len(wanted)}"
        for member in members:
            assert member["state"] == wanted[member["id"]], (cut, member, wanted[member["id"]])
        compared += len(members)
    print(f"{len(events)} events of {len(loader.landed)} items; {compared} states equal, "
          f"at the head and at {cuts} random cuts; longest item {max(map(len, loader.landed.values()))} events")


main()
