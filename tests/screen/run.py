#!/usr/bin/python3
"""Screen tests: run.py BINARY [SCRIPTED] [-k PART] [-n TIMES] [--long]

BINARY is confab itself.  SCRIPTED is the same front end with an engine that
replays what a test wrote down (scripted_engine.c); without it the tests that
need it are skipped.  Prints TAP.
"""
import argparse
import importlib
import os
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)


def skip_all(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


try:
    import harness
except ImportError as error:
    skip_all(f"{error}: install python3-pyte")

MODULES = ["chat", "screen", "input", "leaving", "tree", "tokens", "hostile",
           "lines", "sizes", "resume", "widths", "golden",
           "chats"]


def load(long):
    """The quick tests, or those that take longer."""
    for name in MODULES:
        importlib.import_module("test_" + name)
    quick = list(harness.TESTS)
    if not long:
        return quick
    importlib.import_module("test_long")
    return harness.TESTS[len(quick):]


def run(function, arguments):
    function(arguments.scripted if getattr(function, "scripted", False)
             else arguments.binary)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("scripted", nargs="?")
    parser.add_argument("-k", default="")
    parser.add_argument("-n", type=int, default=1)
    parser.add_argument("--long", action="store_true")
    arguments = parser.parse_args()
    arguments.binary = os.path.abspath(arguments.binary)
    if arguments.scripted:
        arguments.scripted = os.path.abspath(arguments.scripted)
    for program in (arguments.binary, arguments.scripted):
        if program and not os.access(program, os.X_OK):
            sys.exit(f"run.py: {program}: not there")
    tests = [t for t in load(arguments.long) if arguments.k in t.__name__] * arguments.n
    failed = 0
    print(f"1..{len(tests)}", flush=True)
    for i, function in enumerate(tests, 1):
        name = function.__name__
        began = time.monotonic()
        if getattr(function, "scripted", False) and not arguments.scripted:
            print(f"ok {i} - {name} # SKIP no scripted engine", flush=True)
            continue
        try:
            run(function, arguments)
            print(f"ok {i} - {name} # {time.monotonic() - began:.2f} s",
                  flush=True)
        except harness.Skip as why:
            print(f"ok {i} - {name} # SKIP {why}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok {i} - {name}", flush=True)
            for line in traceback.format_exc().splitlines():
                print("# " + line, flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
