/*
 * make_chain.mjs
 *	  Has a development node mine a chain with something of everything.
 *
 *	  node make_chain.mjs URL
 *
 * The node must not mine by itself.  What its hard fork knows of transaction
 * types is found out by asking: a header without baseFeePerGas means legacy
 * transactions only.  Contracts are written in EVM code here, see the yellow
 * paper, appendix H.  Prints the number of the last block.
 */
import { HDNodeWallet, Mnemonic, concat, getCreateAddress, id, toBeHex, zeroPadValue } from "ethers";

const url = process.argv[2];
const mnemonic = Mnemonic.fromPhrase("test test test test test test test test test test test junk");
const wallets = [0, 1, 2, 3, 4].map((index) => HDNodeWallet.fromMnemonic(mnemonic, `m/44'/60'/0'/0/${index}`));
const nonces = new Map();
let chainId;
let modern;
let calls = 0;

async function call(method, ...params) {
	const answer = await fetch(url, {
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify({ jsonrpc: "2.0", id: ++calls, method, params }),
	});
	const { error, result } = await answer.json();
	if (error) throw new Error(`${method}: ${error.message}`);
	return result;
}

/* Signs a transaction and leaves it with the node; gives its hash. */
async function send(wallet, fields) {
	const nonce = nonces.get(wallet.address) ??
		BigInt(await call("eth_getTransactionCount", wallet.address, "latest"));
	const fees = (fields.type ?? 0) < 2 ? { gasPrice: 3_000_000_000n } :
		{ maxFeePerGas: 5_000_000_000n, maxPriorityFeePerGas: 1_000_000_001n };
	const transaction = {
		type: 0, chainId, nonce: Number(nonce), gasLimit: 200_000, value: 0, ...fees, ...fields,
	};
	nonces.set(wallet.address, nonce + 1n);
	return call("eth_sendRawTransaction", await wallet.signTransaction(transaction));
}

const mine = () => call("evm_mine");

/* Init code that returns the code given. */
function deploy(code) {
	const length = toBeHex((code.length - 2) / 2, 2).slice(2);
	return `0x61${length}80600c6000396000f3${code.slice(2)}`;
}

/* Copies its call data to memory and emits it with 0, 1, 2, 3 and 4 topics. */
const word = (text) => id(text).slice(2);
const CALL_DATA = "3660006000"; // the length, for the log after it, and 0, 0
const emitter = concat([
	`0x${CALL_DATA}37`,
	"0x366000a0",
	`0x7f${word("One(bytes)")}366000a1`,
	`0x337f${word("Two(address)")}366000a2`,
	`0x34337f${word("Three(address,uint256)")}366000a3`,
	`0x7f${"ff".repeat(32)}34337f${word("Four(address,uint256,bytes32)")}366000a4`,
	"0x00",
]);

/* transfer(address,uint256): the event of ERC-20, and true. */
const token = concat([
	"0x602435600052600435", // memory[0] = value; to
	`0x337f${word("Transfer(address,address,uint256)")}60206000a3`,
	"0x600160005260206000f3",
]);
const transfer = (to, value) => concat([
	"0xa9059cbb", zeroPadValue(to, 32), toBeHex(value, 32),
]);

const reverts = "0x366000a060006000fd"; // emits a log first, which is undone
const invalid = "0xfe";
const endless = "0x5b600056";
const constructorLog = `0x602a60005260206000a0${"60006000f3"}`;

async function address(wallet) {
	const nonce = nonces.get(wallet.address) ??
		BigInt(await call("eth_getTransactionCount", wallet.address, "latest"));
	return getCreateAddress({ from: wallet.address, nonce });
}

async function contracts(contract) {
	for (const [name, code] of Object.entries({ emitter, token, reverts, invalid, endless })) {
		contract[name] = await address(wallets[0]);
		await send(wallets[0], { data: deploy(code), gasLimit: 500_000 });
	}
	await send(wallets[0], { data: constructorLog, gasLimit: 100_000 });
	await mine();
}

async function failures(contract) {
	/* creations: reverted, broken, out of gas while storing the code */
	await send(wallets[1], { data: "0x60006000fd", gasLimit: 100_000 });
	await send(wallets[1], { data: "0xfe", gasLimit: 100_000 });
	await send(wallets[1], { data: deploy(`0x${"00".repeat(2000)}`), gasLimit: 150_000 });
	await mine();
	/* calls, between others that do not fail */
	await send(wallets[1], { to: contract.reverts, data: "0x01" });
	await send(wallets[1], { to: contract.token, data: transfer(wallets[2].address, 1n) });
	await send(wallets[1], { to: contract.invalid });
	await send(wallets[2], { to: contract.emitter, data: "0xdeadbeef" });
	await send(wallets[1], { to: contract.endless, gasLimit: 30_000 });
	await mine();
}

async function legacy(contract) {
	await send(wallets[2], { to: wallets[3].address, value: 1n, gasLimit: 21_000 });
	await send(wallets[2], { to: wallets[3].address, value: 12345678901234567890n, gasLimit: 21_000 });
	await send(wallets[2], { to: wallets[2].address, gasLimit: 21_000 });
	await send(wallets[2], { to: wallets[3].address, chainId: 0, gasLimit: 21_000 }); // without EIP-155
	await mine();
	for (const wallet of wallets) {
		await send(wallet, { to: contract.token, data: transfer(wallets[0].address, 2n ** 256n - 1n) });
		await send(wallet, { to: contract.emitter, value: 77n, data: "0x" });
	}
	await mine();
	/* long call data, kept out of line by PostgreSQL */
	const long = `0x${Array.from({ length: 5000 }, (_, i) => (i * 7919 % 256).toString(16).padStart(2, "0")).join("")}`;
	await send(wallets[3], { to: contract.emitter, data: long, gasLimit: 2_000_000 });
	await mine();
	/* a value that only numeric can hold; anvil counts to 2^128 */
	await call("anvil_setBalance", wallets[4].address, toBeHex(2n ** 128n));
	await send(wallets[4], { to: wallets[3].address, value: 2n ** 127n + 1n, gasLimit: 21_000 });
	await mine();
}

async function typed(contract) {
	const accessList = [
		{ address: contract.token, storageKeys: [0, 1, 2].map((key) => toBeHex(key, 32)) },
		{ address: wallets[4].address, storageKeys: [] },
		{ address: contract.token, storageKeys: [id("again")] },
	];
	const recipient = { to: contract.token, data: transfer(wallets[1].address, 5n) };

	for (const type of [1, 2]) {
		await send(wallets[type], { type, ...recipient });
		await send(wallets[type], { type, ...recipient, accessList });
		await send(wallets[type], { type, to: contract.reverts, accessList });
		await send(wallets[type], { type, data: deploy(token) });
	}
	await mine();
	await send(wallets[3], { type: 2, to: wallets[0].address, value: 9n, gasLimit: 21_000,
		maxFeePerGas: 10n ** 12n, maxPriorityFeePerGas: 0n });
	await mine();
	await authorized(contract);
}

async function authorized(contract) {
	const later = nonces.get(wallets[4].address);
	const authorizationList = [
		await wallets[4].authorize({ address: contract.emitter, nonce: later, chainId }),
		await wallets[2].authorize({ address: contract.token, nonce: 2n ** 64n - 2n, chainId: 0n }), // has no effect
	];
	await send(wallets[1], { type: 4, to: wallets[4].address, data: "0xc0ffee",
		gasLimit: 400_000, authorizationList });
	await mine();
	nonces.delete(wallets[4].address);
	await send(wallets[3], { type: 2, to: wallets[4].address, data: "0x1234" });
	await mine();
}

async function main() {
	const contract = {};

	chainId = Number(await call("eth_chainId"));
	modern = (await call("eth_getBlockByNumber", "latest", false)).baseFeePerGas !== undefined;
	await mine();
	await contracts(contract);
	await failures(contract);
	await call("anvil_mine", "0x5");
	await legacy(contract);
	if (modern) await typed(contract);
	/* a jump in time, another beneficiary, and nothing at the end */
	const { timestamp } = await call("eth_getBlockByNumber", "latest", false);
	await call("evm_setNextBlockTimestamp", Number(timestamp) + 100_000_000);
	await call("anvil_setCoinbase", wallets[4].address);
	await send(wallets[0], { to: wallets[1].address, value: 3n, gasLimit: 21_000, gasPrice: 10n ** 11n });
	await mine();
	await call("anvil_mine", "0x3");
	const left = await call("txpool_status");
	if (BigInt(left.pending) + BigInt(left.queued) !== 0n) {
		throw new Error(`not mined: ${JSON.stringify(left)}`);
	}
	console.log(Number(await call("eth_blockNumber")));
}

await main();
