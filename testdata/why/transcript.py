#!/usr/bin/env python3
"""Runs the commands of a page of documentation and writes the page with their current output.

    transcript.py PAGE DIRECTORY >NEW-PAGE

Commands are the lines of ```console blocks that begin with `$ `; they run in DIRECTORY, in the
order of the page. Text that differs at every run is masked.
"""

import re
import subprocess
import sys

# The volume that the ServiceAccount plugin adds has a generated name.
MASKS = [(re.compile(r"kube-api-access-[a-z0-9]{5}"), "kube-api-access-xxxxx")]


def answer(command, directory):
    done = subprocess.run(
        command, shell=True, cwd=directory, timeout=60,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )
    text = done.stdout
    for pattern, mask in MASKS:
        text = pattern.sub(mask, text)
    return text if text.endswith("\n") or not text else text + "\n"


def main():
    page, directory = sys.argv[1:]
    with open(page, encoding="utf-8") as file:
        lines = file.readlines()
    inside = False
    for line in lines:
        if line.startswith("```"):
            inside = line.startswith("```console")
            sys.stdout.write(line)
        elif not inside:
            sys.stdout.write(line)
        elif line.startswith("$ "):
            sys.stdout.write(line + answer(line[2:], directory))


if __name__ == "__main__":
    main()
