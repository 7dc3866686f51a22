#!/usr/bin/env python3
"""Runs a command on a terminal of 33 rows and 99 columns, and copies what it writes: terminal.py COMMAND..."""

import fcntl
import os
import pty
import struct
import sys
import termios

child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:  # Linux's way of saying that no process has the terminal any more
        break
    sys.stdout.buffer.write(data.replace(b"\r\n", b"\n"))
    sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
