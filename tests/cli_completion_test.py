#!/usr/bin/env python3
"""What shells complete, beside what the program says of itself.  Prints TAP."""
import sys

sys.dont_write_bytecode = True
import os  # noqa: E402
import re  # noqa: E402
import subprocess  # noqa: E402

from cli_support import (  # noqa: E402
    CONFAB, HOME, MODEL, SRC, TMP, environment, error, main, out, test)

COMPLETIONS = os.path.join(SRC, "completions")
# Sets the words of a line as bash parts them, and prints what is offered.
ASK = """. "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
_confab; printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(*words, cwd=TMP):
    """What bash offers for the last of the words behind the program's name."""
    done = subprocess.run(
        ["bash", "-c", ASK, "bash", os.path.join(COMPLETIONS, "bash/confab"),
         CONFAB, *words], env=environment(), cwd=cwd, check=True,
        capture_output=True, text=True)
    assert done.stderr == "", done.stderr
    return [line for line in done.stdout.splitlines() if line]


def help_of(*command):
    return out(*command, "--help")


def commands():
    return re.findall(r"^  ([a-z]+) ", help_of(), re.M)


def choices(*args):
    """Those that an error names."""
    return re.split(r"[ ,]+", error(*args, status=2).strip()
                    .split("is not one of")[1].strip(": "))


@test
def commands_and_options_are_those_of_the_help():
    assert offered("") == commands() and len(commands()) == 13
    assert offered("re") == ["rename", "render"]
    for command in [[]] + [[c] for c in commands()]:
        options = re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", help_of(*command),
                             re.M)
        assert offered(*command, "-") == options, command
    assert offered("-m", "list", "score", "--") == offered("score", "--")
    assert offered("-r", "--json", "score", "--") == offered("score", "--")


@test
def values_are_those_that_the_program_takes():
    types = choices("quantize", MODEL, "x.gguf", "--type", "?")
    assert offered("quantize", "--type", "") == types
    quants = choices("--quant", "?", "-p", "x")
    assert set(offered("--quant", "")) <= set(quants)
    assert set(quants) - set(offered("--quant", "")) == {"q5_k", "q4_k",
                                                         "q3_k"}
    assert offered("bench", "--kv-type", "") == choices(
        "--kv-type", "?", "-p", "x")
    assert offered("export", "--format", "=", "js") == ["json", "jsonl"]
    assert sorted(offered("--think", "")) == ["off", "on"]
    assert offered("--seed", "") == offered("-p", "") == []
    for name in ("zsh/_confab", "fish/confab.fish"):
        with open(os.path.join(COMPLETIONS, name)) as file:
            text = file.read()
        assert " ".join(types) in re.sub(r"[\\\s]+", " ", text), name


@test
def conversations_models_and_files_are_found():
    for i in range(2):
        out("-p", "Hello!", "--max-tokens", "2")
    ids = [line.split()[0] for line in
           out("list").splitlines()]
    assert len(ids) == 2
    for command in ("show", "rm", "rename", "export"):
        assert offered(command, "") == ids, command
    assert offered("-r", "") == ["last"] + ids
    assert offered("show", ids[0][:4]) == [ids[0]]
    assert offered("rename", ids[0], "") == []
    assert offered("rm", ids[0], "") == ids
    assert "confab-20m" in offered("-m", "")
    assert offered("models", "") == ["rm"]
    assert "confab-20m" in offered("models", "rm", "")
    folder = os.path.join(TMP, "files")
    os.mkdir(folder)
    open(os.path.join(folder, "chats.json"), "w").close()
    assert offered("import", "ch", cwd=folder) == ["chats.json"]
    assert offered("-m", "ch", cwd=folder) == ["chats.json"]


@test
def names_of_models_are_not_run():
    folder = os.path.join(HOME, ".local", "share", "confab", "models")
    os.makedirs(folder, exist_ok=True)
    name = "$(touch ran)"
    os.symlink(MODEL, os.path.join(folder, name))
    assert name in out("models")
    assert offered("-m", "$") == [r"\$\(touch\ ran\)"]
    assert not os.path.exists(os.path.join(TMP, "ran"))


main()
