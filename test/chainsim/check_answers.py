#!/usr/bin/env python3
"""Checks chainsim's answers: replayed bytes, JSON-RPC, the head, each fault.

Uses nothing but Python's own sockets and JSON, and starts ./chainsim (or
$CHAINSIM) itself.  Recorded blocks are read from $CHAINSYNC_CORPUS (default
../shared/corpus beside the project); without them replay is tried on a
recording made here.  Exit status 1 when anything is not as it should be.
"""

import gzip
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.environ.get("CHAINSIM", os.path.join(HERE, "chainsim"))
CORPUS = os.environ.get("CHAINSYNC_CORPUS",
                        os.path.join(HERE, "../../../shared/corpus"))

failures = []
checks = 0


def expect(what, ok, got=None):
    global checks
    checks += 1
    if not ok:
        failures.append(what)
        print(f"FAILED: {what}" + (f": {str(got)[:300]}" if got is not None else ""))


class Sim:
    """A running chainsim."""

    def __init__(self, *args):
        self.process = subprocess.Popen([PROGRAM, "--quiet", *args],
                                        stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        match = re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n", line)
        if not match:
            raise RuntimeError(f"chainsim {args} did not start: {line!r}")
        self.port = int(match[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.process.stdout.close()
        expect("SIGTERM ends it with status 0", status == 0, status)

    def connect(self, timeout=20):
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def control(self, **message):
        _, _, body = http(self.connect(), json.dumps(message), path="/control")
        return json.loads(body)

    def fault(self, name, **more):
        self.control(fault=None)
        answer = self.control(fault=name, **more)
        expect(f"fault {name} is accepted", answer["ok"], answer)

    def post(self, body, **headers):
        with self.connect() as connection:
            return http(connection, body, **headers)

    def raw(self, method, *params, request_id=1):
        status, _, body = self.post(request(method, *params, request_id=request_id))
        expect(f"{method} has status 200", status == 200, status)
        return body

    def call(self, method, *params):
        return json.loads(self.raw(method, *params))


def request(method, *params, request_id=1):
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "method": method,
                       "params": list(params)})


def http(connection, body, path="/", method="POST", content="application/json",
         **headers):
    """One exchange; returns status, headers, body.  Raises on a short body."""
    data = body if isinstance(body, bytes) else body.encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Type: {content}",
             f"Content-Length: {len(data)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
    received = b""
    while b"\r\n\r\n" not in received:
        more = connection.recv(65536)
        if not more:
            raise EOFError(f"closed after {len(received)} bytes of the header")
        received += more
    head, rest = received.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:])
    if "content-length" not in fields:
        return int(lines[0].split()[1]), fields, rest
    length = int(fields["content-length"])
    parts = [rest]
    have = len(rest)
    while have < length:
        more = connection.recv(1 << 20)
        if not more:
            raise EOFError(f"{have} of {length} bytes")
        parts.append(more)
        have += len(more)
    return int(lines[0].split()[1]), fields, b"".join(parts)


def result_of(body):
    """The bytes of a result, as they stand in the answer to id 1."""
    prefix = b'{"jsonrpc":"2.0","id":1,"result":'
    expect("an answer has the usual envelope",
           body.startswith(prefix) and body.endswith(b"}"), body[:80])
    return body[len(prefix):-1]


def check_record(sim, text):
    """A recorded {"block":…,"receipts":…} must come back byte for byte."""
    record = json.loads(text)
    number = record["block"]["number"]
    block = result_of(sim.raw("eth_getBlockByNumber", number, True))
    receipts = result_of(sim.raw("eth_getBlockReceipts", record["block"]["hash"]))
    made = b'{"block":' + block + b',"receipts":' + receipts + b"}"
    expect(f"block {number} is replayed byte for byte", made == text.strip(),
           made[:100])
    for receipt in (record["receipts"] or [])[-1:]:
        answer = sim.call("eth_getTransactionReceipt", receipt["transactionHash"])
        expect(f"a receipt of {number}", answer["result"] == receipt)


def check_corpus():
    folders = sorted(os.listdir(os.path.join(CORPUS, "blocks")))
    for folder in folders:
        path = os.path.join(CORPUS, "blocks", folder)
        names = sorted(os.listdir(path))
        with Sim("--replay", path) as sim:
            # every block of the small folders, some of the large ones
            for name in names[::max(1, len(names) // 40)]:
                with gzip.open(os.path.join(path, name)) as file:
                    check_record(sim, file.read())
    run = os.path.join(CORPUS, "runs", "sepolia-172032-180223.jsonl.zst")
    begin = time.monotonic()
    with Sim("--replay", run, "--chain-id", "11155111", "--head", "180000") as sim:
        expect("a run of 8192 blocks loads in 5 s", time.monotonic() - begin < 5)
        expect("--head", sim.call("eth_blockNumber")["result"] == hex(180000))
        expect("--chain-id", sim.call("eth_chainId")["result"] == "0xaa36a7")
        lines = subprocess.run(["zstdcat", run], stdout=subprocess.PIPE,
                               check=True).stdout.splitlines()
        for line in lines[::500]:
            if int(json.loads(line)["block"]["number"], 16) <= 180000:
                check_record(sim, line)


def check_gaps():
    """A recording with a gap, without receipts, with hashes only."""
    folder = tempfile.mkdtemp(prefix="chainsim-check.")
    blocks = {}
    for number in (5, 6, 9):
        blocks[number] = (f'{{"number": "{hex(number)}", "hash":"0x{number:064x}",'
                          f'"parentHash":"0x{number - 1:064x}", "odd" :[1e5,"\\u00e9\\""],'
                          f'"transactions":["0x{number:064x}"]}}')
        text = f' {{"receipts":null, "block":{blocks[number]}}}\n'
        with open(os.path.join(folder, f"{number}.json"), "w") as file:
            file.write(text)
    with Sim("--replay", folder, "--missing-receipts", "error") as sim:
        body = sim.raw("eth_getBlockByNumber", "0x6", True)
        expect("odd white space is kept", result_of(body) == blocks[6].encode(), body)
        expect("a gap is null", sim.call("eth_getBlockByNumber", "0x7", True)["result"] is None)
        expect("missing receipts are an error",
               sim.call("eth_getBlockReceipts", "0x6")["error"]["code"] == 4444)
        expect("the head is the highest", sim.call("eth_blockNumber")["result"] == "0x9")
    with Sim("--replay", folder) as sim:
        expect("missing receipts are null",
               sim.call("eth_getBlockReceipts", "0x6")["result"] is None)
    shutil.rmtree(folder)


def check_errors(sim):
    for method, params, code, words in (
            ("eth_getLogs", [{}], -32601, "the method eth_getLogs does not exist/is not available"),
            ("eth_getBlockByNumber", ["0x01", True], -32602, "leading zero"),
            ("eth_getBlockByNumber", ["1", True], -32602, "0x prefix"),
            ("eth_getBlockByNumber", ["0x8000000000000000", True], -32602, "int64"),
            ("eth_getBlockByNumber", [], -32602, "missing value for required argument 0"),
            ("eth_getBlockByNumber", ["0x1"], -32602, "missing value for required argument 1"),
            ("eth_getBlockByHash", ["0x12", True], -32602, "length"),
            ("eth_getBlockByNumber", ["pending", True], -32000, "pending")):
        answer = sim.call(method, *params)
        error = answer.get("error", {})
        expect(f"{method}{params} is {code}",
               error.get("code") == code and words in error.get("message", ""), answer)
    for method, params in (("eth_getBlockByNumber", ["0xffff", True]),
                           ("eth_getBlockByHash", ["0x" + "12" * 32, True]),
                           ("eth_getBlockReceipts", ["0xffff"]),
                           ("eth_getTransactionReceipt", ["0x" + "12" * 32])):
        answer = sim.call(method, *params)
        expect(f"{method} of nothing is null", answer == {"jsonrpc": "2.0", "id": 1, "result": None}, answer)
    for body, code in (("{", -32700), ("", -32700), ("{} x", -32700), ("[]", -32600),
                       ("5", -32600), ('{"id":1,"method":"eth_chainId"}', -32600)):
        answer = json.loads(sim.post(body)[2])
        expect(f"{body!r} is {code}", answer["error"]["code"] == code, answer)
    expect("a wrong content type is 415", sim.post("{}", content="text/plain")[0] == 415)
    expect("too long a request is 413", sim.post(" " * (5 * 1024 * 1024 + 1))[0] == 413)
    expect("the id comes back as it was",
           json.loads(sim.raw("net_version", request_id="a\"b"))["id"] == "a\"b")


def check_blocks(sim):
    block = sim.call("eth_getBlockByNumber", "latest", True)["result"]
    receipts = sim.call("eth_getBlockReceipts", {"blockHash": block["hash"]})["result"]
    expect("latest is the head", block["number"] == sim.call("eth_blockNumber")["result"])
    expect("receipts by an object", len(receipts) == len(block["transactions"]))
    expect("receipts by number",
           sim.call("eth_getBlockReceipts", block["number"])["result"] == receipts)
    for tag, lag in (("safe", 32), ("finalized", 64), ("latest", 0)):
        got = sim.call("eth_getBlockByNumber", tag, False)["result"]["number"]
        expect(f"tag {tag}", int(got, 16) == int(block["number"], 16) - lag, got)
    first = sim.call("eth_getBlockByNumber", "earliest", False)["result"]
    expect("tag earliest", first["number"] == "0x0", first["number"])
    expect("moving the head", sim.control(head=40)["ok"])
    expect("beyond the head is null",
           sim.call("eth_getBlockByNumber", hex(41), True)["result"] is None)
    expect("beyond the head is null by hash",
           sim.call("eth_getBlockByHash", block["hash"], True)["result"] is None)
    expect("finalized too early",
           sim.call("eth_getBlockByNumber", "finalized", False)["error"]["message"]
           == "finalized block not found")
    expect("no head beyond the end", not sim.control(head=100000)["ok"])
    expect("unknown members are refused", not sim.control(heda=1)["ok"])
    sim.control(head_rate=200, head=40)
    time.sleep(0.3)
    sim.control(head_rate=0)
    moved = int(sim.call("eth_blockNumber")["result"], 16)
    expect("head_rate moves the head", 50 < moved <= 199, moved)
    sim.control(head=199)


def check_batches(sim):
    calls = [json.loads(request("eth_getBlockByNumber", hex(n), False, request_id=n + 5))
             for n in range(1000)]
    answers = json.loads(sim.post(json.dumps(calls))[2])
    expect("a batch of 1000", [a["id"] for a in answers] == list(range(5, 1005)))
    body = sim.post(json.dumps(calls + calls[:1]))[2]
    expect("a batch of 1001", json.loads(body) == [{"jsonrpc": "2.0", "id": 5, "error": {
        "code": -32600, "message": "batch too large"}}], body)
    expect("a notification has no answer",
           sim.post('{"jsonrpc":"2.0","method":"eth_chainId"}')[2] == b"")


def check_large_batch(sim):
    calls = [json.loads(request("eth_getBlockReceipts", hex(1 + n % 12), request_id=n))
             for n in range(120)]
    answers = json.loads(sim.post(json.dumps(calls))[2])
    errors = [a["error"]["code"] for a in answers if "error" in a]
    expect("25 MB of answers are the limit",
           0 < len(errors) < 120 and set(errors) == {-32003}, len(errors))
    body = sim.post(request("eth_getBlockReceipts", "0x1"), Accept_Encoding="gzip")
    expect("--gzip compresses", body[1].get("content-encoding") == "gzip")
    expect("compressed answers are whole",
           gzip.decompress(body[2]) == sim.raw("eth_getBlockReceipts", "0x1"))


def broken_off(sim):
    """What happens instead of an answer: an exception's name, or 'answered'."""
    try:
        sim.post(request("eth_getBlockByNumber", "0x5", True))
    except Exception as error:              # whatever the socket says
        return type(error).__name__
    return "answered"


def check_transport_faults(sim):
    for fault, status, words in (
            ("http-500", 500, b"status 500"), ("http:403", 403, b"status 403"),
            ("http-502-html", 502, b"<html>"), ("http-429", 429, b"429"),
            ("html-200", 200, b"<html>"), ("empty-body", 200, b""),
            ("null-body", 200, b"null"), ("body:[]{", 200, b"[]{"),
            ("redirect:http://127.0.0.1:1/", 302, b"302")):
        sim.fault(fault)
        got, fields, body = sim.post(request("eth_chainId"))
        expect(fault, got == status and (body == words or (words and words in body)), (got, body))
        expect(f"{fault} has no Retry-After", "retry-after" not in fields)
    expect("redirect has a Location", fields.get("location") == "http://127.0.0.1:1/", fields)
    sim.fault("http-429:7")
    expect("Retry-After", sim.post(request("eth_chainId"))[1].get("retry-after") == "7")
    sim.fault("garbage")
    body = sim.post(request("eth_chainId"))[2]
    expect("garbage", len(body) == 1000 and not body.isascii())
    for fault, what in (("truncated", "EOFError"), ("wrong-length", "EOFError"),
                        ("reset", "ConnectionResetError")):
        sim.fault(fault)
        got = broken_off(sim)
        expect(fault, got == what, got)
    sim.fault("wrong-length:short")
    with sim.connect() as connection:
        _, fields, body = http(connection, request("eth_chainId"))
        while not body.endswith(b"}"):
            body += connection.recv(1000)
    expect("wrong-length:short", int(fields["content-length"]) == len(body) // 2
           and json.loads(body)["result"] == "0x539", body)
    sim.fault("close-after")
    with sim.connect() as connection:
        status, fields, _ = http(connection, request("eth_chainId"))
        expect("close-after", status == 200 and fields.get("connection") != "close"
               and connection.recv(1) == b"")


def check_timed_faults(sim):
    sim.fault("latency:300")
    begin = time.monotonic()
    expect("latency answers", sim.call("eth_chainId")["result"] == "0x539")
    expect("latency waits", time.monotonic() - begin > 0.28)
    sim.fault("slow:40")
    begin = time.monotonic()
    expect("slow answers", sim.call("eth_chainId")["result"] == "0x539")
    expect("slow waits", time.monotonic() - begin > 0.04 * 40)
    sim.fault("hang")
    with sim.connect(timeout=0.7) as connection:
        try:
            http(connection, request("eth_chainId"))
            expect("hang never answers", False)
        except socket.timeout:
            expect("hang never answers", True)
    sim.fault("hang", count=1, method="eth_syncing")
    connection = sim.connect()
    connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                       b"Content-Length: %d\r\n\r\n" % len(request("eth_syncing"))
                       + request("eth_syncing").encode())
    expect("others are answered meanwhile", sim.call("eth_chainId")["result"] == "0x539")
    return connection                       # still hanging when the server ends


def check_size_faults(sim):
    sim.fault("deep-nesting:5000")
    body = sim.raw("eth_chainId")
    expect("deep-nesting", body.count(b"[") == 5000 and body.endswith(b"]]}"))
    sim.fault("gzip-bomb:20")
    expect("no bomb for who takes no gzip", sim.call("eth_chainId")["result"] == "0x539")
    body = sim.post(request("eth_chainId"), Accept_Encoding="gzip")[2]
    expect("gzip-bomb", len(body) < 50000
           and len(zlib.decompress(body, 31)) > 20 << 20, len(body))
    sim.fault("huge")
    with sim.connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                           b"Content-Length: 2\r\n\r\n{}")
        got = 0
        head = b""
        while got < 100 << 20:
            more = connection.recv(1 << 20)
            if not more:
                break
            head = head or more
            got += len(more)
        expect("huge goes on, chunked", got >= 100 << 20
               and b"chunked" in head.lower().split(b"\r\n\r\n")[0], got)


def check_call_faults(sim):
    sim.control(fault=None)
    good = sim.call("eth_getBlockByNumber", "0x5", True)["result"]
    receipts = sim.call("eth_getBlockReceipts", "0x5")["result"]
    block = lambda full=True: sim.call("eth_getBlockByNumber", "0x5", full)
    sim.fault("other-id")
    expect("other-id", block()["id"] == 1000004)
    sim.fault("missing-id")
    expect("missing-id", "id" not in block())
    sim.fault("string-id")
    expect("string-id", block()["id"] == "1")
    sim.fault("wrong-json-type")
    expect("wrong-json-type", block()["result"] == 12345)
    sim.fault("rpc-429")
    expect("rpc-429", block()["error"]["code"] == -32005)
    sim.fault("error:daily \"limit\"/-32029")
    expect("error", block()["error"] == {"code": -32029, "message": "daily \"limit\""})
    sim.fault("null-block")
    expect("null-block", block()["result"] is None)
    sim.fault("no-block-receipts")
    expect("no-block-receipts",
           sim.call("eth_getBlockReceipts", "0x5")["error"]["code"] == -32601)
    expect("and other methods are there", block()["result"] == good)
    sim.fault("receipts-null-by-hash")
    expect("receipts-null-by-hash",
           sim.call("eth_getBlockReceipts", good["hash"])["result"] is None)
    expect("not by number", sim.call("eth_getBlockReceipts", "0x5")["result"] == receipts)
    sim.fault("receipts-null")
    expect("receipts-null", sim.call("eth_getBlockReceipts", "0x5")["result"] is None)
    sim.fault("short-receipts")
    expect("short-receipts",
           sim.call("eth_getBlockReceipts", "0x5")["result"] == receipts[:-1])
    sim.fault("wrong-chain-id:5")
    expect("wrong-chain-id", sim.call("eth_chainId")["result"] == "0x5")
    sim.fault("wrong-genesis")
    bent = sim.call("eth_getBlockByNumber", "0x0", False)["result"]["hash"]
    expect("wrong-genesis is the genesis only", block()["result"] == good)
    sim.control(fault=None)
    expect("wrong-genesis", bent != sim.call("eth_getBlockByNumber", "0x0", False)["result"]["hash"])
    sim.fault("hash-only")
    expect("hash-only", block()["result"]["transactions"]
           == [tx["hash"] for tx in good["transactions"]] != [])
    sim.fault("wrong-block")
    expect("wrong-block", block()["result"]["number"] == "0x6")
    sim.fault("broken-parent:5")
    bent = block()["result"]
    expect("broken-parent", bent["parentHash"] != good["parentHash"]
           and {**bent, "parentHash": good["parentHash"]} == good)
    sim.fault("set:nonce#2=\"0xabc\"")
    bent = block()["result"]
    expect("set", bent["nonce"] == good["nonce"]
           and bent["transactions"][0]["nonce"] == "0xabc", bent["transactions"][0])
    sim.fault("duplicate:hash")
    body = sim.raw("eth_getBlockByNumber", "0x5", True)
    expect("duplicate", body.count(b'"hash":"' + good["hash"].encode()) == 2)


def check_scopes(sim):
    batch = json.dumps([json.loads(request("eth_chainId", request_id=n)) for n in range(3)])
    for fault, want in (("batch-reverse", [2, 1, 0]), ("batch-drop", [0, 1])):
        sim.fault(fault)
        got = [a["id"] for a in json.loads(sim.post(batch)[2])]
        expect(fault, got == want, got)
    sim.fault("batch-object")
    expect("batch-object", json.loads(sim.post(batch)[2])["id"] is None)
    sim.fault("http-500", method="net_version")
    expect("a method's fault", sim.post(request("net_version"))[0] == 500)
    expect("is not another's", sim.post(request("eth_chainId"))[0] == 200)
    sim.fault("http-500", count=2)
    statuses = [sim.post(request("eth_chainId"))[0] for _ in range(4)]
    expect("count", statuses == [500, 500, 200, 200], statuses)
    sim.fault("http-500", p=0.5)
    statuses = [sim.post(request("eth_chainId"))[0] for _ in range(60)]
    expect("p", 10 < statuses.count(500) < 50, statuses.count(500))
    for wrong in ("nonsense", "latency", "http:99", "set:x", "hang:5"):
        answer = sim.control(fault=wrong)
        expect(f"fault {wrong} is refused", not answer["ok"], answer)
    sim.control(fault=None)
    stats = json.loads(sim.post("", path="/stats", method="GET")[2])
    expect("stats", stats["methods"]["eth_chainId"] > 60 and stats["faults"] == []
           and stats["faults_struck"] > 20, stats)


def check_reorg(sim):
    before = sim.call("eth_getBlockByNumber", hex(190), True)["result"]
    first_tx = before["transactions"][0]["hash"]
    answer = sim.control(reorg={"depth": 20, "length": 15, "forget": True})
    expect("a reorg to a shorter chain", answer.get("head") == 194, answer)
    after = sim.call("eth_getBlockByNumber", hex(190), True)["result"]
    expect("has other blocks", after["hash"] != before["hash"])
    expect("forgets the old ones",
           sim.call("eth_getBlockByHash", before["hash"], True)["result"] is None)
    receipt = sim.call("eth_getTransactionReceipt", first_tx)["result"]
    expect("an old transaction is gone or mined anew",
           receipt is None or receipt["blockHash"] != before["hash"])
    sim.control(reorg={"depth": 15, "length": 20, "seed": 0})
    back = sim.call("eth_getBlockByNumber", hex(190), True)["result"]
    expect("a reorg back to the first branch", back == before)
    canonical = {"blockHash": after["hash"], "requireCanonical": True}
    expect("an orphan is not canonical",
           sim.call("eth_getBlockReceipts", canonical)["error"]["message"]
           == "hash is not currently canonical")
    canonical["blockHash"] = before["hash"]
    expect("the branch that came back is",
           "result" in sim.call("eth_getBlockReceipts", canonical))


def main():
    check_gaps()
    if os.path.isdir(CORPUS):
        check_corpus()
    else:
        print(f"no recorded blocks in {CORPUS}: only a recording made here was replayed")
    with Sim("--generate", "200", "--profile", "thin", "--threads", "2") as sim:
        check_errors(sim)
        check_blocks(sim)
        check_batches(sim)
        check_transport_faults(sim)
        check_size_faults(sim)
        check_call_faults(sim)
        check_scopes(sim)
        check_reorg(sim)
        connection = check_timed_faults(sim)
    connection.close()
    with Sim("--generate", "13", "--gzip") as sim:
        check_large_batch(sim)
        expect("shutdown", sim.control(shutdown=True)["ok"])
        expect("shutdown ends it", sim.process.wait(10) == 0)
    if failures:
        print(f"check_answers: {len(failures)} of {checks} checks failed")
        sys.exit(1)
    print(f"check_answers: all {checks} checks passed")


main()
