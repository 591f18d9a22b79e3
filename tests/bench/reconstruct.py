"""Latency of rebuilding 10-event orders at random cuts, over REST on one kept-open connection.

    reconstruct.py HTTP [COUNT]
"""

import http.client
import json
import random
import statistics
import sys
import time
import urllib.parse


def main():
    address = urllib.parse.urlparse(sys.argv[1]).netloc
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 5000
    connection = http.client.HTTPConnection(address)

    def get(path):
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, (path, answer.status, body)
        return body

    orders, query = [], "limit=1000"
    while query is not None:
        page = json.loads(get(f"/v1/aggregates/order?{query}"))
        orders += [a["id"] for a in page["items"] if a["revision"] == 9]
        cursor = page.get("next_cursor")
        query = cursor and f"limit=1000&cursor={urllib.parse.quote(cursor)}"
    rng, times = random.Random(7), []
    for _ in range(count):
        path = f"/v1/aggregates/order/{rng.choice(orders)}?at=revision:9"
        started = time.perf_counter()
        get(path)
        times.append((time.perf_counter() - started) * 1000)
    times.sort()
    print(f"{count} reconstructions of {len(orders)} ten-event orders over REST: p50 {statistics.median(times):.3f} ms, "
          f"p99 {times[int(count * 0.99)]:.3f} ms")


main()
