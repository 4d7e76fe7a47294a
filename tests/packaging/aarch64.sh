#!/usr/bin/env bash
# Makes a folder with a Python for aarch64 and all that the engine needs, to be run by Debian's qemu-user-static:
#   tests/packaging/aarch64.sh FOLDER [uv] [names of distributions ...]
# FOLDER/root: Debian's packages for arm64, unpacked, not installed; nothing of this system changes.
# FOLDER/site: distributions of constraints.txt for aarch64; FOLDER/python: the command.
set -euo pipefail
folder=$(realpath -m "$1"); uv=$2; shift 2
here=$(cd "$(dirname "$0")/../.." && pwd)
apt="$folder/apt"
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$folder/root"
: > "$apt/status"
ours=(-o APT::Architecture=arm64 -o APT::Architectures=arm64 -o "Dir::State=$apt" -o "Dir::State::lists=$apt/lists"
  -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt/cache" -o APT::Install-Recommends=false -o APT::Sandbox::User=root)
apt-get -qq "${ours[@]}" update
apt-get -qq -y -d "${ours[@]}" install python3 libstdc++6 > /dev/null
for file in "$apt"/cache/archives/*.deb; do dpkg -x "$file" "$folder/root"; done
cat > "$folder/python" <<END
#!/bin/sh
exec qemu-aarch64-static -L "$folder/root" "$folder/root/usr/bin/python3" "\$@"
END
chmod +x "$folder/python"
version=$("$folder/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
"$uv" pip install --quiet --python-platform aarch64-manylinux_2_28 --python-version "$version" --only-binary :all: \
  --target "$folder/site" -c "$here/constraints.txt" "$@"
# Tests start sys.executable, which this kernel cannot run itself
echo "import sys; sys.executable = '$folder/python'" > "$folder/site/sitecustomize.py"
touch "$folder/made"
