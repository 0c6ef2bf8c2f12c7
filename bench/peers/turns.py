"""The protocol of a peer: it is told how many steps to do, does them, and says how long they took.

After set-up and warm-up a peer prints {"ready": true, ...}; then for each line on stdin that
holds an integer n it does n steps and prints {"seconds": s, "steps": n, ...}; end of input
ends the process.
"""

import json
import sys
import time


def serve(step, warmup, about):
    """A step may give a dictionary: what the last one gave is told with the time."""
    for _ in range(warmup):
        step()
    print(json.dumps({"ready": True, **about}), flush=True)
    for line in sys.stdin:
        if line.strip():
            n, found = int(line), None
            start = time.perf_counter()
            for _ in range(n):
                found = step()
            print(json.dumps({"seconds": time.perf_counter() - start, "steps": n, **(found or {})}), flush=True)
