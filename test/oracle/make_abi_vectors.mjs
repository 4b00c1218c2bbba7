/*
 * make_abi_vectors.mjs
 *	  Random types and values, and their encoding by ethers.
 *
 *	  node make_abi_vectors.mjs COUNT SEED
 *
 * One line a case, for COPY: the types as text[], the values in the form that
 * abi_decode shows them in, the encoding as bytea, the function's declaration,
 * its selector by ethers.  The same seed gives the same cases.
 */
import { AbiCoder, FunctionFragment, getAddress } from "ethers";

const count = Number(process.argv[2]);
let state = BigInt(process.argv[3]);
const coder = AbiCoder.defaultAbiCoder();

/* splitmix64 */
function next64() {
	state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n);
	let z = state;
	z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
	z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
	return z ^ (z >> 31n);
}
const below = (n) => Number(next64() % BigInt(n));
const pick = (list) => list[below(list.length)];
const hex = (bytes) => {
	let digits = "0x";
	for (let i = 0; i < bytes; i++) digits += below(256).toString(16).padStart(2, "0");
	return digits;
};

/* An integer of up to `bits` bits, the ends of the range often. */
function integer(bits, signed) {
	const size = BigInt(bits);
	const low = signed ? -(1n << (size - 1n)) : 0n;
	const high = signed ? (1n << (size - 1n)) - 1n : (1n << size) - 1n;
	switch (below(5)) {
		case 0: return low;
		case 1: return high;
		case 2: return BigInt(below(2));
		default: {
			let value = 0n;
			for (let i = 0; i < 4; i++) value = (value << 64n) | next64();
			value >>= BigInt(below(256));
			return low + value % (high - low + 1n);
		}
	}
}

const characters = ["a", "Z", "0", " ", '"', "\\", "\n", "\t", "\u007f", "\u00e9", "\u20ac", "\u{1f680}", "{", "'"];

/* A type as text, and functions that make a value: for ethers, and as shown. */
function elementary() {
	const bits = 8 * (1 + below(32));
	const bytes = 1 + below(32);
	switch (below(7)) {
		case 0: case 1: {
			const signed = below(2) === 1;
			return [`${signed ? "" : "u"}int${bits}`, () => {
				const value = integer(bits, signed);
				return [value, bits <= 48 ? Number(value) : value.toString()];
			}];
		}
		case 2: return ["address", () => { const value = getAddress(hex(20)); return [value, value]; }];
		case 3: return ["bool", () => { const value = below(2) === 1; return [value, value]; }];
		case 4: return [`bytes${bytes}`, () => { const value = hex(bytes); return [value, value]; }];
		case 5: return ["bytes", () => { const value = hex(pick([0, 1, 31, 32, 33, below(200)])); return [value, value]; }];
		default: return ["string", () => {
			const value = Array.from({ length: below(40) }, () => pick(characters)).join("");
			return [value, value];
		}];
	}
}

function type(depth) {
	const kind = depth >= 4 ? 0 : below(6);
	if (kind <= 2) return elementary();
	if (kind <= 4) {
		const [element, make] = type(depth + 1);
		const fixed = below(2) === 1 ? 1 + below(3) : -1;
		return [`${element}[${fixed < 0 ? "" : fixed}]`, () => {
			const items = Array.from({ length: fixed < 0 ? below(4) : fixed }, make);
			return [items.map((item) => item[0]), items.map((item) => item[1])];
		}];
	}
	return tuple(depth);
}

/* Some have names, some have none, some have both kinds of members. */
function tuple(depth) {
	const style = below(3);
	const members = Array.from({ length: 1 + below(4) }, (_, i) => {
		const [text, make] = type(depth + 1);
		return { text, make, name: style === 0 || (style === 1 && i % 2 === 1) ? "" : `m${i}` };
	});
	const named = members.some((member) => member.name !== "");
	const text = members.map((member) => `${member.text} ${member.name}`.trim()).join(", ");
	return [`tuple(${text})`, () => {
		const values = members.map((member) => member.make());
		return [
			values.map((value) => value[0]),
			named ? Object.fromEntries(members.map((member, i) => [member.name || String(i), values[i][1]])) :
				values.map((value) => value[1]),
		];
	}];
}

/* As COPY reads a column. */
const escape = (text) => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\t", "\\t");

const lines = [];
for (let i = 0; i < count; i++) {
	const types = Array.from({ length: below(5) }, () => type(0));
	const values = types.map(([, make]) => make());
	const texts = types.map(([text]) => text);
	const declaration = `function f${below(1000)}(${texts.join(", ")})`;
	lines.push([
		`{${texts.map((text) => `"${text}"`).join(",")}}`,
		escape(JSON.stringify(values.map((value) => value[1]))),
		escape(`\\x${coder.encode(texts, values.map((value) => value[0])).slice(2)}`),
		declaration,
		escape(`\\x${FunctionFragment.from(declaration).selector.slice(2)}`),
	].join("\t"));
	if (lines.length === 1000) process.stdout.write(`${lines.splice(0).join("\n")}\n`);
}
if (lines.length > 0) process.stdout.write(`${lines.join("\n")}\n`);
