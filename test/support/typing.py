"""typing.py STEPS COMMAND...: runs it on a terminal of its own, and types.

STEPS is a JSON list of [text to wait for, keys to press then]. What the terminal was sent goes to stdout; the exit code is the
command's, or 128 and the signal that ended it.
"""

import json
import os
import pty
import sys

steps, command = json.loads(sys.argv[1]), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
sent, seen = b"", 0
while True:
    try:
        text = os.read(terminal, 65536)
    except OSError:  # EIO: nobody is left at the other end
        break
    if not text:
        break
    sent += text
    while steps and (at := sent.find(steps[0][0].encode(), seen)) >= 0:
        seen = at + len(steps[0][0])
        os.write(terminal, steps.pop(0)[1].encode())
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.buffer.write(sent)
if steps:
    sys.exit(f"never seen: {steps[0][0]}")
sys.exit(status if status >= 0 else 128 - status)
