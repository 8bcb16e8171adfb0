#!/bin/sh
# How long Stentor takes to bring together two nodes that have COUNT events and differ in one of a hundred, and how many bytes
# that is on the wire (loopback's own count: headers included, and whatever else uses it meanwhile).
#
#   cargo build --release -p stentor && cargo build --release -p stentor-bench --example events
#   bench/sync.sh [COUNT] [auto|pages]
set -eu
count=${1:-1000000}
method=${2:-auto}
target=${CARGO_TARGET_DIR:-target}/release
folder=$(mktemp -d)
node=
trap '[ -z "$node" ] || kill "$node"; rm -rf "$folder"' EXIT

"$target/examples/events" "$count" 200 0 | "$target/stentor" import --no-verify --data "$folder/here"
"$target/examples/events" "$count" 200 100 | "$target/stentor" import --no-verify --data "$folder/there"

set --
for what in events reqs bytes; do
    for whom in connection ip key node; do
        set -- "$@" --set "relay.rates.$what.$whom=0"
    done
done
"$target/stentor" serve --data "$folder/there" --listen 127.0.0.1:0 --ops-listen 127.0.0.1:0 \
    "$@" --set relay.rates.rows=0 >"$folder/ready" 2>"$folder/log" &
node=$!
until grep -q ready "$folder/ready"; do sleep 0.1; done
url=$(tr ' ' '\n' <"$folder/ready" | grep '^ws://' | head -n 1)

wire() { awk '$1 == "lo:" { print $2 }' /proc/net/dev; }
before=$(wire)
time "$target/stentor" sync "$url" --dir both --method "$method" --data "$folder/here"
echo "$(($(wire) - before)) bytes on the wire"
