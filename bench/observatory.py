#!/usr/bin/env python3
"""Measures the observatory of a real node against simulated relays, all on this machine.

    cargo build --release -p stentor
    bench/observatory.py checks  [RELAYS]            all due at once: how long until each has been checked (O5.5: 2,000 in 60 s)
    bench/observatory.py archive [EVENTS] [COPIES]   processor time for each new event and each duplicate, beside `stentor import`
    bench/observatory.py memory  [SECONDS] [RELAYS] [EVENTS] [INTERVAL] [HELD]   memory of the node while it checks and archives over
                                                     and over, each relay once in INTERVAL seconds; HELD events are in its archive before

Processor time is the node's own, user and system; that of the simulators is not counted. What the node listens on is the system's
choice. Nothing but Python 3.9 and the binary is needed; STENTOR names another one. Only for HELD
`cargo build --release -p stentor-bench --example hold` is needed, too; HOLD names another one. Everything is written below TMPDIR and removed.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
STENTOR = os.environ.get("STENTOR", str(TARGET / "release" / "stentor"))
HOLD = os.environ.get("HOLD", str(TARGET / "release" / "examples" / "hold"))
TICKS = os.sysconf("SC_CLK_TCK")
# Where the ports of simulated relays begin when they have to be the same again.
PORTS = int(os.environ.get("PORTS", "20000"))


class Process:
    """A program that says `ready` on a line of its standard output."""

    def __init__(self, folder, name, *arguments):
        self.log = open(folder / f"{name}.log", "ab")
        self.process = subprocess.Popen(
            [STENTOR, *map(str, arguments)], stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        for line in self.process.stdout:
            if line.startswith("ready:") or " ready:" in line:
                self.ready = line
                return
        raise SystemExit(f"{name} did not start, see {self.log.name}")

    def processor_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def own_memory(self):
        """Bytes of resident memory that no file backs."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+)", status).group(1)) * 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.process.stdout.close()
        self.log.close()


@contextlib.contextmanager
def running(process):
    try:
        yield process
    finally:
        if process.process.poll() is None:
            process.stop()


def network(folder, relays, *, events=None, first=None, name="network"):
    """Simulated relays, and the file with their URLs."""
    urls = folder / f"{name}.urls"
    arguments = ["bench", "network", "--relays", relays, "--urls", urls]
    arguments += ["--events", events] if events is not None else []
    arguments += ["--listen-from", first] if first is not None else []
    return Process(folder, name, *arguments), urls


def node(folder, **settings):
    """A node with only the observatory to do; settings are those of `observatory`, with `__` for a dot."""
    chosen = {
        "outbound.allow": '["127.0.0.0/8"]',
        "observatory.enabled": "true",
        "observatory.discover.built_in": "false",
    }
    for service in ("discover", "check", "archive", "statistics"):
        chosen[f"observatory.{service}.enabled"] = "false"
    for key, value in settings.items():
        chosen["observatory." + key.replace("__", ".")] = str(value)
    arguments = ["serve", "--data", folder / "data", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"]
    for key, value in chosen.items():
        arguments += ["--set", f"{key}={value}"]
    return Process(folder, "node", *arguments)


def metrics(served):
    """All samples by name and labels, as one reads them."""
    operations = re.search(r" operations (http://\S+)", served.ready).group(1)
    with urllib.request.urlopen(f"{operations}/metrics", timeout=30) as answer:
        samples = {}
        for line in answer.read().decode().splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                samples[name] = float(value)
        return samples


def total(samples, name, label=""):
    return sum(value for key, value in samples.items() if key.split("{")[0] == name and label in key)


def ask(folder, sql, *values):
    """One row of the node's records, read beside it."""
    database = sqlite3.connect(f"file:{folder / 'data' / 'records.sqlite'}?mode=ro", uri=True, timeout=30)
    try:
        return database.execute(sql, values).fetchone()
    finally:
        database.close()


def until(what, seconds, done):
    """Waits until `done()` gives something, and gives that."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = done()
        if found:
            return found
        time.sleep(0.25)
    raise SystemExit(f"{what}: not within {seconds} s")


def known_relays(folder):
    return ask(folder, "SELECT count(*) FROM observatory_relays WHERE state = 'relay'")[0]


def promote(folder, urls, expected, seconds=600, and_check=False):
    """Has the relays of a file found and proven, and checked where that is wanted, and nothing else done."""
    unchecked = "SELECT count(*) FROM observatory_relays WHERE state = 'relay' AND checked_ms IS NULL"
    with running(node(folder, discover__enabled="true", discover__events="false", discover__seed_file=urls,
                      discover__interval_seconds=1, discover__retry_seconds=1, check__enabled=str(and_check).lower())):
        until(f"{expected} relays found", seconds, lambda: known_relays(folder) >= expected)
        if and_check:
            until("a check of each", seconds, lambda: ask(folder, unchecked)[0] == 0)


def checks(folder, relays=2000):
    """Of each 20 relays one refuses connections, one is mute, one is a web server and one is slow: as all of them have to be known as
    relays before, the network is started twice, the second time one port further."""
    for shift in (1, 0):
        relays_up, urls = network(folder, relays + 1, first=PORTS + shift, name=f"network{shift}")
        with running(relays_up):
            if shift:
                promote(folder, urls, int(relays * 0.85) - 20)
                continue
            promote(folder, urls, relays - 2)
            known = known_relays(folder)
            began_ms = int(time.time() * 1000)
            began = time.monotonic()
            with running(node(folder, check__enabled="true", check__interval_seconds=3600)) as served:
                checked = "SELECT count(*) FROM observatory_relays WHERE state = 'relay' AND checked_ms >= ?"
                seen = {}
                def count():
                    done = ask(folder, checked, began_ms)[0]
                    for part in (0.5, 0.85, 0.99):
                        if done >= known * part:
                            seen.setdefault(part, time.monotonic() - began)
                    return done >= known
                until("a check of each", 600, count)
                took = time.monotonic() - began
                cpu, memory = served.processor_seconds(), served.own_memory()
                print(f"{known} relays checked in {took:.1f} s from the start of the node: "
                      + ", ".join(f"{part:.0%} after {after:.1f} s" for part, after in seen.items()))
                print(f"processor time {cpu:.1f} s: {cpu / known * 1000:.2f} ms for each; own memory {memory / 1e6:.0f} MB")
                found = ask(folder, "SELECT sum(status = 'online'), sum(status = 'offline'), sum(status = 'unknown')"
                                    " FROM observatory_relays WHERE state = 'relay'")
                print("online, offline, unknown:", found)


ARCHIVED = "stentor_observatory_archive_events_total"


def fetch(folder, **settings):
    """Archives until nothing comes any more: processor seconds, new events, duplicates, seconds."""
    began = time.monotonic()
    with running(node(folder, archive__enabled="true", archive__live=0, archive__interval_seconds=86400,
                      archive__second_look_hours=0, archive__events_per_second=1_000_000, **settings)) as served:
        last = (None, 0.0, 0.0)
        def quiet():
            nonlocal last
            samples = metrics(served)
            now = (total(samples, ARCHIVED), total(samples, "stentor_observatory_archive_windows_total"),
                   total(samples, "stentor_observatory_statistics_lag"))
            if last[0] != now:
                last = (now, time.monotonic(), served.processor_seconds())
            return now[0] > 0 and time.monotonic() - last[1] > 8
        until("the archive", 1800, quiet)
        samples = metrics(served)
        new = total(samples, ARCHIVED, 'outcome="new"')
        again = total(samples, ARCHIVED, 'outcome="duplicate"')
        return last[2], new, again, last[1] - began, served.own_memory()


def take_out(folder, file):
    """Writes the events of an archive to a file, one a line; how many."""
    with running(node(folder, public="true")) as served, open(file, "w") as out:
        address = re.search(r"ws://(\S+)", served.ready).group(1)
        count, after = 0, ""
        while after is not None:
            with urllib.request.urlopen(f"http://{address}/api/v1/observatory/events?limit=500{after}", timeout=60) as answer:
                page = json.load(answer)
            for row in page["events"]:
                print(json.dumps(row["event"], ensure_ascii=False, separators=(",", ":")), file=out)
            count += len(page["events"])
            after = page["next"] and "&after=" + urllib.parse.quote(page["next"])
        return count


def archive(folder, events=200_000, copies=4):
    relays_up, urls = network(folder, 20, events=events)
    with running(relays_up):
        # The same relay by other paths is another relay with the same events.
        plain = urls.read_text().split()
        for name, count in (("once", 1), ("often", copies)):
            place = folder / name
            place.mkdir()
            seeds = place / "seeds"
            seeds.write_text("\n".join(f"{url.rstrip('/')}/{path or ''}" for url in plain for path in range(count)) + "\n")
            promote(place, seeds, 17 * count, and_check=True)
        figures = {name: fetch(folder / name) for name in ("once", "often")}
    for name, (cpu, new, again, took, memory) in figures.items():
        print(f"{name}: {new:.0f} new, {again:.0f} duplicates, {took:.1f} s, processor {cpu:.2f} s, own memory {memory / 1e6:.0f} MB")
    (cpu1, new1, again1, *_), (cpu2, new2, again2, *_) = figures["once"], figures["often"]
    determinant = new1 * again2 - new2 * again1
    each_new = (cpu1 * again2 - cpu2 * again1) / determinant
    each_again = (cpu2 * new1 - cpu1 * new2) / determinant
    lines = folder / "events.jsonl"
    count = take_out(folder / "once", lines)
    before = os.times()
    subprocess.run([STENTOR, "import", "--data", folder / "import", lines], stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    imported = (after.children_user + after.children_system - before.children_user - before.children_system) / count
    print(f"processor time of an event: new {each_new * 1e6:.1f} µs, duplicate {each_again * 1e6:.2f} µs,"
          f" imported from a file {imported * 1e6:.1f} µs ({count} of {lines.stat().st_size / count:.0f} bytes)")
    print(f"new to imported: {each_new / imported:.2f}")


def held(folder, events):
    """Puts so many events into the archive, of a year up to now and of 500,000 authors. Their signatures are none, and not verified."""
    chance = random.Random(1)
    authors = [chance.randbytes(32).hex() for _ in range(500_000)]
    now, year = int(time.time()), 365 * 86_400
    (folder / "data").mkdir()
    holding = subprocess.Popen([HOLD, folder / "data" / "archive"], stdin=subprocess.PIPE, text=True)
    other = "0" * 64
    for number in range(events):
        # Few write most.
        author = authors[int(len(authors) * chance.random() ** 4)]
        at = now - year + number * year // events
        kind, tags, content = (1, "[]", f"{number} " + "words " * (number % 10))
        if number % 3 == 0:
            kind, tags, content = (7, f'[["e","{other}"],["p","{author}"]]', "+")
        id = hashlib.sha256(f'[0,"{author}",{at},{kind},{tags},"{content}"]'.encode()).hexdigest()
        holding.stdin.write(f'{{"id":"{id}","pubkey":"{author}","created_at":{at},"kind":{kind},"tags":{tags},'
                            f'"content":"{content}","sig":"{id}{other}"}}\n')
        other = id
    holding.stdin.close()
    if holding.wait() != 0:
        raise SystemExit("the archive was not filled")


def memory(folder, seconds=3600, relays=2000, events=400_000, interval=60, before=0):
    if before:
        held(folder, before)
    relays_up, urls = network(folder, relays, events=events)
    with running(relays_up):
        promote(folder, urls, int(relays * 0.84), 1800)
        on = {f"{service}__enabled": "true" for service in ("discover", "check", "archive", "statistics")}
        with running(node(folder, discover__seed_file=urls, check__interval_seconds=interval, archive__interval_seconds=interval,
                          archive__second_look_hours=1, **on)) as served:
            began, readings = time.monotonic(), []
            while (passed := time.monotonic() - began) < seconds:
                time.sleep(min(30, max(1, seconds / 60)))
                samples = metrics(served)
                readings.append(served.own_memory() / 1e6)
                print(f"{passed:6.0f} s: {readings[-1]:6.1f} MB; {total(samples, ARCHIVED):.0f} events received,"
                      f" {total(samples, ARCHIVED, 'new'):.0f} new, {total(samples, 'stentor_observatory_checks_total'):.0f} checks,"
                      f" processor {served.processor_seconds():.0f} s", flush=True)
            third = len(readings) // 3
            middle, last = readings[third:2 * third], readings[2 * third:]
            print(f"median of the middle third {sorted(middle)[len(middle) // 2]:.1f} MB, of the last {sorted(last)[len(last) // 2]:.1f} MB;"
                  f" most {max(readings):.1f} MB")


def main():
    commands = {"checks": checks, "archive": archive, "memory": memory}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        raise SystemExit(__doc__)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="stentor-observatory-"))
    try:
        commands[sys.argv[1]](folder, *map(int, sys.argv[2:]))
    finally:
        if os.environ.get("KEEP"):
            print("kept:", folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
