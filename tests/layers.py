#!/usr/bin/env python3
"""Holds every #include to the order in which Makefile.am lists the sources,
and every library's header to the one file that is its door.  Prints TAP."""
import os
import re
import sys

top = os.environ.get("CONFAB_SRCDIR", ".")

# header -> folders or files that may include it
DOORS = {
    r"cjson/": ["src/base/json"],
    r"xxhash\.h": ["src/base/hash"],
    r"pcre2\.h": ["src/text/pretokenize"],
    r"(blis/)?blis\.h": ["src/math/gemm"],
    r"sqlite3\.h": ["src/library/"],
    r"md4c\.h": ["ui/cells/markdown"],
    r"readline/": ["ui/line_editor"],
    r"(n?curses|ncursesw/.*)\.h": ["ui/"],
    r"pthread\.h": ["src/base/", "src/engine/", "ui/terminal"],
}


def listed():
    text = open(os.path.join(top, "Makefile.am")).read().replace("\\\n", " ")
    order = []
    for name, value in re.findall(r"^(\w+_files|src_libavx\w+_SOURCES) *= *(.*)$", text, re.M):
        order += value.split()
    return order


def forgotten():
    """Headers and scripts of the tests that Makefile.am does not name: no
    distribution would have them."""
    named = set(open(os.path.join(top, "Makefile.am")).read().split())
    return ["tests/" + name
            for name in sorted(os.listdir(os.path.join(top, "tests")))
            if name.endswith((".c", ".h", ".py", ".sh"))
            and "tests/" + name not in named]


def main():
    order = listed()
    place = {path: i for i, path in enumerate(order)}
    tests = []
    for folder in ("src", "ui"):
        for base, _, names in os.walk(os.path.join(top, folder)):
            for name in names:
                if not name.endswith((".c", ".h")):
                    continue
                path = os.path.relpath(os.path.join(base, name), top)
                if path != "ui/main.c":
                    tests.append(path)
    missing = forgotten()
    bad = bool(missing)
    print("1..%d" % (len(tests) + 1))
    print("%s 1 - Makefile.am names the files of the tests" % ("not ok" if missing else "ok"))
    for path in missing:
        print("# " + path)
    for n, path in enumerate(sorted(tests), 2):
        faults = []
        if path not in order:
            faults.append("not listed in Makefile.am")
        text = open(os.path.join(top, path), encoding="utf-8").read()
        for include in re.findall(r'^#\s*include "([^"]+)"', text, re.M):
            target = include if include.startswith("ui/") else "src/" + include
            if include == "config.h":
                continue
            if target not in place:
                faults.append("includes %s, which is not listed" % include)
            elif place[target] > place.get(path, -1):
                faults.append("includes %s, which stands above it" % include)
        for include in re.findall(r"^#\s*include <([^>]+)>", text, re.M):
            for door, allowed in DOORS.items():
                if re.fullmatch(door + ".*" if door.endswith("/") else door, include) and \
                        not any(path.startswith(a) for a in allowed):
                    faults.append("includes <%s>, whose door is %s" % (include, allowed))
        bad += bool(faults)
        print("%s %d - %s includes only what stands below it" % ("not ok" if faults else "ok", n, path))
        for fault in faults:
            print("# " + fault)
    return 1 if bad else 0


sys.exit(main())
