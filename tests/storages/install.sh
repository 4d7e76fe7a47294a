#!/usr/bin/env bash
# The servers that the storage tests run against: Debian's sshd, Azurite (npm) and an emulator of Google's storage
# (PyPI, in an environment of its own). Into SAVEMASKS_TOOLS or .tools; what is there already is left alone.
# What cannot be had is named, and its tests skip themselves.
set -uo pipefail
cd "$(dirname "$0")/../.."
tools="${SAVEMASKS_TOOLS:-.tools}"
mkdir -p "$tools"

sshd() {
  [ -x /usr/sbin/sshd ] && return
  [ "$(id -u)" = 0 ] || { echo "needs root" >&2; return 1; }
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends openssh-server
}

azurite() {
  [ -f "$tools/node_modules/azurite/package.json" ] && return
  npm install --prefix "$tools" --silent --no-audit --no-fund azurite@3.37.0
}

emulator() {
  [ -x "$tools/gcs/bin/gcp-storage-emulator" ] && return
  "${PYTHON:-python3}" -m venv "$tools/gcs" && "$tools/gcs/bin/pip" install --quiet gcp-storage-emulator==2026.7.19
}

for server in sshd azurite emulator; do
  if ! log=$("$server" 2>&1); then
    echo "not installed: $server; its tests will be skipped" >&2
    echo "$log" | tail -3 >&2
  fi
done
