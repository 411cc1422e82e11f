"""terminal.py ctrl-c|hang-up COMMAND...: runs it on a terminal of its own, of 24 rows and 100 columns.

Once the command has drawn a line that mentions Ctrl-C, or a table, that is pressed, or the terminal goes away. What the
terminal was sent goes to stdout; the exit code is the command's, or 128 and the signal that ended it.
"""

import fcntl
import os
import pty
import struct
import sys
import termios

DRAWN = (b"Ctrl-C", b"STATE")
action, command = sys.argv[1], sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
sent, done = b"", False
while True:
    try:
        text = os.read(terminal, 65536)
    except OSError:  # EIO: nobody is left at the other end
        break
    if not text:
        break
    sent += text
    if done or not any(each in sent for each in DRAWN):
        continue
    done = True
    if action == "ctrl-c":
        os.write(terminal, b"\x03")
    elif action == "hang-up":
        os.close(terminal)
        break
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.buffer.write(sent)
sys.exit(status if status >= 0 else 128 - status)
