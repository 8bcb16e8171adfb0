"""Holds events of kind 7 until one of kind 8 comes; answers then, the last first. Tells who has proven a key."""
import json
import sys

held = []


def answer(request):
    event = request["event"]
    reject = event["content"].startswith("reject")
    print(
        json.dumps(
            {
                "id": event["id"],
                "action": "reject" if reject else "accept",
                "msg": f"blocked: {event['content']} {request.get('authed', 'nobody')}",
            }
        ),
        flush=True,
    )


for line in sys.stdin:
    request = json.loads(line)
    if request["event"]["kind"] == 7:
        held.append(request)
        continue
    answer(request)
    if request["event"]["kind"] == 8:
        while held:
            answer(held.pop())
