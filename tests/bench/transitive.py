"""What a transitive check costs beside a check against one version: `transitive.py HOST:PORT [VERSIONS]`.

One subject gets so many versions, each with one more field than the last; then one candidate is checked against the
newest version and against all of them, in turns, over one connection. The first transitive check compares; those after it
remember. Medians.
"""

import http.client
import json
import statistics
import sys
import time

ROUNDS = 200

address, versions = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1000
connection = http.client.HTTPConnection(address)


def call(method, path, body):
    connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = json.loads(response.read())
    assert response.status == 200, answer
    return answer


def request(number):
    fields = [{"name": f"field{i}", "type": "string", "default": ""} for i in range(20)]
    fields.append({"name": f"extra{number}", "type": "long", "default": 0})
    return {"schema": json.dumps({"type": "record", "name": "Wide", "fields": fields})}


def timed(path, body):
    begun = time.perf_counter()
    assert call("POST", path, body)["is_compatible"]
    return (time.perf_counter() - begun) * 1e3


call("PUT", "/config/wide-value", {"compatibility": "NONE"})
for number in range(versions):
    call("POST", "/subjects/wide-value/versions", request(number))
call("PUT", "/config/wide-value", {"compatibility": "BACKWARD_TRANSITIVE"})
candidate = request(versions)
one, all_ = "/compatibility/subjects/wide-value/versions/latest", "/compatibility/subjects/wide-value/versions"
first = timed(all_, candidate)
single, transitive = [], []
for _ in range(ROUNDS):
    single.append(timed(one, candidate))
    transitive.append(timed(all_, candidate))
single, transitive = statistics.median(single), statistics.median(transitive)
print(
    f"{versions} versions: first check {first:.2f} ms; after it one version {single:.3f} ms, all {transitive:.3f} ms,"
    f" {transitive / single:.2f} times (median of {ROUNDS})"
)
