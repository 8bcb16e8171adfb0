#!/usr/bin/env python3
"""Takes events of the authors named as arguments only, as in the example of strfry's documentation."""
import json
import sys

wanted = set(sys.argv[1:])

for line in sys.stdin:
    request = json.loads(line)
    if request["type"] != "new":
        print("what is this:", request["type"], file=sys.stderr)
        continue
    answer = {"id": request["event"]["id"]}
    if request["event"]["pubkey"] in wanted:
        answer["action"] = "accept"
    else:
        answer["action"] = "reject"
        answer["msg"] = "blocked: not on the white-list"
    print(json.dumps(answer), flush=True)
