"""A Python victim: answers each line on stdin with its wall clock and its monotonic clock, in ns."""

import json
import os
import sys
import time

print(json.dumps({"pid": os.getpid()}), flush=True)
for _ in sys.stdin:
    print(json.dumps({"wall": str(time.time_ns()), "monotonic": str(time.monotonic_ns())}), flush=True)
