/*
 * check_chain.mjs
 *	  Judges the chain a chainsim serves with libraries that share no code
 *	  with it: ethers (transactions, senders, addresses), @ethereumjs/rlp and
 *	  @ethereumjs/mpt (encodings and roots).
 *
 *	  node check_chain.mjs --url URL [--from N] [--to N] [--every K]
 *	  node check_chain.mjs --spawn
 *
 * --spawn starts ./chainsim itself, with several profiles, reorganises it,
 * and makes sure that tampered answers are noticed.  Exit status 1 when
 * anything differs.
 */
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { RLP } from "@ethereumjs/rlp";
import { createMPT } from "@ethereumjs/mpt";
import {
	Signature, Transaction, getBytes, getCreateAddress, hexlify, keccak256,
	toBeArray, verifyAuthorization, concat,
} from "ethers";

const EMPTY_ROOT = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421";
const BLOB_GAS = 131072n;
const BLOB_TARGET = 6n * BLOB_GAS;
const BLOB_FRACTION = 5007716n;

class Problems {
	constructor() { this.list = []; }
	expect(what, got, want) {
		if (got !== want) {
			this.list.push(`${what}: ${String(got).slice(0, 90)} is not ${String(want).slice(0, 90)}`);
		}
	}
}

async function post(url, body) {
	const answer = await fetch(url, {
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify(body),
	});
	return answer.json();
}

async function call(url, method, ...params) {
	const answer = await post(url, { jsonrpc: "2.0", id: 1, method, params });
	if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
	return answer.result;
}

const number = (hex) => (BigInt(hex) === 0n ? new Uint8Array() : toBeArray(BigInt(hex)));
const bytes = (hex) => getBytes(hex);

async function orderedRoot(values) {
	if (values.length === 0) return EMPTY_ROOT;
	const trie = await createMPT();
	for (let i = 0; i < values.length; i++) {
		await trie.put(RLP.encode(i), values[i]);
	}
	return hexlify(trie.root());
}

function bloomOf(logs) {
	const bloom = new Uint8Array(256);
	const add = (item) => {
		const hash = getBytes(keccak256(item));
		for (const at of [0, 2, 4]) {
			const bit = ((hash[at] << 8) | hash[at + 1]) & 2047;
			bloom[255 - (bit >> 3)] |= 1 << (bit & 7);
		}
	};
	for (const log of logs) {
		add(log.address);
		log.topics.forEach(add);
	}
	return hexlify(bloom);
}

function blobPrice(excess) {
	let sum = 0n;
	let term = BLOB_FRACTION;
	for (let i = 1n; term > 0n; i++) {
		sum += term;
		term = (term * excess) / (BLOB_FRACTION * i);
	}
	return sum / BLOB_FRACTION;
}

function ethersTransaction(tx) {
	const type = Number(tx.type);
	const legacyV = BigInt(tx.v);
	const signature = type === 0
		? Signature.from({ r: tx.r.length < 66 ? "0x" + tx.r.slice(2).padStart(64, "0") : tx.r,
			s: "0x" + tx.s.slice(2).padStart(64, "0"), v: legacyV })
		: Signature.from({ r: "0x" + tx.r.slice(2).padStart(64, "0"),
			s: "0x" + tx.s.slice(2).padStart(64, "0"), yParity: Number(tx.yParity) });
	const fields = {
		type, nonce: Number(tx.nonce), gasLimit: tx.gas, to: tx.to, value: tx.value,
		data: tx.input, signature,
		chainId: type === 0 && legacyV < 35n ? 0n : BigInt(tx.chainId),
	};
	if (type < 2) fields.gasPrice = tx.gasPrice;
	else {
		fields.maxFeePerGas = tx.maxFeePerGas;
		fields.maxPriorityFeePerGas = tx.maxPriorityFeePerGas;
	}
	if (type > 0) fields.accessList = tx.accessList;
	if (type === 3) {
		fields.maxFeePerBlobGas = tx.maxFeePerBlobGas;
		fields.blobVersionedHashes = tx.blobVersionedHashes;
	}
	if (type === 4) {
		fields.authorizationList = tx.authorizationList.map((item) => ({
			address: item.address, nonce: BigInt(item.nonce), chainId: BigInt(item.chainId),
			signature: Signature.from({ r: "0x" + item.r.slice(2).padStart(64, "0"),
				s: "0x" + item.s.slice(2).padStart(64, "0"), yParity: Number(item.yParity) }),
		}));
	}
	return Transaction.from(fields);
}

function checkTransaction(problems, block, tx, index, census) {
	const where = `block ${Number(block.number)} transaction ${index}`;
	const made = ethersTransaction(tx);
	const type = Number(tx.type);
	problems.expect(`${where} hash`, made.hash, tx.hash);
	problems.expect(`${where} from`, made.from?.toLowerCase(), tx.from);
	problems.expect(`${where} index`, Number(tx.transactionIndex), index);
	problems.expect(`${where} blockHash`, tx.blockHash, block.hash);
	problems.expect(`${where} blockNumber`, tx.blockNumber, block.number);
	problems.expect(`${where} yParity`, "yParity" in tx, type > 0);
	const base = BigInt(block.baseFeePerGas);
	if (type >= 2) {
		const tip = base + BigInt(tx.maxPriorityFeePerGas);
		const cap = BigInt(tx.maxFeePerGas);
		problems.expect(`${where} price`, BigInt(tx.gasPrice), tip < cap ? tip : cap);
	}
	problems.expect(`${where} pays the base fee`,
		BigInt(type < 2 ? tx.gasPrice : tx.maxFeePerGas) >= base, true);
	const legacy = BigInt(tx.v) < 35n ? "0 unprotected" : "0 protected";
	const kind = type === 0 ? legacy : String(type);
	census[`type ${kind}`] = (census[`type ${kind}`] ?? 0) + 1;
	for (const item of tx.authorizationList ?? []) {
		const signer = verifyAuthorization(
			{ address: item.address, nonce: BigInt(item.nonce), chainId: BigInt(item.chainId) },
			Signature.from({ r: "0x" + item.r.slice(2).padStart(64, "0"),
				s: "0x" + item.s.slice(2).padStart(64, "0"), yParity: Number(item.yParity) }));
		problems.expect(`${where} authority`, signer.length, 42);
	}
	return getBytes(made.serialized);
}

function checkReceipt(problems, block, tx, receipt, state, census) {
	const where = `block ${Number(block.number)} receipt ${state.index}`;
	problems.expect(`${where} transactionHash`, receipt.transactionHash, tx.hash);
	problems.expect(`${where} transactionIndex`, receipt.transactionIndex, tx.transactionIndex);
	problems.expect(`${where} blockHash`, receipt.blockHash, block.hash);
	problems.expect(`${where} type`, receipt.type, tx.type);
	problems.expect(`${where} from`, receipt.from, tx.from);
	problems.expect(`${where} to`, receipt.to, tx.to);
	problems.expect(`${where} effectiveGasPrice`, receipt.effectiveGasPrice, tx.gasPrice);
	problems.expect(`${where} gasUsed <= gas`, BigInt(receipt.gasUsed) <= BigInt(tx.gas), true);
	problems.expect(`${where} logsBloom`, receipt.logsBloom, bloomOf(receipt.logs));
	problems.expect(`${where} contractAddress`, receipt.contractAddress, tx.to === null
		? getCreateAddress({ from: tx.from, nonce: Number(tx.nonce) }).toLowerCase() : null);
	state.gas += BigInt(receipt.gasUsed);
	problems.expect(`${where} cumulativeGasUsed`, BigInt(receipt.cumulativeGasUsed), state.gas);
	if (receipt.status === "0x0") {
		problems.expect(`${where} logs of a failed transaction`, receipt.logs.length, 0);
		census.failed = (census.failed ?? 0) + 1;
	}
	if (tx.to === null) census.creations = (census.creations ?? 0) + 1;
	if (tx.type === "0x3") {
		const gas = BLOB_GAS * BigInt(tx.blobVersionedHashes.length);
		problems.expect(`${where} blobGasUsed`, BigInt(receipt.blobGasUsed), gas);
		problems.expect(`${where} blobGasPrice`, BigInt(receipt.blobGasPrice),
			blobPrice(BigInt(block.excessBlobGas)));
		state.blobGas += gas;
	}
	for (const log of receipt.logs) {
		problems.expect(`${where} logIndex`, Number(log.logIndex), state.logIndex++);
		problems.expect(`${where} log's transactionHash`, log.transactionHash, tx.hash);
		problems.expect(`${where} log's blockHash`, log.blockHash, block.hash);
		census.logs = (census.logs ?? 0) + 1;
	}
	const rlp = RLP.encode([number(receipt.status), number(receipt.cumulativeGasUsed),
		bytes(receipt.logsBloom),
		receipt.logs.map((log) => [bytes(log.address), log.topics.map(bytes), bytes(log.data)])]);
	return tx.type === "0x0" ? rlp : getBytes(concat([toBeArray(BigInt(tx.type)), rlp]));
}

function headerFields(block) {
	return [bytes(block.parentHash), bytes(block.sha3Uncles), bytes(block.miner),
		bytes(block.stateRoot), bytes(block.transactionsRoot), bytes(block.receiptsRoot),
		bytes(block.logsBloom), number(block.difficulty), number(block.number),
		number(block.gasLimit), number(block.gasUsed), number(block.timestamp),
		bytes(block.extraData), bytes(block.mixHash), bytes(block.nonce),
		number(block.baseFeePerGas), bytes(block.withdrawalsRoot),
		number(block.blobGasUsed), number(block.excessBlobGas),
		bytes(block.parentBeaconBlockRoot), bytes(block.requestsHash)];
}

/* EIP-1559 and EIP-4844, from the parent. */
function checkDescent(problems, parent, block) {
	const where = `block ${Number(block.number)}`;
	const target = BigInt(parent.gasLimit) / 2n;
	const used = BigInt(parent.gasUsed);
	const base = BigInt(parent.baseFeePerGas);
	let want = base;
	if (used > target) {
		const delta = (base * (used - target)) / target / 8n;
		want += delta > 0n ? delta : 1n;
	} else if (used < target) want -= (base * (target - used)) / target / 8n;
	problems.expect(`${where} baseFeePerGas`, BigInt(block.baseFeePerGas), want);
	const sum = BigInt(parent.excessBlobGas) + BigInt(parent.blobGasUsed);
	problems.expect(`${where} excessBlobGas`, BigInt(block.excessBlobGas),
		sum > BLOB_TARGET ? sum - BLOB_TARGET : 0n);
	problems.expect(`${where} parentHash`, block.parentHash, parent.hash);
	problems.expect(`${where} timestamp grows`,
		BigInt(block.timestamp) > BigInt(parent.timestamp), true);
}

async function checkBlock(problems, url, block, census) {
	const where = `block ${Number(block.number)}`;
	const receipts = await call(url, "eth_getBlockReceipts", block.hash);
	const state = { gas: 0n, blobGas: 0n, logIndex: 0, index: 0 };
	const txs = block.transactions.map((tx, i) => checkTransaction(problems, block, tx, i, census));
	problems.expect(`${where} receipts`, receipts.length, block.transactions.length);
	const encoded = receipts.map((receipt, i) => {
		state.index = i;
		return checkReceipt(problems, block, block.transactions[i], receipt, state, census);
	});
	problems.expect(`${where} gasUsed`, BigInt(block.gasUsed), state.gas);
	problems.expect(`${where} gasUsed <= gasLimit`, state.gas <= BigInt(block.gasLimit), true);
	problems.expect(`${where} blobGasUsed`, BigInt(block.blobGasUsed), state.blobGas);
	problems.expect(`${where} transactionsRoot`, await orderedRoot(txs), block.transactionsRoot);
	problems.expect(`${where} receiptsRoot`, await orderedRoot(encoded), block.receiptsRoot);
	problems.expect(`${where} logsBloom`, block.logsBloom, bloomOf(receipts.flatMap((r) => r.logs)));
	const withdrawals = block.withdrawals.map((item) => [number(item.index),
		number(item.validatorIndex), bytes(item.address), number(item.amount)]);
	problems.expect(`${where} withdrawalsRoot`,
		await orderedRoot(withdrawals.map((item) => RLP.encode(item))), block.withdrawalsRoot);
	const header = headerFields(block);
	problems.expect(`${where} hash`, keccak256(RLP.encode(header)), block.hash);
	problems.expect(`${where} sha3Uncles`, keccak256(RLP.encode([])), block.sha3Uncles);
	const body = txs.map((tx, i) => (block.transactions[i].type === "0x0" ? RLP.decode(tx) : tx));
	problems.expect(`${where} size`, Number(block.size),
		RLP.encode([header, body, [], withdrawals]).length);
	census.withdrawals = (census.withdrawals ?? 0) + withdrawals.length;
	census.transactions = (census.transactions ?? 0) + txs.length;
	census.blocks = (census.blocks ?? 0) + 1;
	if (txs.length > 0) {
		const one = receipts[Math.floor(receipts.length / 2)];
		const single = await call(url, "eth_getTransactionReceipt", one.transactionHash);
		problems.expect(`${where} single receipt`, JSON.stringify(single), JSON.stringify(one));
	}
	const thin = await call(url, "eth_getBlockByHash", block.hash, false);
	problems.expect(`${where} hashes only`, JSON.stringify(thin.transactions),
		JSON.stringify(block.transactions.map((tx) => tx.hash)));
}

async function checkRange(url, from, to, every, census) {
	const problems = new Problems();
	const seen = new Set();
	const chainId = await call(url, "eth_chainId");
	let parent = null;
	for (let n = from; n <= to; n++) {
		const block = await call(url, "eth_getBlockByNumber", "0x" + n.toString(16), true);
		if (block === null) {
			problems.list.push(`block ${n} is missing`);
			break;
		}
		problems.expect(`block ${n} number`, Number(block.number), n);
		if (parent !== null) checkDescent(problems, parent, block);
		for (const tx of block.transactions) {
			problems.expect(`transaction ${tx.hash} seen before`, seen.has(tx.hash), false);
			seen.add(tx.hash);
			if (tx.chainId) problems.expect("chainId", tx.chainId, chainId);
		}
		if ((n - from) % every === 0) await checkBlock(problems, url, block, census);
		parent = block;
	}
	return problems.list;
}

function startSim(args) {
	const here = dirname(fileURLToPath(import.meta.url));
	const child = spawn(join(here, "chainsim"), ["--quiet", ...args],
		{ stdio: ["ignore", "pipe", "inherit"] });
	return new Promise((resolve, reject) => {
		let text = "";
		child.on("exit", (code) => reject(new Error(`chainsim ended with ${code}`)));
		child.stdout.on("data", (data) => {
			text += data;
			const match = text.match(/listening on (\S+)\n/);
			if (match) resolve({ child, url: `http://${match[1]}/` });
		});
	});
}

async function stopSim(sim) {
	const ended = new Promise((resolve) => sim.child.on("exit", resolve));
	sim.child.kill("SIGTERM");
	return ended;
}

function report(what, list) {
	for (const line of list.slice(0, 20)) console.log(`  ${line}`);
	console.log(`${list.length === 0 ? "ok" : "FAILED"}: ${what}`);
	return list.length === 0 ? 0 : 1;
}

async function spawnRuns() {
	const census = {};
	let failures = 0;
	for (const args of [["--generate", "30"], ["--generate", "120", "--profile", "thin", "--seed", "9"],
		["--generate", "5", "--profile", "empty"], ["--generate", "4", "--profile", "dense", "--chain-id", "1"],
		["--generate", "40", "--txs", "1", "--logs", "30"]]) {
		const sim = await startSim(args);
		const head = Number(await call(sim.url, "eth_blockNumber"));
		const every = args.includes("30") && args.length === 2 ? 3 : 1;
		failures += report(args.join(" "), await checkRange(sim.url, 0, head, every, census));
		failures += report("ends on SIGTERM", (await stopSim(sim)) === 0 ? [] : ["exit status"]);
	}
	const sim = await startSim(["--generate", "60", "--profile", "thin", "--grow"]);
	const old = await call(sim.url, "eth_getBlockByNumber", "0x37", true);
	await post(sim.url + "control", { reorg: { depth: 10, length: 14 }, head: 70 });
	const fresh = await call(sim.url, "eth_getBlockByNumber", "0x37", true);
	failures += report("a reorg replaces blocks", old.hash === fresh.hash ? ["same hash"] : []);
	failures += report("the new branch", await checkRange(sim.url, 40, 70, 1, census));
	const orphan = await call(sim.url, "eth_getBlockByHash", old.hash, true);
	failures += report("the orphan by hash", JSON.stringify(orphan) === JSON.stringify(old) ? [] : ["differs"]);
	const again = new Set();
	for (let n = 50; n < 60; n++) {
		const block = await call(sim.url, "eth_getBlockByNumber", "0x" + n.toString(16), true);
		block.transactions.forEach((tx) => again.add(tx.hash));
	}
	failures += report("some transactions are mined again",
		old.transactions.some((tx) => again.has(tx.hash)) ? [] : ["none"]);
	for (const [fault, what] of [[`set:stateRoot="0x${"11".repeat(32)}"`, "hash"], ["set:value=\"0x1234\"", "hash"],
		["set:gasUsed=\"0x1\"", "gasUsed"], ["short-receipts", "receipts"], ["broken-parent:45", "hash"]]) {
		await post(sim.url + "control", { fault: null });
		await post(sim.url + "control", { fault });
		const list = await checkRange(sim.url, 44, 46, 1, {}).catch((error) => [String(error)]);
		failures += report(`${fault.slice(0, 20)} is noticed`, list.length > 0 ? [] : [`no difference in ${what}`]);
	}
	await stopSim(sim);
	for (const kind of ["type 0 protected", "type 0 unprotected", "type 1", "type 2", "type 3", "type 4",
		"failed", "creations", "logs", "withdrawals"]) {
		if (!(census[kind] > 0)) failures += report(`${kind} occurs`, ["never"]);
	}
	console.log(JSON.stringify(census));
	return failures;
}

const option = (name, otherwise) => {
	const at = process.argv.indexOf(name);
	return at < 0 ? otherwise : process.argv[at + 1];
};

let failures = 0;
if (process.argv.includes("--spawn")) failures = await spawnRuns();
else {
	const url = option("--url", null);
	if (url === null) {
		console.error("usage: check_chain.mjs --url URL [--from N] [--to N] [--every K] | --spawn");
		process.exit(2);
	}
	const census = {};
	const to = Number(option("--to", await call(url, "eth_blockNumber")));
	const list = await checkRange(url, Number(option("--from", 0)), to, Number(option("--every", 1)), census);
	console.log(JSON.stringify(census));
	failures = report(url, list);
}
console.log(failures === 0 ? "check_chain: all as it should be" : `check_chain: ${failures} checks failed`);
process.exit(failures === 0 ? 0 : 1);
