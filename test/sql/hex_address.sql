-- Hex and addresses.
\set SHOW_CONTEXT never
CREATE EXTENSION chainsync;

SELECT chainsync.hex('\x00ff10'), chainsync.hex(''), chainsync.hex(NULL) IS NULL AS null_is_null;
SELECT chainsync.unhex('0x00ff10'), chainsync.unhex('00FF10'), chainsync.unhex('0X0a'),
	chainsync.unhex('0x'), chainsync.unhex('');

-- both ways, longer than any vector register
SELECT count(*) AS differs
FROM generate_series(0, 300) AS n,
	LATERAL (SELECT decode(repeat('a5', n), 'hex') AS bytes) AS b
WHERE chainsync.unhex(chainsync.hex(bytes)) <> bytes
	OR chainsync.hex(bytes) <> '0x' || encode(bytes, 'hex');

SELECT chainsync.unhex('0x0');
SELECT chainsync.unhex('0x0g');
SELECT chainsync.unhex('0x 0');
SELECT chainsync.unhex('0x0x');
SELECT chainsync.unhex('xyz');
SELECT chainsync.unhex('0xаа');	-- Cyrillic
SELECT chainsync.unhex(repeat('0', 40) || 'z');

-- EIP-55's own examples
SELECT value, chainsync.checksum_address(chainsync.address(lower(value))) = value AS same,
	chainsync.address(value) = chainsync.address(lower(value)) AS accepted
FROM (VALUES
	('0x52908400098527886E0F7030069857D2E4169EE7'),
	('0x8617E340B3D01FA5F11F306F4090FD50E238070D'),
	('0xde709f2102306220921060314715629080e2fb77'),
	('0x27b1fdb04752bbc536007a920d24acb045561c26'),
	('0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'),
	('0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359'),
	('0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB'),
	('0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb')) AS v (value);

SELECT chainsync.address('5aaeb6053f3e94c9b9a09f33669435e7ef1beaed');
SELECT chainsync.address('0X5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED');
-- a wrong checksum: one letter's case changed
SELECT chainsync.address('0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed');
SELECT chainsync.address('0x5aaeb6053f3e94c9b9a09f33669435e7ef1bea');
SELECT chainsync.address('0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed00');
SELECT chainsync.address('');
SELECT chainsync.address('vitalik.eth');
SELECT chainsync.checksum_address('\x00');
SELECT chainsync.checksum_address('');
SELECT chainsync.checksum_address(decode(repeat('00', 20), 'hex'));

DROP EXTENSION chainsync;
