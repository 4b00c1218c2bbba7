-- Hex and addresses.

CREATE FUNCTION chainsync.hex(value bytea) RETURNS text
AS 'MODULE_PATHNAME', 'chainsync_hex'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION chainsync.hex(bytea) IS 'Bytes as lower-case hex with 0x in front';

CREATE FUNCTION chainsync.unhex(value text) RETURNS bytea
AS 'MODULE_PATHNAME', 'chainsync_unhex'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION chainsync.unhex(text) IS 'Bytes of hex digits, with 0x in front or not; an error for anything else';

CREATE FUNCTION chainsync.address(value text) RETURNS bytea
AS 'MODULE_PATHNAME', 'chainsync_address'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION chainsync.address(text) IS 'The 20 bytes of an address; its EIP-55 checksum is verified when it is written in mixed case';

CREATE FUNCTION chainsync.checksum_address(value bytea) RETURNS text
AS 'MODULE_PATHNAME', 'chainsync_checksum_address'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION chainsync.checksum_address(bytea) IS 'A 20-byte address as text with its EIP-55 checksum';

CREATE FUNCTION chainsync.version() RETURNS text
AS 'MODULE_PATHNAME', 'chainsync_version'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION chainsync.version() IS 'Version of the loaded library and of the libraries it uses';
