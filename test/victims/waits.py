"""A Python victim: waits in every way it knows, a second each, all at the same time. Protocol: test/README.md."""

import asyncio
import json
import multiprocessing
import os
import queue
import select
import signal
import sys
import threading
import time

ASKED = 1.0


def acquire(lock):
    lock.acquire(timeout=ASKED)


def taken_lock():
    lock = threading.Lock()
    lock.acquire()
    return lock


def wait_for_condition():
    condition = threading.Condition()
    with condition:
        condition.wait(ASKED)


def get_from_queue():
    try:
        queue.Queue().get(timeout=ASKED)
    except queue.Empty:
        pass


def select_pipe():
    reader, writer = os.pipe()
    select.select([reader], [], [], ASKED)
    os.close(reader)
    os.close(writer)


WAITS = {
    "time.sleep": lambda: time.sleep(ASKED),
    "Lock.acquire": lambda: acquire(taken_lock()),
    "Condition.wait": wait_for_condition,
    "Event.wait": lambda: threading.Event().wait(ASKED),
    "queue.get": get_from_queue,
    "multiprocessing.Semaphore.acquire": lambda: acquire(multiprocessing.Semaphore(0)),
    "select.select": select_pipe,
    "signal.sigtimedwait": lambda: signal.sigtimedwait([signal.SIGUSR1], ASKED),
    "asyncio.sleep": lambda: asyncio.run(asyncio.sleep(ASKED)),
}


def true_time():
    """Seconds since boot, which the kernel has written: no function that reads a clock is asked."""
    with open("/proc/uptime", encoding="ascii") as file:
        return float(file.read().split()[0])


def say(answer):
    # One write: lines of several threads do not mix.
    os.write(sys.stdout.fileno(), (json.dumps(answer) + "\n").encode())


def spin():
    while True:
        pass


def measure(name):
    say({"began": name})
    began = true_time()
    WAITS[name]()
    say({"ended": name, "seconds": true_time() - began})


say({"waits": list(WAITS)})
for line in sys.stdin:
    if line == "wait\n":
        for name in WAITS:
            threading.Thread(target=measure, args=[name], daemon=True).start()
        continue
    if line == "spin\n":
        threading.Thread(target=spin, daemon=True).start()
    say({"here": os.getpid()})
# Threads that still wait are not waited for.
os._exit(0)
