# Shared by the scripts in this folder; to be sourced. Sets `root`, the repository's root, and goes there.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1

# The exit code of a command that cannot do its job for want of a broker.
# shellcheck disable=SC2034
readonly no_broker=77

say() { printf '%s: %s\n' "${0##*/}" "$*"; }
warn() { say "$*" >&2; }
die() {
    warn "$*"
    exit 1
}

# The comment at a script's head, as its help.
head_comment() { sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "$root/scripts/${0##*/}"; }

# no_arguments ARGUMENT...: for a script that takes none: help for --help, and a refusal of all else.
no_arguments() {
    case ${1:-} in
        '') return 0 ;;
        -h | --help)
            printf 'usage: scripts/%s\n\n' "${0##*/}"
            head_comment
            exit 0
            ;;
    esac
    warn "$1: there are no arguments here; --help says what this script does"
    exit 2
}

have() { command -v "$1" >/dev/null 2>&1; }

# version_at_least HAVE WANT: compares dotted numbers.
version_at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1)" = "$2" ]
}

# The first number like 6.3.1 in what `swift --version` says; empty when there is no Swift.
swift_version() {
    have swift || return 0
    swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*[0-9]\).*/\1/p' | head -n 1
}

# as_root COMMAND...: runs a command as root, by sudo where this is another user.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        die "this needs root, and there is no sudo: run as root: $*"
    fi
}

# A python3 that has PyYAML; empty when there is none.
python_with_yaml() {
    local candidate
    for candidate in python3 /usr/bin/python3; do
        if "$candidate" -c 'import yaml' >/dev/null 2>&1; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
}

# tests_ran NAME REPORT: whether an event stream of swift test tells of tests that ran or were skipped, and of their end;
# says so if not. swift test itself does not fail when a filter matches nothing or when a signal ends the tests.
tests_ran() {
    if ! [ -s "$2" ]; then
        warn "$1: no test ran; swift test says above why"
    elif ! grep -qE '"kind":"test(Started|Skipped)"' "$2"; then
        warn "$1: no test ran: nothing matches"
    elif ! grep -q '"kind":"runEnded"' "$2"; then
        warn "$1: the tests' process died before its end"
    else
        return 0
    fi
    return 1
}
