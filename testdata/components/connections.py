#!/usr/bin/env python3
"""Opens connections to a port of this machine, several at a time, and counts those with the right answer:
connections.py PORT COUNT TEXT"""

import concurrent.futures
import sys
import urllib.request

AT_ONCE = 20


def answers(_: int) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/", timeout=120) as response:
        return response.read().decode().strip() == sys.argv[3]


with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
    right = sum(pool.map(answers, range(int(sys.argv[2]))))
print(f"{right} answers")
