#!/bin/sh
# Runs a test while a service has a wrong clock. However the test ends, the service gets its time back; the exit code is
# the test's.
#
#   ./step.sh "--pid $PID --tree" "--offset -10m --duration 1h" npm test
#   ./step.sh "--container web" "--at 2038-01-19T03:14:00Z --duration 1h" npm test
#
# Whom, and how: flags of `timeskew inject`. --duration is for the one end that no script sees, SIGKILL: the clock then
# comes right by itself, inside the service, when that time is over.
# Needs timeskew on the PATH, and to be root or to have sudo without a password.
set -u
[ $# -ge 3 ] || { echo 'usage: step.sh "TARGET" "SKEW" COMMAND...' >&2; exit 2; }
target=$1 skew=$2 test=
shift 2

# With this PATH: npm may have put timeskew where sudo does not look.
timeskew() {
  if [ "$(id -u)" -eq 0 ]; then command timeskew "$@"; else sudo -n env "PATH=$PATH" timeskew "$@"; fi
}

# shellcheck disable=SC2086 # they are several words
recover() {
  trap - EXIT
  trap '' INT TERM HUP # a second signal does not break it off
  timeskew recover $target
  recovered=$?
  [ "$recovered" -eq 3 ] || return "$recovered" # 3: the service has ended, and its wrong clock with it
}

cancel() {
  recover
  trap - INT TERM HUP
  [ -z "$test" ] || { kill "$test"; wait "$test"; }
  exit "$1"
}

trap recover EXIT
trap 'cancel 129' HUP
trap 'cancel 130' INT
trap 'cancel 143' TERM

# shellcheck disable=SC2086
timeskew inject $target $skew || exit

# A shell tends to a signal at once only while it waits for a job in the background. Such jobs ignore SIGINT unless
# something (GNU's env) sees to it.
env --default-signal=INT,QUIT true 2>/dev/null && set -- env --default-signal=INT,QUIT "$@"
"$@" &
test=$!
wait "$test"
code=$?

recover || [ "$code" -ne 0 ] || code=$recovered
exit "$code"
