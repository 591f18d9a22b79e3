"""Requests a second of one URL against another, by wrk, taking turns.

    ratio.py URL PEER_URL [SECONDS] [ROUNDS]
"""

import re
import statistics
import subprocess
import sys


def wrk(url, seconds):
    out = subprocess.run(["wrk", "-t1", "-c32", f"-d{seconds}s", "--latency", url],
                         capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in out, out
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", out).groups()
    return rate, float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def main():
    ours, peer = sys.argv[1:3]
    seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 5
    figures = {ours: [], peer: []}
    for url in (ours, peer):
        wrk(url, 2)
    for _ in range(rounds):
        for url in (ours, peer):
            figures[url].append(wrk(url, seconds))
    for name, url in (("annals", ours), ("bare axum", peer)):
        rate, p99 = (statistics.median(f[n] for f in figures[url]) for n in (0, 1))
        print(f"{name:10} {rate:9.0f} requests/s   p99 {p99:6.2f} ms")
    ratios = [a[0] / b[0] for a, b in zip(figures[ours], figures[peer])]
    print(f"ratio      {statistics.median(ratios):9.2f}   (median of {rounds}; {min(ratios):.2f} to {max(ratios):.2f})")


main()
