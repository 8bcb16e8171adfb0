"""Webhooks of the real node, verified by a receiver in Python with the library of Standard Webhooks (G4.2)."""

import json
import os
import pathlib
import queue
import re
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

BINARY = os.environ.get(
    "STENTOR_BINARY",
    str(pathlib.Path(__file__).parent.parent / "target" / "debug" / "stentor"),
)
PATIENCE = 60
SCOPES = "webhooks:manage,events:nostr:read,events:webhooks:read:all"


class Receiver(ThreadingHTTPServer):
    """Keeps what comes until it is asked for."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.arrived = queue.Queue()
        # While it is set, nothing is answered.
        self.silent = threading.Event()
        # Seconds before an answer.
        self.delay = 0
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/hook"

    def next(self):
        return self.arrived.get(timeout=PATIENCE)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.server.silent.is_set():
            self.close_connection = True
            return
        self.server.arrived.put((dict(self.headers.items()), body))
        time.sleep(self.server.delay)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


class Webhooks(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.start()
        create = ["admin", "keys", "create", "--name", "test", "--scope", SCOPES, "--json"]
        minted = subprocess.run([BINARY, "--data", self.folder.name, *create], check=True, capture_output=True, text=True)
        self.key = json.loads(minted.stdout)["key"]
        self.receiver = Receiver()

    def start(self):
        serve = ["serve", "--data", self.folder.name, "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"]
        allow = ["--set", 'outbound.allow=["127.0.0.0/8"]']
        self.node = subprocess.Popen([BINARY, *serve, *allow], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        ready = self.node.stdout.readline()
        self.base = re.search(r"ws://(\S+?)/?(?:\s|$)", ready).group(1)

    def tearDown(self):
        self.node.terminate()
        self.assertEqual(self.node.wait(timeout=PATIENCE), 0)
        self.node.stdout.close()
        self.receiver.shutdown()
        self.receiver.server_close()
        self.folder.cleanup()

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://{self.base}/api/v1/webhooks{path}",
            data=data,
            method=method,
            headers={"authorization": f"Bearer {self.key}", "content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def test_g4_2_v1_is_verified_by_the_library(self):
        made = self.call("POST", "", {"url": self.receiver.url, "types": ["webhook.endpoint"]})
        webhook = Webhook(made["secret"])
        # Another webhook is told of to this one.
        other = self.call("POST", "", {"url": self.receiver.url, "types": ["nostr"], "description": "zw\u00f6lf \U0001f980"})
        headers, body = self.receiver.next()
        envelope = webhook.verify(body, headers)
        self.assertEqual(envelope["type"], "webhook.endpoint.created")
        self.assertEqual(envelope["data"]["endpoint"], other["id"])
        with self.assertRaises(WebhookVerificationError):
            webhook.verify(body.replace(b"created", b"deleted"), headers)
        with self.assertRaises(WebhookVerificationError):
            Webhook(other["secret"]).verify(body, headers)

    def test_g4_2_a_test_is_verified_and_rotation_signs_with_both(self):
        made = self.call("POST", "", {"url": self.receiver.url})
        rotated = self.call("POST", f"/{made['id']}/secret/rotate", {"grace_seconds": 60})
        attempt = self.call("POST", f"/{made['id']}/test", {})
        self.assertEqual((attempt["outcome"], attempt["status"]), ("taken", 204))
        headers, body = self.receiver.next()
        for secret in (made["secret"], rotated["secret"]):
            self.assertEqual(Webhook(secret).verify(body, headers)["type"], "webhook.test")

    def test_g4_3_nothing_is_lost_when_the_node_is_killed(self):
        made = self.call("POST", "", {"url": self.receiver.url, "types": ["webhook.endpoint.updated"]})
        other = self.call("POST", "", {"url": self.receiver.url, "types": ["nostr"]})
        self.receiver.silent.set()
        for number in range(20):
            self.call("PATCH", f"/{other['id']}", {"description": str(number)})
            if number in (5, 12, 19):
                self.node.kill()
                self.node.wait(timeout=PATIENCE)
                self.node.stdout.close()
                self.start()
        self.receiver.silent.clear()
        webhook, ids = Webhook(made["secret"]), {}
        while len(ids) < 20:
            headers, body = self.receiver.next()
            envelope = webhook.verify(body, headers)
            self.assertEqual(envelope["data"]["endpoint"], other["id"])
            message = {name.lower(): value for name, value in headers.items()}["webhook-id"]
            self.assertEqual(ids.setdefault(envelope["id"], message), message, "a double has the id of the first")

    def test_g6_1_what_is_under_way_is_ended_before_the_node_is(self):
        made = self.call("POST", "", {"url": self.receiver.url, "types": ["webhook.endpoint.updated"]})
        other = self.call("POST", "", {"url": self.receiver.url, "types": ["nostr"]})
        self.receiver.delay = 4
        self.call("PATCH", f"/{other['id']}", {"description": "changed"})
        self.receiver.next()
        self.node.terminate()
        self.assertEqual(self.node.wait(timeout=PATIENCE), 0)
        self.node.stdout.close()
        self.start()
        attempts = self.call("GET", f"/{made['id']}/attempts")["attempts"]
        self.assertEqual([attempt["outcome"] for attempt in attempts], ["taken"])


if __name__ == "__main__":
    unittest.main()
