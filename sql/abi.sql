-- ABIs: what logs and calls mean.

CREATE TABLE chainsync.abis (
	name text NOT NULL CHECK (name <> '' AND pg_catalog.octet_length(name) <= 255),
	shipped boolean NOT NULL DEFAULT false,
	abi jsonb CHECK (abi IS NOT NULL OR NOT shipped),
	registered_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	PRIMARY KEY (name, shipped)
);

COMMENT ON TABLE chainsync.abis IS 'ABIs, for register_abi and unregister_abi to change. A row that is not shipped hides the shipped one of its name';
COMMENT ON COLUMN chainsync.abis.name IS 'Name by which functions refer to the ABI';
COMMENT ON COLUMN chainsync.abis.shipped IS 'Whether the ABI came with the extension';
COMMENT ON COLUMN chainsync.abis.abi IS 'The ABI as it was registered; NULL: the shipped one of that name is switched off';
COMMENT ON COLUMN chainsync.abis.registered_at IS 'When it was registered';

CREATE TABLE chainsync.abi_entries (
	abi text NOT NULL,
	shipped boolean NOT NULL DEFAULT false,
	ordinal integer NOT NULL,
	kind text NOT NULL CHECK (kind IN ('function', 'event', 'error')),
	name text NOT NULL,
	signature text NOT NULL,
	topic0 bytea CHECK (pg_catalog.octet_length(topic0) = 32),
	selector bytea CHECK (pg_catalog.octet_length(selector) = 4),
	inputs jsonb NOT NULL,
	indexed_count integer NOT NULL,
	anonymous boolean NOT NULL,
	PRIMARY KEY (abi, shipped, ordinal),
	FOREIGN KEY (abi, shipped) REFERENCES chainsync.abis (name, shipped) ON DELETE CASCADE
);
CREATE INDEX abi_entries_topic0 ON chainsync.abi_entries (topic0) WHERE topic0 IS NOT NULL;
CREATE INDEX abi_entries_selector ON chainsync.abi_entries (selector) WHERE selector IS NOT NULL;

COMMENT ON TABLE chainsync.abi_entries IS 'The functions, events and errors of the ABIs, made by register_abi';
COMMENT ON COLUMN chainsync.abi_entries.abi IS 'The ABI, abis.name';
COMMENT ON COLUMN chainsync.abi_entries.shipped IS 'abis.shipped';
COMMENT ON COLUMN chainsync.abi_entries.ordinal IS 'Position in the ABI, from 1';
COMMENT ON COLUMN chainsync.abi_entries.kind IS 'function, event or error';
COMMENT ON COLUMN chainsync.abi_entries.name IS 'Its name';
COMMENT ON COLUMN chainsync.abi_entries.signature IS 'Canonical signature, such as transfer(address,uint256)';
COMMENT ON COLUMN chainsync.abi_entries.topic0 IS 'First topic of an event''s logs: Keccak-256 of the signature; NULL for anonymous events';
COMMENT ON COLUMN chainsync.abi_entries.selector IS 'First four bytes of a call or an error: of the Keccak-256 of the signature';
COMMENT ON COLUMN chainsync.abi_entries.inputs IS 'Parameters, in the form of a JSON ABI';
COMMENT ON COLUMN chainsync.abi_entries.indexed_count IS 'How many of an event''s parameters are indexed';
COMMENT ON COLUMN chainsync.abi_entries.anonymous IS 'Whether the event is anonymous; it is decoded only where its ABI is bound or named';

CREATE TABLE chainsync.abi_bindings (
	chain integer NOT NULL REFERENCES chainsync.chains (id) ON DELETE CASCADE,
	address bytea NOT NULL CHECK (pg_catalog.octet_length(address) = 20),
	abi text NOT NULL,
	from_block bigint NOT NULL DEFAULT 0 CHECK (from_block >= 0),
	to_block bigint CHECK (to_block >= from_block),
	PRIMARY KEY (chain, address, abi, from_block)
);

COMMENT ON TABLE chainsync.abi_bindings IS 'Which ABI a contract has, for bind_abi and unbind_abi to change; it comes before all others';
COMMENT ON COLUMN chainsync.abi_bindings.chain IS 'The chain, chains.id';
COMMENT ON COLUMN chainsync.abi_bindings.address IS 'Address of the contract; of the proxy where it is one';
COMMENT ON COLUMN chainsync.abi_bindings.abi IS 'The ABI, abis.name';
COMMENT ON COLUMN chainsync.abi_bindings.from_block IS 'First block it holds for';
COMMENT ON COLUMN chainsync.abi_bindings.to_block IS 'Last block it holds for; NULL: all later ones';

SELECT pg_catalog.pg_extension_config_dump('chainsync.abis', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('chainsync.abi_entries', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('chainsync.abi_bindings', '');

-- Changing them.

CREATE FUNCTION chainsync.register_abi(name text, abi jsonb) RETURNS integer
AS 'MODULE_PATHNAME', 'chainsync_register_abi'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION chainsync.register_abi(text, jsonb) IS 'Registers a JSON ABI under a name, in place of what had it; gives the number of its functions, events and errors. Strings in the array are declarations as in the other form. For admins of all chains';

CREATE FUNCTION chainsync.register_abi(name text, lines text[]) RETURNS integer
AS 'MODULE_PATHNAME', 'chainsync_register_abi_lines'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION chainsync.register_abi(text, text[]) IS 'Registers an ABI of declarations, such as event Transfer(address indexed from, address indexed to, uint256 value); functions, errors and structs likewise';

CREATE FUNCTION chainsync.register_abi(name text, abi text) RETURNS integer
AS 'MODULE_PATHNAME', 'chainsync_register_abi_text'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION chainsync.register_abi(text, text) IS 'Registers an ABI that is given as text: JSON, or declarations, one a line';

CREATE FUNCTION chainsync.register_abi(name text) RETURNS void
AS 'MODULE_PATHNAME', 'chainsync_as_abi_admin'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION chainsync.register_abi(text) IS 'Has the shipped ABI of a name used again, that was replaced or switched off';

CREATE FUNCTION chainsync._register_abi(name text) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
	IF NOT EXISTS (SELECT FROM chainsync.abis AS a WHERE a.name = $1 AND a.shipped) THEN
		RAISE EXCEPTION 'no ABI "%" is shipped', $1 USING ERRCODE = 'undefined_object',
			HINT = 'SELECT name FROM chainsync.abis WHERE shipped lists those that are.';
	END IF;
	DELETE FROM chainsync.abis AS a WHERE a.name = $1 AND NOT a.shipped;
END
$function$;
COMMENT ON FUNCTION chainsync._register_abi(text) IS 'Internal: what register_abi does with a name only';

CREATE FUNCTION chainsync.unregister_abi(name text) RETURNS void
AS 'MODULE_PATHNAME', 'chainsync_as_abi_admin'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION chainsync.unregister_abi(text) IS 'Removes an ABI that is not bound; of a name that is shipped too, no ABI is used any more until register_abi';

CREATE FUNCTION chainsync._unregister_abi(name text) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
	IF NOT EXISTS (SELECT FROM chainsync.abis AS a WHERE a.name = $1 HAVING bool_and(a.abi IS NOT NULL)) THEN
		RAISE EXCEPTION 'ABI "%" does not exist', $1 USING ERRCODE = 'undefined_object',
			HINT = 'SELECT * FROM chainsync.abis lists them.';
	END IF;
	IF EXISTS (SELECT FROM chainsync.abi_bindings AS b WHERE b.abi = $1) THEN
		RAISE EXCEPTION 'ABI "%" is bound to addresses', $1 USING ERRCODE = 'dependent_objects_still_exist',
			HINT = 'SELECT * FROM chainsync.abi_bindings lists them; chainsync.unbind_abi() removes them.';
	END IF;
	DELETE FROM chainsync.abis AS a WHERE a.name = $1 AND NOT a.shipped;
	INSERT INTO chainsync.abis (name, shipped, abi)
	SELECT $1, false, NULL FROM chainsync.abis AS a WHERE a.name = $1 AND a.shipped;
END
$function$;
COMMENT ON FUNCTION chainsync._unregister_abi(text) IS 'Internal: what unregister_abi does';

CREATE FUNCTION chainsync.bind_abi(chain text, address text, abi text, from_block bigint DEFAULT NULL, to_block bigint DEFAULT NULL) RETURNS void
AS 'MODULE_PATHNAME', 'chainsync_as_admin'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION chainsync.bind_abi(text, text, text, bigint, bigint) IS 'Says which ABI a contract has, between two blocks, both included, or always; a proxy has its implementation''s. A contract may have several';

CREATE FUNCTION chainsync._bind_abi(chain text, address text, abi text, from_block bigint, to_block bigint) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
	IF $2 IS NULL OR $3 IS NULL THEN
		RAISE EXCEPTION 'address and ABI must not be null' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	IF $4 < 0 OR $5 < coalesce($4, 0) THEN
		RAISE EXCEPTION 'from_block must be neither negative nor above to_block' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF NOT EXISTS (SELECT FROM chainsync.abis AS a WHERE a.name = $3 HAVING bool_and(a.abi IS NOT NULL)) THEN
		RAISE EXCEPTION 'ABI "%" does not exist', $3 USING ERRCODE = 'undefined_object',
			HINT = 'SELECT * FROM chainsync.abis lists them; chainsync.register_abi() adds one.';
	END IF;
	INSERT INTO chainsync.abi_bindings (chain, address, abi, from_block, to_block)
	VALUES (chainsync._chain($1), chainsync.address($2), $3, coalesce($4, 0), $5)
	ON CONFLICT ON CONSTRAINT abi_bindings_pkey DO UPDATE SET to_block = excluded.to_block;
END
$function$;
COMMENT ON FUNCTION chainsync._bind_abi(text, text, text, bigint, bigint) IS 'Internal: what bind_abi does';

CREATE FUNCTION chainsync.unbind_abi(chain text, address text, abi text DEFAULT NULL) RETURNS integer
AS 'MODULE_PATHNAME', 'chainsync_as_admin'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION chainsync.unbind_abi(text, text, text) IS 'Removes the bindings of a contract, all or those of one ABI; gives their number';

CREATE FUNCTION chainsync._unbind_abi(chain text, address text, abi text) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	removed integer;
BEGIN
	IF $2 IS NULL THEN
		RAISE EXCEPTION 'address must not be null' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	DELETE FROM chainsync.abi_bindings AS b
	WHERE b.chain = chainsync._chain($1) AND b.address = chainsync.address($2) AND ($3 IS NULL OR b.abi = $3);
	GET DIAGNOSTICS removed = ROW_COUNT;
	RETURN removed;
END
$function$;
COMMENT ON FUNCTION chainsync._unbind_abi(text, text, text) IS 'Internal: what unbind_abi does';

-- Decoding and encoding.

CREATE FUNCTION chainsync.keccak256(value bytea) RETURNS bytea
AS 'MODULE_PATHNAME', 'chainsync_keccak256'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION chainsync.keccak256(bytea) IS 'Keccak-256 as Ethereum uses it, 32 bytes';

CREATE FUNCTION chainsync.selector(signature text) RETURNS bytea
AS 'MODULE_PATHNAME', 'chainsync_selector'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION chainsync.selector(text) IS 'The four bytes by which a function or error is called: of transfer(address,uint256), or of a whole declaration';

CREATE FUNCTION chainsync.event_topic(signature text) RETURNS bytea
AS 'MODULE_PATHNAME', 'chainsync_event_topic'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION chainsync.event_topic(text) IS 'The first topic of an event''s logs: of Transfer(address,address,uint256), or of a whole declaration';

CREATE FUNCTION chainsync.abi_decode(types text[], data bytea) RETURNS jsonb
AS 'MODULE_PATHNAME', 'chainsync_abi_decode'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION chainsync.abi_decode(text[], bytea) IS 'Values of these types from their ABI encoding: an array, or an object where types have names (uint256 amount). An error says what is wrong with the data';

CREATE FUNCTION chainsync.abi_encode(types text[], "values" jsonb) RETURNS bytea
AS 'MODULE_PATHNAME', 'chainsync_abi_encode'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION chainsync.abi_encode(text[], jsonb) IS 'ABI encoding of values of these types, as abi_decode shows them; integers may be numbers, decimal text or hex text';

CREATE FUNCTION chainsync.encode_call(signature text, args jsonb) RETURNS bytea
AS 'MODULE_PATHNAME', 'chainsync_encode_call'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION chainsync.encode_call(text, jsonb) IS 'Input of a call: the function''s selector and the encoded arguments, an array, or an object by the names in the signature';

CREATE FUNCTION chainsync.decode_log(topics bytea[], data bytea, abi text DEFAULT NULL) RETURNS jsonb
AS 'MODULE_PATHNAME', 'chainsync_decode_log'
LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION chainsync.decode_log(bytea[], bytea, text) IS 'Name, signature and args of a log''s event, of one ABI, its anonymous events too, or of all; NULL where none decodes it. NULLs at the end of topics stand for none';

CREATE FUNCTION chainsync.decode_log(event text, topics bytea[], data bytea) RETURNS jsonb
AS 'MODULE_PATHNAME', 'chainsync_decode_log_as'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION chainsync.decode_log(text, bytea[], bytea) IS 'Name, signature and args of a log as the event that the declaration says; NULL where it is not that event''s';

CREATE FUNCTION chainsync.decode_input(input bytea, abi text DEFAULT NULL) RETURNS jsonb
AS 'MODULE_PATHNAME', 'chainsync_decode_input'
LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION chainsync.decode_input(bytea, text) IS 'Name, signature and args of a call from a transaction''s input, by the functions of one ABI or of all; NULL where none decodes it';

CREATE FUNCTION chainsync.decode_error(data bytea, abi text DEFAULT NULL) RETURNS jsonb
AS 'MODULE_PATHNAME', 'chainsync_decode_error'
LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION chainsync.decode_error(bytea, text) IS 'Name, signature and args of the error that a call reverted with, by the errors of one ABI or of all; NULL where none decodes it';

CREATE FUNCTION chainsync.decode_logs(chain text, from_block bigint, to_block bigint, address text[] DEFAULT NULL)
RETURNS TABLE (block_number bigint, log_index bigint, transaction_index integer, transaction_hash bytea, address bytea, event text, args jsonb)
AS 'MODULE_PATHNAME', 'chainsync_decode_logs'
LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10000;
COMMENT ON FUNCTION chainsync.decode_logs(text, bigint, bigint, text[]) IS 'The stored logs of a range of blocks, both included, with their events: by the ABIs bound to the address first, then by all. event and args are NULL where none decodes a log';

CREATE FUNCTION chainsync.format_units(value numeric, decimals integer) RETURNS text
AS 'MODULE_PATHNAME', 'chainsync_format_units'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION chainsync.format_units(numeric, integer) IS 'A number of smallest units as text in whole ones: 1500, 3 gives 1.5';

CREATE FUNCTION chainsync.parse_units(value text, decimals integer) RETURNS numeric
AS 'MODULE_PATHNAME', 'chainsync_parse_units'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION chainsync.parse_units(text, integer) IS 'Smallest units from a decimal number: 1.5, 3 gives 1500; an error where digits would be lost';

-- Well-known ABIs.

CREATE FUNCTION chainsync._ship_abi(name text, lines text[]) RETURNS void
AS 'MODULE_PATHNAME', 'chainsync_ship_abi'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION chainsync._ship_abi(text, text[]) IS 'Internal: registers an ABI as shipped, for the extension''s own scripts';

SELECT chainsync._ship_abi('solidity', ARRAY[
	'error Error(string message)',
	'error Panic(uint256 code)']);

SELECT chainsync._ship_abi('erc20', ARRAY[
	'event Transfer(address indexed from, address indexed to, uint256 value)',
	'event Approval(address indexed owner, address indexed spender, uint256 value)',
	'function name() view returns (string)',
	'function symbol() view returns (string)',
	'function decimals() view returns (uint8)',
	'function totalSupply() view returns (uint256)',
	'function balanceOf(address account) view returns (uint256)',
	'function allowance(address owner, address spender) view returns (uint256)',
	'function transfer(address to, uint256 value) returns (bool)',
	'function approve(address spender, uint256 value) returns (bool)',
	'function transferFrom(address from, address to, uint256 value) returns (bool)']);

SELECT chainsync._ship_abi('erc721', ARRAY[
	'event Transfer(address indexed from, address indexed to, uint256 indexed tokenId)',
	'event Approval(address indexed owner, address indexed approved, uint256 indexed tokenId)',
	'event ApprovalForAll(address indexed owner, address indexed operator, bool approved)',
	'function supportsInterface(bytes4 interfaceId) view returns (bool)',
	'function balanceOf(address owner) view returns (uint256)',
	'function ownerOf(uint256 tokenId) view returns (address)',
	'function safeTransferFrom(address from, address to, uint256 tokenId, bytes data) payable',
	'function safeTransferFrom(address from, address to, uint256 tokenId) payable',
	'function transferFrom(address from, address to, uint256 tokenId) payable',
	'function approve(address approved, uint256 tokenId) payable',
	'function setApprovalForAll(address operator, bool approved)',
	'function getApproved(uint256 tokenId) view returns (address)',
	'function isApprovedForAll(address owner, address operator) view returns (bool)',
	'function tokenURI(uint256 tokenId) view returns (string)']);

SELECT chainsync._ship_abi('erc1155', ARRAY[
	'event TransferSingle(address indexed operator, address indexed from, address indexed to, uint256 id, uint256 value)',
	'event TransferBatch(address indexed operator, address indexed from, address indexed to, uint256[] ids, uint256[] values)',
	'event ApprovalForAll(address indexed owner, address indexed operator, bool approved)',
	'event URI(string value, uint256 indexed id)',
	'function safeTransferFrom(address from, address to, uint256 id, uint256 value, bytes data)',
	'function safeBatchTransferFrom(address from, address to, uint256[] ids, uint256[] values, bytes data)',
	'function balanceOf(address owner, uint256 id) view returns (uint256)',
	'function balanceOfBatch(address[] owners, uint256[] ids) view returns (uint256[])',
	'function setApprovalForAll(address operator, bool approved)',
	'function isApprovedForAll(address owner, address operator) view returns (bool)',
	'function uri(uint256 id) view returns (string)']);

SELECT chainsync._ship_abi('erc4626', ARRAY[
	'event Deposit(address indexed sender, address indexed owner, uint256 assets, uint256 shares)',
	'event Withdraw(address indexed sender, address indexed receiver, address indexed owner, uint256 assets, uint256 shares)',
	'function asset() view returns (address)',
	'function totalAssets() view returns (uint256)',
	'function convertToShares(uint256 assets) view returns (uint256)',
	'function convertToAssets(uint256 shares) view returns (uint256)',
	'function maxDeposit(address receiver) view returns (uint256)',
	'function previewDeposit(uint256 assets) view returns (uint256)',
	'function deposit(uint256 assets, address receiver) returns (uint256)',
	'function maxMint(address receiver) view returns (uint256)',
	'function previewMint(uint256 shares) view returns (uint256)',
	'function mint(uint256 shares, address receiver) returns (uint256)',
	'function maxWithdraw(address owner) view returns (uint256)',
	'function previewWithdraw(uint256 assets) view returns (uint256)',
	'function withdraw(uint256 assets, address receiver, address owner) returns (uint256)',
	'function maxRedeem(address owner) view returns (uint256)',
	'function previewRedeem(uint256 shares) view returns (uint256)',
	'function redeem(uint256 shares, address receiver, address owner) returns (uint256)']);

SELECT chainsync._ship_abi('weth', ARRAY[
	'event Deposit(address indexed dst, uint256 wad)',
	'event Withdrawal(address indexed src, uint256 wad)',
	'function deposit() payable',
	'function withdraw(uint256 wad)']);
