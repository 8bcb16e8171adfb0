"""Does what the content of an event says: ends, writes nonsense, writes without end, hides, or tells what it sees."""
import json
import os
import sys

seen = 0

for line in sys.stdin:
    request = json.loads(line)
    event = request.pop("event")
    mood = event["content"].split(" ")[0]
    seen += 1
    if mood == "crash":
        os._exit(3)
    if mood == "silent":
        continue
    if mood == "nonsense":
        sys.stdout.buffer.write(b"\xff\xfe{]\n" * 100)
        sys.stdout.flush()
        continue
    if mood == "endless":
        sys.stdout.write("x" * 1_000_000)
        sys.stdout.flush()
        continue
    if mood == "chatty":
        print("I have seen an event\n\n{")
    if mood == "loud":
        for number in range(2_000):
            print("\x1b[31mcomplaint", number, file=sys.stderr)
    known = {"shadow": "shadowReject", "reject": "reject", "tell": "reject", "unknown": "perhaps"}
    request.update(pid=os.getpid(), seen=seen, folder=os.getcwd(), mood=os.environ.get("MOOD"))
    message = json.dumps(request) if mood == "tell" else event["content"]
    answer = {"id": event["id"], "action": known.get(mood, "accept"), "msg": message}
    print(json.dumps(answer), flush=True)
    if mood == "chatty":
        print("and answered", flush=True)
