#!/usr/bin/env python3
"""Compares a chain's tables with an independent reading of its blocks.

    compare.py list PATH…
    compare.py rows --schema NAME [--blocks 5,7,10-20] PATH… | --rpc URL

list prints the numbers of the recorded blocks as one JSON object: "whole"
(with transactions and receipts, those without any transaction too), "hashes"
(hashes instead of transactions), "no_receipts", "unreadable" (receipts or
members are missing, or a key is there twice), and of all those "unlinked":
the parent is not the block that was recorded before it.  A PATH is a folder
of N.json or N.json.gz files {"block":…,"receipts":[…]|null}, or a .jsonl or
.jsonl.zst file with one such object a line.

rows compares every column of every row of the tables in the schema with the
blocks, in both directions, and prints each difference; --rpc asks a node for
blocks and, one by one, for receipts.  The database is named by PGHOST,
PGPORT, PGDATABASE and PGUSER.  Exit status 1 when anything differs.
"""

import argparse
import gzip
import json
import os
import re
import subprocess
import sys
import urllib.request

import reading


def recorded_lines(path):
    """(block, receipts) of each line of a .jsonl or .jsonl.zst file."""
    if path.endswith(".zst"):
        process = subprocess.Popen(["zstd", "-dcq", path],
                                   stdout=subprocess.PIPE, text=True)
        lines = process.stdout
    else:
        process, lines = None, open(path, encoding="utf-8")
    with lines:
        for line in lines:
            record = reading.loads(line)
            yield record["block"], record["receipts"]
    if process is not None and process.wait() != 0:
        raise RuntimeError(f"zstd failed on {path}")


def recorded(paths):
    """(block, receipts) of every recorded block."""
    for path in paths:
        if not os.path.isdir(path):
            yield from recorded_lines(path)
            continue
        for name in sorted(os.listdir(path)):
            if not re.fullmatch(r"\d+\.json(\.gz)?", name):
                continue
            opener = gzip.open if name.endswith(".gz") else open
            with opener(os.path.join(path, name), "rb") as file:
                record = reading.loads(file.read())
            yield record["block"], record["receipts"]


class Node:
    """A JSON-RPC node, asked one question at a time."""

    def __init__(self, url):
        self.url = url
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}))

    def call(self, method, *params):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method,
                           "params": params}).encode()
        request = urllib.request.Request(
            self.url, body, {"content-type": "application/json"})
        with self.opener.open(request, timeout=60) as answer:
            parsed = reading.loads(answer.read())
        if parsed.get("error") is not None:
            raise RuntimeError(f"{method}: {parsed['error']}")
        return parsed["result"]

    def blocks(self):
        head = int(self.call("eth_blockNumber"), 16)
        for number in range(head + 1):
            block = self.call("eth_getBlockByNumber", hex(number), True)
            receipts = [self.call("eth_getTransactionReceipt", tx["hash"])
                        for tx in block["transactions"]]
            yield block, receipts


def kind(block, receipts):
    transactions = block["transactions"]
    if transactions and isinstance(transactions[0], str):
        return "hashes"
    if transactions and receipts is None:
        return "no_receipts"
    try:
        for _ in reading.rows(block, receipts):
            pass
    except reading.Unreadable:
        return "unreadable"
    return "whole"


def number_set(text):
    """A function that tells whether "5,7,10-20" has a number."""
    if text is None:
        return lambda number: True
    pieces = [tuple(int(end) for end in (piece.split("-") * 2)[:2])
              for piece in text.split(",")]
    numbers = {number for low, high in pieces
               for number in range(low, high + 1)}
    return numbers.__contains__


class Comparison:
    """Expected rows against those of one table after the other."""

    def __init__(self, schema):
        self.schema = schema
        self.expected = {table: {} for table in reading.KEYS}
        self.differences = 0
        self.rows = 0
        self.values = 0

    def differ(self, table, key, text):
        self.differences += 1
        place = ", ".join(str(part) for part in key)
        print(f"{self.schema}.{table} ({place}) {text}")

    def expect(self, block, receipts):
        for table, key, row in reading.rows(block, receipts):
            self.expected[table][key] = row

    def compare_table(self, table):
        expected = self.expected[table]
        for row in stored_rows(self.schema, table):
            key = tuple(row[column] for column in reading.KEYS[table])
            wanted = expected.pop(key, None)
            self.rows += 1
            if wanted is None:
                self.differ(table, key, "is stored, but not in the JSON")
            else:
                self.compare_row(table, key, wanted, row)
        for key in expected:
            self.differ(table, key, "is in the JSON, but not stored")

    def compare_row(self, table, key, wanted, row):
        for column in sorted(set(wanted) | set(row)):
            if column not in row:
                self.differ(table, key, f"{column}: there is no such column")
            elif column not in wanted:
                self.differ(table, key, f"{column}: column of unknown meaning")
            elif not same(wanted[column], row[column]):
                self.differ(table, key,
                            f"{column}: stored {shown(row[column])}, "
                            f"JSON has {shown(wanted[column])}")
            else:
                self.values += 1


def same(one, other):
    if isinstance(one, (list, dict)):
        return json.dumps(one, sort_keys=True) == \
            json.dumps(other, sort_keys=True)
    return type(one) is type(other) and one == other


def shown(value):
    text = json.dumps(value)
    return text if len(text) <= 160 else \
        f"{text[:120]}… ({len(text)} characters)"


def identifier(name):
    return '"' + name.replace('"', '""') + '"'


def stored_rows(schema, table):
    """Rows of a table as psql shows them, in no order."""
    statement = (f"COPY (SELECT row_to_json(whole) FROM {identifier(schema)}."
                 f"{identifier(table)} AS whole) TO STDOUT")
    environment = dict(os.environ, PGTZ="UTC",
                       PGOPTIONS="-c bytea_output=hex -c datestyle=ISO")
    process = subprocess.Popen(
        ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement],
        stdout=subprocess.PIPE, encoding="utf-8", env=environment)
    with process.stdout as lines:
        for line in lines:
            # COPY doubles backslashes, the only thing to escape in JSON
            yield json.loads(line.rstrip("\n").replace("\\\\", "\\"))
    if process.wait() != 0:
        raise RuntimeError(f"psql failed on {schema}.{table}")


def run_list(options):
    numbers = {"whole": [], "hashes": [], "no_receipts": [],
               "unreadable": [], "unlinked": []}
    hashes, parents = {}, {}
    for block, receipts in recorded(options.path):
        number = int(block["number"], 16)
        numbers[kind(block, receipts)].append(number)
        hashes[number] = block["hash"]
        parents[number] = block["parentHash"]
    numbers["unlinked"] = [number for number in hashes if number - 1 in hashes
                           and parents[number] != hashes[number - 1]]
    print(json.dumps({name: sorted(values)
                      for name, values in numbers.items()}))
    return 0


def run_rows(options):
    wanted = number_set(options.blocks)
    source = Node(options.rpc).blocks() if options.rpc else \
        recorded(options.path)
    comparison = Comparison(options.schema)
    blocks = 0
    for block, receipts in source:
        if wanted(int(block["number"], 16)):
            comparison.expect(block, receipts)
            blocks += 1
    for table in reading.KEYS:
        comparison.compare_table(table)
    print(f"{options.schema}: {blocks} blocks, {comparison.rows} rows, "
          f"{comparison.values} equal values, "
          f"{comparison.differences} differences")
    return 1 if comparison.differences or not comparison.rows else 0


def main():
    parser = argparse.ArgumentParser(
        description="Compares a chain's tables with its blocks' JSON.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("list")
    command.add_argument("path", nargs="+")
    command.set_defaults(run=run_list)
    command = commands.add_parser("rows")
    command.add_argument("--schema", required=True)
    command.add_argument("--blocks")
    command.add_argument("--rpc")
    command.add_argument("path", nargs="*")
    command.set_defaults(run=run_rows)
    options = parser.parse_args()
    if options.command == "rows" and bool(options.rpc) == bool(options.path):
        parser.error("give either paths or --rpc")
    sys.exit(options.run(options))


main()
