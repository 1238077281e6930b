#!/bin/sh
# Starts Debian's Docker engine for tests where none answers yet: containerd snapshotter, no bridge, no firewall rules (build and run
# with --network=host). Needs root. Exits 0 when an engine answers, else 1 with the reason.
set -u

answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

command -v docker >/dev/null 2>&1 || { echo 'start-engine: no docker command' >&2; exit 1; }
answers && exit 0
[ "$(id -u)" = 0 ] || { echo 'start-engine: not root' >&2; exit 1; }
command -v dockerd >/dev/null 2>&1 || { echo 'start-engine: no dockerd' >&2; exit 1; }

state=${TMPDIR:-/tmp}/publisher-engine
mkdir -p "$state"
# Two test runs that start at the same moment get one engine: the second waits for the first one's.
exec 9> "$state/lock"
flock 9
answers && exit 0
printf '{"features":{"containerd-snapshotter":true},"iptables":false,"ip6tables":false,"bridge":"none"}\n' > "$state/daemon.json"
# A session of its own, so that the engine outlives whoever started it.
setsid dockerd --config-file "$state/daemon.json" > "$state/log" 2>&1 < /dev/null 9>&- &
waited=0
until answers; do
  waited=$((waited + 1))
  if [ "$waited" -gt 30 ]; then
    echo 'start-engine: dockerd did not come up:' >&2
    tail -n 5 "$state/log" >&2
    exit 1
  fi
  sleep 1
done
