"""Exports of the archive as researchers read them: with DuckDB, zstd and JSON, and nothing of Stentor (O4.3)."""

import datetime
import hashlib
import io
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import duckdb
import zstandard

ROOT = pathlib.Path(__file__).parent.parent
SAMPLE = os.environ.get("STENTOR_SAMPLE_EXPORT", str(ROOT / "target" / "debug" / "examples" / "sample_export"))
RELAYS = ["wss://a.example/", "wss://b.example/", "wss://c.example/"]


def queries():
    """The queries of the guide, by name, as they stand there."""
    text = (ROOT / "docs" / "research.md").read_text()
    return dict(re.findall(r"```sql\n-- query: (\w+)\n(.*?)```", text, re.DOTALL))


def lines(path):
    """The objects of a file of lines."""
    with open(path, "rb") as file:
        text = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), encoding="utf-8", newline="\n")
        return [json.loads(line) for line in text]


class Exports(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        root = pathlib.Path(cls.folder.name)
        subprocess.run([SAMPLE, str(root)], check=True)
        cls.truth = json.loads((root / "truth.json").read_text())
        cls.parquet, cls.jsonl = root / "parquet", root / "jsonl"
        # The queries are written for who stands in the folder of an export.
        cls.before = os.getcwd()
        os.chdir(cls.parquet)

    @classmethod
    def tearDownClass(cls):
        os.chdir(cls.before)
        cls.folder.cleanup()

    def ask(self, name):
        return duckdb.sql(queries()[name]).fetchall()

    def test_o4_3_the_guide_has_these_queries_and_no_others(self):
        self.assertEqual(set(queries()), {"by_day", "hashtag", "copies", "latency", "completeness", "citation"})
        self.assertEqual(len(queries()), (ROOT / "docs" / "research.md").read_text().count("```sql"))

    def test_o4_3_events_are_by_day_and_kind(self):
        rows = self.ask("by_day")
        days = {row[0] for row in rows}
        self.assertEqual(days, {datetime.date(2024, 5, day) for day in range(1, 1 + self.truth["days"])})
        self.assertEqual(sum(row[2] for row in rows), self.truth["events"])
        self.assertEqual(sum(row[2] for row in rows if row[1] == 1), self.truth["notes"])

    def test_o4_3_columns_have_their_types(self):
        def types(files):
            return {row[0]: row[1] for row in duckdb.sql(f"DESCRIBE SELECT * FROM read_parquet('{files}')").fetchall()}

        events = types("events/day=2024-05-01/kind=1/part-00000.parquet")
        # DuckDB takes the folders' names for columns as well.
        self.assertEqual(events.pop("day"), "DATE")
        events["kind"] = "kind"
        self.assertEqual(
            events,
            {"id": "BLOB", "pubkey": "BLOB", "created_at": "BIGINT", "kind": "kind", "tags": "JSON", "content": "VARCHAR", "sig": "BLOB"},
        )
        pairs = types("provenance/chunk=00000/part-00000.parquet")
        self.assertEqual((pairs["event_id"], pairs["relay"], pairs["first_seen_ms"], pairs["how"]), ("BLOB", "VARCHAR", "BIGINT", "VARCHAR"))
        relays = types("relays.parquet")
        self.assertEqual((relays["url"], relays["uptime_month"], relays["negentropy"], relays["asn"]), ("VARCHAR", "DOUBLE", "BOOLEAN", "BIGINT"))
        coverage = types("coverage.parquet")
        self.assertEqual((coverage["filter"], coverage["since"], coverage["state"]), ("JSON", "BIGINT", "VARCHAR"))

    def test_o4_3_hashtags_are_found_in_tags(self):
        rows = self.ask("hashtag")
        self.assertTrue(rows)
        for id, time, content in rows:
            self.assertEqual(len(id), 64)
            self.assertIn(time.day, (1, 2))
            self.assertRegex(content, '^"\\d+" \U0001f980\n$')
            self.assertEqual(int(content.split('"')[1]) % 4, 0)

    def test_o4_3_events_are_joined_with_who_holds_them(self):
        half = self.truth["events"] // 2
        self.assertEqual(self.ask("copies"), [(1, half), (2, half)])
        self.assertEqual(self.truth["pairs"], 3 * half)
        rows = self.ask("latency")
        self.assertEqual([row[:3] for row in rows], [(RELAYS[0], 2 * half, 200.0), (RELAYS[1], half // 2, 700.0), (RELAYS[2], half // 2, 700.0)])

    def test_o4_3_completeness_can_be_cited(self):
        shares = {(row[0], row[1]): row[2] for row in self.ask("completeness")}
        self.assertAlmostEqual(shares[RELAYS[0], "complete"], 10 / 31, places=3)
        self.assertAlmostEqual(shares[RELAYS[1], "complete"], 1 / 31, places=3)
        self.assertAlmostEqual(shares[RELAYS[1], "capped"], 9 / 31, places=3)
        self.assertEqual(self.ask("citation"), [(self.truth["relays"], 2, 0)])

    def test_o4_3_an_id_is_the_hash_of_what_is_in_the_columns(self):
        rows = duckdb.sql("SELECT id, pubkey, created_at, kind, tags, content FROM read_parquet('events/*/*/*.parquet')").fetchall()
        for id, pubkey, created_at, kind, tags, content in rows:
            form = [0, pubkey.hex(), created_at, int(kind), json.loads(tags), content]
            form = json.dumps(form, ensure_ascii=False, separators=(",", ":")).encode()
            self.assertEqual(hashlib.sha256(form).digest(), id)

    def test_o4_3_manifests_tell_what_is_there(self):
        for folder in (self.parquet, self.jsonl):
            manifest = json.loads((folder / "manifest.json").read_text())
            self.assertEqual((manifest["version"], manifest["provenance"], manifest["selection"]), (1, True, {}))
            there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {"manifest.json"}
            self.assertEqual({file["path"] for file in manifest["files"]}, there)
            for file in manifest["files"]:
                content = (folder / file["path"]).read_bytes()
                self.assertEqual((len(content), hashlib.sha256(content).hexdigest()), (file["bytes"], file["sha256"]))
            rows = sum(file["rows"] for file in manifest["files"] if file["path"].startswith("events/"))
            self.assertEqual(rows, self.truth["events"])

    def test_o4_3_lines_say_the_same_as_parquet(self):
        events = [event for path in sorted(self.jsonl.glob("events/*/*/*.jsonl.zst")) for event in lines(path)]
        rows = duckdb.sql("SELECT lower(hex(id)), lower(hex(pubkey)), created_at, kind::BIGINT, tags, content, lower(hex(sig)) FROM read_parquet('events/*/*/*.parquet')")
        columns = ("id", "pubkey", "created_at", "kind", "tags", "content", "sig")
        found = [dict(zip(columns, row)) | {"tags": json.loads(row[4])} for row in rows.fetchall()]
        by_id = lambda event: event["id"]  # noqa: E731
        self.assertEqual(sorted(found, key=by_id), sorted(events, key=by_id))
        pairs = {tuple(pair.values()) for path in self.jsonl.glob("provenance/*/*.jsonl.zst") for pair in lines(path)}
        rows = duckdb.sql("SELECT lower(hex(event_id)), relay, first_seen_ms, how FROM read_parquet('provenance/*/*.parquet')")
        self.assertEqual(set(rows.fetchall()), pairs)
        relays = lines(self.jsonl / "relays.jsonl.zst")
        self.assertEqual([relay["url"] for relay in relays], RELAYS)
        self.assertIsNone(relays[0]["seen_ms"])
        self.assertEqual(lines(self.jsonl / "coverage.jsonl.zst")[0]["filter"], {})


if __name__ == "__main__":
    unittest.main()
