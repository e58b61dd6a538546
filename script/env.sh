# Sourced by the other scripts: where things are, and the tools that script/bootstrap installs put first on
# the path.
# shellcheck shell=bash disable=SC2034

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools=$root/target/tools
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}
export PATH=$tools/venv/bin:$tools/node/node_modules/.bin:$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
# The oldest toolchain that compiles the workspace.
rust_version=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
node_version=20

say() { printf '%s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

# at_least HAVE WANT: compares versions number by number.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n1)" = "$2" ]; }
