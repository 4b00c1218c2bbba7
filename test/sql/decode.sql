-- ABIs: registering and binding them, decoding and encoding.  Expectations
-- that are not ours: the ABI specification's own examples, EIP-55's addresses,
-- well-known selectors and topics.
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
CREATE EXTENSION chainsync;
SET client_min_messages = warning;
SET search_path = public;

-- hashes
SELECT chainsync.keccak256(''), chainsync.keccak256('abc');
SELECT chainsync.selector('transfer(address,uint256)'),
	chainsync.selector('function transfer(address to, uint value) external returns (bool)'),
	chainsync.selector('error Error(string)'), chainsync.selector('Panic(uint)');
SELECT chainsync.event_topic('Transfer(address,address,uint256)') = '\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef',
	chainsync.event_topic('event Transfer(address indexed from, address indexed to, uint value)') = '\xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';
SELECT chainsync.selector('transfer');
SELECT chainsync.selector('transfer(adress)');
SELECT chainsync.selector('f(uint256'')); DROP TABLE logs; --');
SELECT chainsync.event_topic('E() anonymous');

-- the specification's examples: baz(uint32,bool), bar(bytes3[2]),
-- sam(bytes,bool,uint256[]), f(uint256,uint32[],bytes10,bytes)
SELECT chainsync.encode_call('baz(uint32 x, bool y)', '{"y": true, "x": 69}') =
	'\xcdcd77c000000000000000000000000000000000000000000000000000000000000000450000000000000000000000000000000000000000000000000000000000000001';
SELECT chainsync.encode_call('bar(bytes3[2])', '[["0x616263", "0x646566"]]') =
	'\xfce353f661626300000000000000000000000000000000000000000000000000000000006465660000000000000000000000000000000000000000000000000000000000';
SELECT chainsync.encode_call('sam(bytes,bool,uint256[])', '["0x64617665", true, [1, "2", "0x3"]]') =
	'\xa5643bf20000000000000000000000000000000000000000000000000000000000000060000000000000000000000000000000000000000000000000000000000000000100000000000000000000000000000000000000000000000000000000000000a0000000000000000000000000000000000000000000000000000000000000000464617665000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000003000000000000000000000000000000000000000000000000000000000000000100000000000000000000000000000000000000000000000000000000000000020000000000000000000000000000000000000000000000000000000000000003';
SELECT chainsync.abi_encode(ARRAY['uint256', 'uint32[]', 'bytes10', 'bytes'],
	'[291, [1110, 1929], "0x31323334353637383930", "0x48656c6c6f2c20776f726c6421"]') AS encoded \gset
SELECT :'encoded' = '\x00000000000000000000000000000000000000000000000000000000000001230000000000000000000000000000000000000000000000000000000000000080313233343536373839300000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000e0000000000000000000000000000000000000000000000000000000000000000200000000000000000000000000000000000000000000000000000000000004560000000000000000000000000000000000000000000000000000000000000789000000000000000000000000000000000000000000000000000000000000000d48656c6c6f2c20776f726c642100000000000000000000000000000000000000';
SELECT chainsync.abi_decode(ARRAY['uint256', 'uint32[]', 'bytes10', 'string'], :'encoded');

-- how values are shown
CREATE TABLE shapes (types text[], vals jsonb);
INSERT INTO shapes VALUES
	('{}', '[]'),
	('{uint48,int48,uint56,int56}', '[281474976710655, -140737488355328, "72057594037927935", "-36028797018963968"]'),
	('{uint256,int256}', '["115792089237316195423570985008687907853269984665640564039457584007913129639935", "-57896044618658097711785492504343953926634992332820282019728792003956564819968"]'),
	('{address,"address payable","bool"}', '["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359", true]'),
	('{bytes1,bytes32,bytes,function}', '["0xff", "0x0000000000000000000000000000000000000000000000000000000000000001", "0x", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed01020304"]'),
	('{string,string}', '["", "h\u00e9\"\\\n\ud83d\ude00"]'),
	('{fixed,ufixed8x1,fixed16x0}', '["-1.500000000000000000", "25.5", "-7"]'),
	('{uint8[],uint8[2][],string[][2]}', '[[1, 2, 3], [[1, 2], [3, 4]], [["a"], []]]'),
	('{"(uint8 a, string b)","(uint8, string)[]","(uint8 a, uint8)"}', '[{"a": 1, "b": "x"}, [[1, "x"], [2, "y"]], {"1": 2, "a": 1}]'),
	('{"uint8 a","uint8 a","uint8"}', '{"2": 3, "a": 1, "a_2": 2}'),
	('{"((uint8 x)[2] p, ((bool)) q)"}', '[{"p": [{"x": 1}, {"x": 2}], "q": [[true]]}]'),
	('{uint8[0],uint8[0][],()}', '[[], [[], []], []]');
SELECT count(*), count(*) FILTER (WHERE chainsync.abi_decode(types, chainsync.abi_encode(types, vals)) = vals) FROM shapes;
SELECT chainsync.abi_decode(types, chainsync.abi_encode(types, vals)) FROM shapes
WHERE chainsync.abi_decode(types, chainsync.abi_encode(types, vals)) IS DISTINCT FROM vals;
-- exactly, whatever their size
SELECT chainsync.abi_decode('{uint256,uint8}', chainsync.abi_encode('{uint256,uint8}', '[1e30, 1.0]'));

-- what cannot be encoded
SELECT chainsync.abi_encode('{uint8}', '[256]');
SELECT chainsync.abi_encode('{uint8}', '[-1]');
SELECT chainsync.abi_encode('{uint8}', '[1.5]');
SELECT chainsync.abi_encode('{uint8}', '["one"]');
SELECT chainsync.abi_encode('{uint8}', '[true]');
SELECT chainsync.abi_encode('{uint8}', '[null]');
SELECT chainsync.abi_encode('{uint8}', '[[1]]');
SELECT chainsync.abi_encode('{uint8}', '[]');
SELECT chainsync.abi_encode('{uint8}', '1');
SELECT chainsync.abi_encode('{uint8 a}', '{"b": 1}');
SELECT chainsync.abi_encode('{bool}', '["true"]');
SELECT chainsync.abi_encode('{address}', '["0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"]');
SELECT chainsync.abi_encode('{uint8[2]}', '[[1]]');
SELECT chainsync.abi_encode('{string}', '[7]');
SELECT chainsync.abi_encode('{nothing}', '[7]');
SELECT chainsync.abi_encode('{NULL}', '[7]');

-- what does not decode
SELECT chainsync.abi_decode('{uint256}', '\x');
SELECT chainsync.abi_decode('{uint8}', decode(repeat('ff', 32), 'hex'));
SELECT chainsync.abi_decode('{bool}', decode(repeat('00', 31) || '02', 'hex'));
SELECT chainsync.abi_decode('{address}', decode(repeat('ff', 32), 'hex'));
SELECT chainsync.abi_decode('{bytes4}', decode(repeat('ff', 32), 'hex'));
SELECT chainsync.abi_decode('{string}', decode(repeat('ff', 64), 'hex'));
SELECT chainsync.abi_decode('{uint8[0][]}', decode(repeat('00', 31) || '20' || repeat('00', 28) || 'ffffffff', 'hex'));
SELECT chainsync.abi_decode('{uint8[99999999][99999999][99999999]}', decode(repeat('00', 64), 'hex'));
-- a string that no text can be, and its bytes
SELECT chainsync.abi_decode('{string}', chainsync.abi_encode('{bytes}', '["0x610062"]'));
SELECT chainsync.abi_decode('{string}', chainsync.abi_encode('{bytes}', '["0xc0af"]'));
SELECT chainsync.abi_decode('{bytes}', chainsync.abi_encode('{bytes}', '["0x610062"]'));
-- tolerated: more data, a gap before the tail, padding that is not zero or not there
SELECT chainsync.abi_decode('{uint8}', decode(repeat('00', 31) || '07' || 'dead', 'hex'));
SELECT chainsync.abi_decode('{string}', decode(repeat('00', 31) || '40' || repeat('ee', 32) || repeat('00', 31) || '01' || '61', 'hex'));
SELECT chainsync.abi_decode('{string}', decode(repeat('00', 31) || '20' || repeat('00', 31) || '01' || '61' || repeat('ff', 31), 'hex'));

-- logs
SELECT chainsync.event_topic('Transfer(address,address,uint256)') AS transfer,
	'\x0000000000000000000000005aaeb6053f3e94c9b9a09f33669435e7ef1beaed' AS alice,
	'\x000000000000000000000000fb6916095ca1df60bb79ce92ce3ea74c37c5d359' AS bob,
	decode(lpad('2a', 64, '0'), 'hex') AS fortytwo \gset
-- ERC-20 and ERC-721 differ in what is indexed only
SELECT chainsync.decode_log(ARRAY[:'transfer', :'alice', :'bob']::bytea[], :'fortytwo');
SELECT chainsync.decode_log(ARRAY[:'transfer', :'alice', :'bob', :'fortytwo']::bytea[], '');
SELECT chainsync.decode_log(ARRAY[:'transfer', :'alice', :'bob', NULL]::bytea[], :'fortytwo', 'erc20');
SELECT chainsync.decode_log(ARRAY[:'transfer', :'alice', :'bob']::bytea[], :'fortytwo', 'erc721');
SELECT chainsync.decode_log(ARRAY[:'transfer', :'alice', :'bob']::bytea[], :'fortytwo', 'nothing');
SELECT chainsync.decode_log(ARRAY[:'transfer', NULL, :'bob']::bytea[], :'fortytwo');
SELECT chainsync.decode_log(ARRAY[:'transfer', '\x00', :'bob']::bytea[], :'fortytwo');
SELECT chainsync.decode_log('{}'::bytea[], :'fortytwo');
SELECT chainsync.decode_log(NULL::bytea[], :'fortytwo');
SELECT chainsync.decode_log(ARRAY[:'transfer', :'alice', :'bob']::bytea[], '\x00');
-- as an event that is given
SELECT chainsync.decode_log('Transfer(address indexed f, address indexed t, uint96 n)', ARRAY[:'transfer', :'alice', :'bob']::bytea[], :'fortytwo');
SELECT chainsync.decode_log('Transfer(address indexed f, address indexed, uint256 n)', ARRAY[:'transfer', :'alice', :'bob']::bytea[], :'fortytwo');
SELECT chainsync.decode_log('Any(string indexed s, uint8 n) anonymous', ARRAY[:'transfer']::bytea[], :'fortytwo');
SELECT chainsync.decode_log('Any(string indexed s', ARRAY[:'transfer']::bytea[], :'fortytwo');

-- calls and errors
SELECT chainsync.decode_input(chainsync.encode_call('transfer(address,uint256)', '["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "1000000000000000000"]'));
SELECT chainsync.decode_input('\xa9059cbb00'), chainsync.decode_input('\xa905'), chainsync.decode_input('\x00000000');
SELECT chainsync.decode_error(chainsync.encode_call('Error(string)', '["not \"enough\""]'));
SELECT chainsync.decode_error(chainsync.encode_call('Panic(uint256)', '[17]'), 'solidity');

-- units
SELECT chainsync.format_units(1500000000000000000, 18), chainsync.format_units(-1, 18), chainsync.format_units(0, 18),
	chainsync.format_units(1500.00, 2), chainsync.format_units(7, 0), chainsync.format_units(10, 1);
SELECT chainsync.parse_units('1.5', 18), chainsync.parse_units('-0.01', 2), chainsync.parse_units('7', 0), chainsync.parse_units('1.500', 1);
SELECT chainsync.format_units(1.5, 2);
SELECT chainsync.format_units('NaN', 2);
SELECT chainsync.format_units(1, -1);
SELECT chainsync.parse_units('1.55', 1);
SELECT chainsync.parse_units('1e5', 1);
SELECT chainsync.parse_units('', 1);

-- registering
SELECT chainsync.register_abi('pool', ARRAY[
	'event Swap(address indexed sender, Delta delta, int24 tick)',
	'struct Delta { int256 amount0; int256 amount1; }',
	'error Locked()',
	'event Hidden(address indexed who, uint256 what) anonymous']);
SELECT ordinal, kind, name, signature, topic0 IS NOT NULL, selector, inputs, indexed_count, anonymous
FROM chainsync.abi_entries WHERE abi = 'pool' ORDER BY ordinal;
SELECT chainsync.register_abi('pool', '[{"type": "event", "name": "Swap", "inputs": [{"name": "x", "type": "uint8"}]}]');
SELECT count(*) FROM chainsync.abi_entries WHERE abi = 'pool';
-- hostile names stay what they are: names
SELECT chainsync.register_abi('''; DROP TABLE chainsync.abis; --', jsonb_build_array(jsonb_build_object('type', 'event', 'name', 'Evil',
	'inputs', jsonb_build_array(jsonb_build_object('name', E'a"}, \\ '';--\n\u00e9', 'type', 'uint8')))));
SELECT chainsync.decode_log(ARRAY[chainsync.event_topic('Evil(uint8)')], :'fortytwo');
SELECT chainsync.register_abi('bad', '[{"type": "event", "name": "E\"", "inputs": []}]');
SELECT chainsync.register_abi('bad', jsonb_build_array(jsonb_build_object('type', 'event', 'name', repeat('E', 256))));
SELECT chainsync.register_abi('bad', jsonb_build_array(jsonb_build_object('type', 'event', 'name', 'E', 'inputs',
	jsonb_build_array(jsonb_build_object('name', repeat('a', 10240), 'type', 'uint8')))));
SELECT chainsync.register_abi('bad', '[]');
SELECT chainsync.register_abi('bad', '7');
SELECT chainsync.register_abi('bad', ARRAY['event E(uint7 a)']);
SELECT chainsync.register_abi('bad', ARRAY['struct A { B b; }', 'struct B { A[] a; }', 'event E(A a)']);
SELECT chainsync.register_abi('bad', ARRAY['event E()', NULL]);
SELECT chainsync.register_abi('', ARRAY['event E()']);
SELECT chainsync.register_abi(repeat('n', 256), ARRAY['event E()']);
SELECT chainsync.register_abi('words', E'event A(uint8 a)\n\n  error B()  \n');
SELECT chainsync.register_abi('bad', 'A(uint8 a)');
SELECT chainsync.register_abi('bad', '{event A()}');
SELECT chainsync.register_abi('library', '[{"name": "f", "inputs": [{"name": "s", "type": "Lib.S storage"}]}, {"type": "error", "name": "E"}]');

-- seen at once by a statement that has begun before, and gone with a rollback
DO $block$
BEGIN
	FOR i IN 1..2 LOOP
		RAISE WARNING '%', chainsync.decode_log(ARRAY[chainsync.event_topic('Late(uint8)')], decode(repeat('00', 32), 'hex')) ->> 'name';
		IF i = 1 THEN
			PERFORM chainsync.register_abi('late', ARRAY['event Late(uint8 a)']);
		END IF;
	END LOOP;
	BEGIN
		PERFORM chainsync.unregister_abi('late');
		RAISE WARNING '%', chainsync.decode_log(ARRAY[chainsync.event_topic('Late(uint8)')], decode(repeat('00', 32), 'hex')) ->> 'name';
		RAISE division_by_zero;
	EXCEPTION WHEN division_by_zero THEN
	END;
	RAISE WARNING '%', chainsync.decode_log(ARRAY[chainsync.event_topic('Late(uint8)')], decode(repeat('00', 32), 'hex')) ->> 'name';
END
$block$;

-- shipped ABIs: one's own comes before, and they can be switched off and on
SELECT chainsync.register_abi('erc20', ARRAY['event Transfer(address indexed src, address indexed dst, uint256 wad)']);
SELECT chainsync.decode_log(ARRAY[:'transfer', :'alice', :'bob']::bytea[], :'fortytwo') -> 'args';
SELECT chainsync.unregister_abi('erc20');
SELECT chainsync.decode_log(ARRAY[:'transfer', :'alice', :'bob']::bytea[], :'fortytwo') IS NULL;
SELECT chainsync.decode_log(ARRAY[:'transfer', :'alice', :'bob']::bytea[], :'fortytwo', 'erc20');
SELECT chainsync.unregister_abi('erc20');
SELECT name, shipped, abi IS NULL AS off FROM chainsync.abis WHERE name = 'erc20' ORDER BY shipped;
SELECT chainsync.register_abi('erc20');
SELECT chainsync.decode_log(ARRAY[:'transfer', :'alice', :'bob']::bytea[], :'fortytwo', 'erc20') -> 'args';
SELECT chainsync.register_abi('pool');
SELECT name, shipped FROM chainsync.abis WHERE shipped ORDER BY name;

-- stored logs
SET client_min_messages = error;
SELECT chainsync.add_chain('decoded', ARRAY['http://127.0.0.1:1/']);
SET client_min_messages = warning;
CREATE TABLE decoded.logs_all PARTITION OF decoded.logs DEFAULT;
INSERT INTO decoded.logs (block_number, log_index, transaction_index, block_timestamp, transaction_hash, address, topic0, topic1, topic2, topic3, data) VALUES
	(1, 0, 0, 'epoch', '\x01', '\x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed', :'transfer', :'alice', :'bob', NULL, :'fortytwo'),
	(1, 1, 0, 'epoch', '\x01', '\xfb6916095ca1df60bb79ce92ce3ea74c37c5d359', :'transfer', :'alice', :'bob', :'fortytwo', ''),
	(2, 0, 1, 'epoch', '\x02', '\x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed', :'alice', NULL, NULL, NULL, :'fortytwo'),
	(3, 0, 0, 'epoch', '\x03', '\x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed', :'alice', NULL, NULL, NULL, :'fortytwo'),
	(4, 0, 0, 'epoch', '\x04', '\x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed', NULL, NULL, NULL, NULL, ''),
	(5, 0, 0, 'epoch', '\x05', '\x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed', chainsync.event_topic('URI(string,uint256)'), :'fortytwo', NULL, NULL,
		chainsync.abi_encode('{bytes}', '["0x00"]'));
SELECT * FROM chainsync.decode_logs('decoded', 1, 5);
SELECT chainsync.register_abi('first', ARRAY['event Transfer(address indexed a, address indexed b, uint256 c)', 'event Hidden(address indexed who, uint256 what) anonymous']);
SELECT chainsync.register_abi('aaa', ARRAY['event Transfer(address indexed z, address indexed y, uint256 x)']);
SELECT chainsync.bind_abi('decoded', '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', 'first', to_block => 2);
SELECT chainsync.bind_abi('decoded', '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359', 'weth', 1);
SELECT block_number, log_index, event, args FROM chainsync.decode_logs('decoded', 1, 3);
SELECT block_number, log_index, event, args FROM chainsync.decode_logs('decoded', 0, 100, ARRAY['0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359']);
-- the strictest that decodes: the same topic and number of indexed
-- parameters; the first by name decodes too, with bytes left over
SELECT chainsync.register_abi('alpha', 'event Said(string indexed words, uint256 n)');
SELECT chainsync.register_abi('beta', 'event Said(string words, uint256 indexed n)');
SELECT chainsync.decode_log(ARRAY[chainsync.event_topic('Said(string,uint256)'), :'fortytwo'], chainsync.abi_encode('{string}', '["hi"]')) -> 'args';
SELECT chainsync.decode_log(ARRAY[chainsync.event_topic('Said(string,uint256)'), :'fortytwo'], :'fortytwo') -> 'args';
SELECT chainsync.decode_log(ARRAY[chainsync.event_topic('Said(string,uint256)'), :'fortytwo'], chainsync.abi_encode('{string}', '["hi"]'), 'alpha') -> 'args';
SELECT * FROM chainsync.abi_bindings ORDER BY address;
-- again, with another end
SELECT chainsync.bind_abi('decoded', '0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed', 'first', to_block => 3);
SELECT block_number, event FROM chainsync.decode_logs('decoded', 3, 3);
SELECT chainsync.unregister_abi('first');
SELECT chainsync.unbind_abi('decoded', '0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed');
SELECT chainsync.unbind_abi('decoded', '0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359', 'erc20');
SELECT chainsync.unregister_abi('first');
SELECT chainsync.bind_abi('decoded', '0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed', 'first');
SELECT chainsync.bind_abi('decoded', 'vitalik.eth', 'erc20');
SELECT chainsync.bind_abi('decoded', '0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed', 'erc20', 5, 4);
SELECT chainsync.bind_abi('nowhere', '0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed', 'erc20');
SELECT * FROM chainsync.decode_logs('nowhere', 1, 2);
SELECT * FROM chainsync.decode_logs('decoded', 1, NULL);
SELECT * FROM chainsync.decode_logs('decoded', 1, 2, ARRAY['0x12']);
SELECT count(*) FROM chainsync.decode_logs('decoded', 5, 1);

-- who may
CREATE ROLE regress_decode_reader;
SELECT chainsync.grant('regress_decode_reader', 'reader', 'decoded');
SET ROLE regress_decode_reader;
SELECT count(*), count(args) FROM chainsync.decode_logs('decoded', 1, 5);
SELECT chainsync.decode_log(ARRAY[:'transfer', :'alice', :'bob']::bytea[], :'fortytwo', 'erc20') ->> 'name';
SELECT chainsync.register_abi('mine', ARRAY['event E()']);
SELECT chainsync.bind_abi('decoded', '0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed', 'erc20');
RESET ROLE;
SELECT chainsync.grant('regress_decode_reader', 'admin', 'decoded');
SET ROLE regress_decode_reader;
SELECT chainsync.bind_abi('decoded', '0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed', 'erc20');
SELECT chainsync.register_abi('mine', ARRAY['event E()']);
SELECT chainsync.unregister_abi('weth');
RESET ROLE;
SELECT chainsync.grant('regress_decode_reader', 'admin');
SET ROLE regress_decode_reader;
SELECT chainsync.register_abi('mine', ARRAY['event E()']);
SELECT chainsync.unregister_abi('mine');
RESET ROLE;
-- reads nothing that the caller may not
REVOKE SELECT ON decoded.logs FROM regress_decode_reader;
SET ROLE regress_decode_reader;
SELECT count(*) FROM chainsync.decode_logs('decoded', 1, 5);
RESET ROLE;

-- what a dump has: what is not shipped
SELECT c.relname, x.condition FROM pg_extension AS e
CROSS JOIN LATERAL unnest(e.extconfig, e.extcondition) AS x (relation, condition)
JOIN pg_class AS c ON c.oid = x.relation
WHERE e.extname = 'chainsync' AND c.relname LIKE 'abi%' ORDER BY 1;
SELECT p.proname, p.provolatile, p.proparallel FROM pg_proc AS p
WHERE p.pronamespace = 'chainsync'::regnamespace AND (p.proname ~ '^(abi_|decode_|encode_)' OR p.proname IN ('selector', 'event_topic', 'keccak256', 'format_units', 'parse_units'))
ORDER BY 1, p.pronargs;

SET client_min_messages = error;
SELECT chainsync.revoke('regress_decode_reader');
SELECT chainsync.remove_chain('decoded', drop_data => true);
DROP TABLE shapes;
DROP EXTENSION chainsync;
DROP ROLE regress_decode_reader;
