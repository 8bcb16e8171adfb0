#!/bin/sh
# Takes events of one author only, in a shell without any tool.
while read -r line; do
    id=${line#*'"id":"'}
    id=${id%%'"'*}
    author=${line#*'"pubkey":"'}
    author=${author%%'"'*}
    if [ "$author" = "$1" ]; then
        printf '{"id":"%s","action":"accept"}\n' "$id"
    else
        printf '{"id":"%s","action":"reject","msg":"not on the list"}\n' "$id"
    fi
done
