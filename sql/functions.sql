-- Internal helpers.  Nobody but the owner of the extension may call them; the
-- functions further down do.

CREATE FUNCTION chainsync._count(blocks int8multirange) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
	SELECT coalesce(sum(upper(piece) - lower(piece)), 0)::bigint
	FROM unnest(blocks) AS piece
$function$;
COMMENT ON FUNCTION chainsync._count(int8multirange) IS 'Internal: how many numbers a bounded multirange holds';

CREATE FUNCTION chainsync._chain(chain text) RETURNS integer
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	found_id integer;
BEGIN
	SELECT c.id INTO found_id FROM chainsync.chains AS c WHERE c.name = chain;
	IF found_id IS NULL THEN
		RAISE EXCEPTION 'chain "%" does not exist', chain
			USING ERRCODE = 'undefined_object',
				HINT = 'SELECT name FROM chainsync.chains lists the chains; chainsync.add_chain() adds one.';
	END IF;
	RETURN found_id;
END
$function$;
COMMENT ON FUNCTION chainsync._chain(text) IS 'Internal: the id of a chain, or an error';

CREATE FUNCTION chainsync._redact_url(url text) RETURNS text
AS 'MODULE_PATHNAME', 'chainsync_redact_url'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION chainsync._redact_url(text) IS 'Internal: a URL without user info, query and what may be a key';

CREATE FUNCTION chainsync._refuse_endpoint(message text, detail text, hint text) RETURNS void
AS 'MODULE_PATHNAME', 'chainsync_refuse_endpoint'
LANGUAGE C STRICT;
COMMENT ON FUNCTION chainsync._refuse_endpoint(text, text, text) IS 'Internal: an error after which the server''s log does not have the statement, which may hold a key';

CREATE FUNCTION chainsync._check_url(url text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
	IF url IS NULL OR url !~* '^https?://([^/?#[:space:][:cntrl:]]*@)?(\[[0-9a-f:.]+\]|[^][/?#@:[:space:][:cntrl:]]+)(:[0-9]{1,5})?([/?][^#[:space:][:cntrl:]]*)?$' THEN
		PERFORM chainsync._refuse_endpoint('invalid endpoint URL', 'It is not quoted, as it may hold a key.',
			'An endpoint is a URL such as https://host:port/path, with scheme http or https.');
	END IF;
END
$function$;
COMMENT ON FUNCTION chainsync._check_url(text) IS 'Internal: an error unless the URL can be an endpoint''s; it is not quoted, as it may hold a key';

CREATE FUNCTION chainsync._secret_in_url(url text) RETURNS boolean
AS 'MODULE_PATHNAME', 'chainsync_secret_in_url'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION chainsync._secret_in_url(text) IS 'Internal: whether a URL seems to have a key written out in it';

CREATE FUNCTION chainsync._secret_in_header(header text) RETURNS boolean
AS 'MODULE_PATHNAME', 'chainsync_secret_in_header'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION chainsync._secret_in_header(text) IS 'Internal: whether a header line seems to have a key written out in it';

CREATE FUNCTION chainsync._caller_is_superuser() RETURNS boolean
AS 'MODULE_PATHNAME', 'chainsync_caller_is_superuser'
LANGUAGE C STABLE;
COMMENT ON FUNCTION chainsync._caller_is_superuser() IS 'Internal: whether the function that became the extension''s owner was called by a superuser';

CREATE FUNCTION chainsync._check_endpoint(url text, header text, secret_ref text, allow_literal_key boolean) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	has_place boolean := position('{secret}' IN concat(url, header)) > 0;
BEGIN
	PERFORM chainsync._check_url(url);
	IF header !~ '^[A-Za-z0-9-]+: *[^[:cntrl:]]+$'
		OR header ~* '^(host|content-.*|transfer-encoding|accept.*|connection|expect|te|trailer|upgrade|user-agent):' THEN
		PERFORM chainsync._refuse_endpoint('invalid header', 'It is not quoted, as it may hold a key.',
			'A header is one line such as ''Authorization: Bearer {secret}''; those of the transport itself cannot be set.');
	END IF;
	IF secret_ref IS NOT NULL AND NOT chainsync._caller_is_superuser() THEN
		RAISE EXCEPTION 'only a superuser may set secret_ref'
			USING ERRCODE = 'insufficient_privilege',
				DETAIL = 'It has the server read a file or its environment.';
	END IF;
	IF secret_ref !~ '^(env:[A-Za-z_][A-Za-z0-9_]*|file:/.+)$' THEN
		RAISE EXCEPTION 'invalid secret_ref'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'It is env:NAME, a variable of the server''s environment, or file:/path, a file that the server can read.';
	END IF;
	IF has_place AND secret_ref IS NULL THEN
		RAISE EXCEPTION 'the endpoint has {secret} and no secret_ref'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Say with secret_ref => ''env:NAME'' or ''file:/path'' where the secret is.';
	END IF;
	IF secret_ref IS NOT NULL AND NOT has_place THEN
		RAISE EXCEPTION 'the endpoint has a secret_ref and no {secret}'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Put {secret} into the URL or the header, where the secret belongs.';
	END IF;
	IF NOT coalesce(allow_literal_key, false)
		AND (chainsync._secret_in_url(url) OR coalesce(chainsync._secret_in_header(header), false)) THEN
		PERFORM chainsync._refuse_endpoint(
			'the endpoint seems to have a key written out in its URL or header',
			'Tables, dumps and the server''s log would hold it.',
			'Write {secret} in its place and say with secret_ref => ''env:NAME'' or ''file:/path'' where it is; or say allow_literal_key => true.');
	END IF;
END
$function$;
COMMENT ON FUNCTION chainsync._check_endpoint(text, text, text, boolean) IS 'Internal: an error unless the caller may have such an endpoint; nothing is quoted, as it may hold a key';

CREATE FUNCTION chainsync._check_target(target int8multirange) RETURNS int8multirange
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
	IF isempty(target) THEN
		RAISE EXCEPTION 'the blocks to sync are an empty set'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give ranges such as ''{[0,100),[18000000,)}'', in which an open end follows the head.';
	END IF;
	IF lower_inf(target) OR lower(target) < 0 THEN
		RAISE EXCEPTION 'the blocks to sync must not start below 0'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN target;
END
$function$;
COMMENT ON FUNCTION chainsync._check_target(int8multirange) IS 'Internal: the target given, or an error that says what is wrong with it';

CREATE FUNCTION chainsync._target(start_block bigint, end_block bigint, last_blocks bigint, blocks int8multirange) RETURNS int8multirange
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
	IF num_nonnulls(last_blocks, blocks) + (num_nonnulls(start_block, end_block) > 0)::integer > 1 THEN
		RAISE EXCEPTION 'start_block and end_block, last_blocks, and blocks exclude each other'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Say with one of them which blocks to sync.';
	END IF;
	IF last_blocks IS NOT NULL THEN
		IF last_blocks <= 0 THEN
			RAISE EXCEPTION 'last_blocks must be positive'
				USING ERRCODE = 'invalid_parameter_value';
		END IF;
		RETURN '{}';
	END IF;
	IF blocks IS NOT NULL THEN
		RETURN chainsync._check_target(blocks);
	END IF;
	IF start_block < 0 OR end_block < coalesce(start_block, 0) OR end_block = 9223372036854775807 THEN
		RAISE EXCEPTION 'start_block and end_block are not a range of block numbers'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('start_block is %s, end_block is %s.', coalesce(start_block::text, 'not given'), coalesce(end_block::text, 'not given'));
	END IF;
	RETURN int8multirange(int8range(coalesce(start_block, 0), end_block + 1));
END
$function$;
COMMENT ON FUNCTION chainsync._target(bigint, bigint, bigint, int8multirange) IS 'Internal: the target that add_chain''s parameters describe; empty for last_blocks, which waits for the head';

CREATE FUNCTION chainsync._check_settings(confirmations integer, poll_interval interval, commit_blocks integer, max_inflight_requests integer, batch_requests integer, verify text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
	IF confirmations < 0 THEN
		RAISE EXCEPTION 'confirmations must not be negative' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF poll_interval < interval '10 milliseconds' THEN
		RAISE EXCEPTION 'poll_interval must be at least 10 milliseconds' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF commit_blocks < 1 THEN
		RAISE EXCEPTION 'commit_blocks must be positive' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF max_inflight_requests < 1 THEN
		RAISE EXCEPTION 'max_inflight_requests must be positive' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF batch_requests < 1 THEN
		RAISE EXCEPTION 'batch_requests must be positive' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF verify NOT IN ('full', 'links', 'observe', 'off') THEN
		RAISE EXCEPTION '"%" is not a level of verification', verify
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Levels are full, links, observe and off.';
	END IF;
END
$function$;
COMMENT ON FUNCTION chainsync._check_settings(integer, interval, integer, integer, integer, text) IS 'Internal: an error that names the setting that is out of range';

CREATE FUNCTION chainsync._config_changed() RETURNS trigger
AS 'MODULE_PATHNAME', 'chainsync_config_changed'
LANGUAGE C;
COMMENT ON FUNCTION chainsync._config_changed() IS 'Internal: wakes the workers of this database once the transaction has committed';

CREATE TRIGGER config_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON chainsync.chains
	FOR EACH STATEMENT EXECUTE FUNCTION chainsync._config_changed();
COMMENT ON TRIGGER config_changed ON chainsync.chains IS 'Workers read changed rows at once';
CREATE TRIGGER config_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON chainsync.endpoints
	FOR EACH STATEMENT EXECUTE FUNCTION chainsync._config_changed();
COMMENT ON TRIGGER config_changed ON chainsync.endpoints IS 'Workers read changed rows at once';

CREATE FUNCTION chainsync._add_chain(
	name text, rpc text[], chain_id numeric, genesis bytea,
	start_block bigint, end_block bigint, last_blocks bigint,
	blocks int8multirange, schema name,
	confirmations integer, poll_interval interval, commit_blocks integer,
	max_inflight_requests integer, batch_requests integer,
	compression boolean, partition_blocks bigint,
	header text, secret_ref text, allow_literal_key boolean,
	verify text, verify_senders boolean, allow_missing_receipt_root boolean,
	OUT new_id integer, OUT new_schema name)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_variable
DECLARE
	width bigint := coalesce(partition_blocks, current_setting('chainsync.partition_blocks')::bigint);
	url text;
	place integer := 0;
BEGIN
	IF name IS NULL OR name = '' OR octet_length(name) > 63 THEN
		RAISE EXCEPTION 'a chain''s name has 1 to 63 bytes'
			USING ERRCODE = 'invalid_name';
	END IF;
	new_schema := coalesce(schema, name::name);
	IF new_schema = '' OR new_schema::text ~ '^pg_' OR new_schema IN ('information_schema', 'chainsync', 'public') THEN
		RAISE EXCEPTION 'schema "%" cannot hold a chain', new_schema
			USING ERRCODE = 'reserved_name',
				HINT = 'A chain gets a schema of its own: name it with schema => ''...''.';
	END IF;
	IF EXISTS (SELECT FROM chainsync.chains AS c WHERE c.schema_name = new_schema AND c.name <> name) THEN
		RAISE EXCEPTION 'schema "%" holds another chain', new_schema
			USING ERRCODE = 'duplicate_schema',
				HINT = 'A chain gets a schema of its own: name another one with schema => ''...''.';
	END IF;
	PERFORM chainsync._check_settings(confirmations, poll_interval, commit_blocks, max_inflight_requests, batch_requests, verify);
	IF EXISTS (SELECT FROM chainsync.chains AS c WHERE c.name = name) THEN
		RAISE EXCEPTION 'chain "%" already exists', name
			USING ERRCODE = 'duplicate_object',
				HINT = 'chainsync.alter_chain() changes it, chainsync.add_endpoint() gives it another endpoint.';
	END IF;
	IF coalesce(cardinality(rpc), 0) = 0 THEN
		RAISE EXCEPTION 'chain "%" needs an endpoint', name
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give at least one URL: rpc => ARRAY[''https://...''].';
	END IF;
	IF genesis IS NOT NULL AND octet_length(genesis) <> 32 THEN
		RAISE EXCEPTION 'genesis is a block hash of 32 bytes, not %', octet_length(genesis)
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF chain_id < 0 OR chain_id <> trunc(chain_id) THEN
		RAISE EXCEPTION 'chain_id is a natural number'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF width < 1 OR width > 1000000000000 THEN
		RAISE EXCEPTION 'partition_blocks must be between 1 and 1000000000000'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;

	INSERT INTO chainsync.chains AS c (name, schema_name, chain_id, genesis,
		target, last_blocks, confirmations, poll_interval, commit_blocks,
		max_inflight_requests, batch_requests, compression, verify,
		verify_senders, allow_missing_receipt_root, started_at)
	VALUES (name, new_schema, chain_id, genesis,
		chainsync._target(start_block, end_block, last_blocks, blocks), last_blocks,
		confirmations, poll_interval, commit_blocks, max_inflight_requests,
		batch_requests, compression, verify, verify_senders,
		coalesce(allow_missing_receipt_root, false), clock_timestamp())
	RETURNING c.id INTO new_id;

	FOREACH url IN ARRAY rpc LOOP
		PERFORM chainsync._check_url(url);
		PERFORM chainsync._check_endpoint(url, header, secret_ref, allow_literal_key);
		INSERT INTO chainsync.endpoints (chain, url, priority, header, secret_ref, by_superuser)
		VALUES (new_id, url, place, header, secret_ref, chainsync._caller_is_superuser())
		ON CONFLICT DO NOTHING;
		place := place + 1;
	END LOOP;

	INSERT INTO chainsync.chain_tables (chain, table_name, kind, block_column, partition_blocks, version)
	VALUES (new_id, 'blocks', 'blocks', 'number', width * 16, 1),
		(new_id, 'transactions', 'transactions', 'block_number', width, 1),
		(new_id, 'logs', 'logs', 'block_number', width, 1),
		(new_id, 'withdrawals', 'withdrawals', 'block_number', width * 16, 1);
	INSERT INTO chainsync.sync_state (chain) VALUES (new_id);
END
$function$;
COMMENT ON FUNCTION chainsync._add_chain(text, text[], numeric, bytea, bigint, bigint, bigint, int8multirange, name, integer, interval, integer, integer, integer, boolean, bigint, text, text, boolean, text, boolean, boolean) IS 'Internal: the rows of a new chain';

-- What users call.

CREATE FUNCTION chainsync.add_chain(
	name text,
	rpc text[],
	chain_id numeric DEFAULT NULL,
	genesis bytea DEFAULT NULL,
	start_block bigint DEFAULT NULL,
	end_block bigint DEFAULT NULL,
	last_blocks bigint DEFAULT NULL,
	blocks int8multirange DEFAULT NULL,
	schema name DEFAULT NULL,
	confirmations integer DEFAULT NULL,
	poll_interval interval DEFAULT NULL,
	commit_blocks integer DEFAULT NULL,
	max_inflight_requests integer DEFAULT NULL,
	batch_requests integer DEFAULT NULL,
	compression boolean DEFAULT NULL,
	partition_blocks bigint DEFAULT NULL,
	header text DEFAULT NULL,
	secret_ref text DEFAULT NULL,
	allow_literal_key boolean DEFAULT false,
	verify text DEFAULT NULL,
	verify_senders boolean DEFAULT NULL,
	allow_missing_receipt_root boolean DEFAULT NULL) RETURNS void
AS 'MODULE_PATHNAME', 'chainsync_add_chain'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION chainsync.add_chain(text, text[], numeric, bytea, bigint, bigint, bigint, int8multirange, name, integer, interval, integer, integer, integer, boolean, bigint, text, text, boolean, text, boolean, boolean) IS 'Adds a chain: makes its schema and tables, owned by the caller, and starts its workers. rpc: JSON-RPC URLs, the first is asked first. chain_id, genesis: what every endpoint must show; recorded from the first answer when not given. start_block, end_block (inclusive) | last_blocks | blocks: what to sync; nothing: everything from genesis, following the head. schema: default the name. header, secret_ref, allow_literal_key: of all endpoints, see add_endpoint. The others override settings for this chain';

CREATE FUNCTION chainsync.remove_chain(name text, drop_data boolean DEFAULT false) RETURNS void
AS 'MODULE_PATHNAME', 'chainsync_remove_chain'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION chainsync.remove_chain(text, boolean) IS 'Forgets a chain and ends its workers. Its tables stay, unless drop_data, which needs their owner';

CREATE FUNCTION chainsync.resync(chain text, blocks int8multirange) RETURNS bigint
AS 'MODULE_PATHNAME', 'chainsync_resync'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION chainsync.resync(text, int8multirange) IS 'Deletes the stored rows of the given blocks, in this transaction, and has them fetched again; gives the number of blocks deleted';

CREATE FUNCTION chainsync.rollback(chain text, to_block bigint) RETURNS bigint
AS 'MODULE_PATHNAME', 'chainsync_rollback'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION chainsync.rollback(text, bigint) IS 'Deletes the stored rows of all blocks above to_block, in this transaction; they are fetched again as far as the target asks for them. Gives the number of blocks deleted';

CREATE PROCEDURE chainsync.rollback_stepwise(chain text, to_block bigint, step_blocks bigint DEFAULT 10000)
LANGUAGE plpgsql
AS $procedure$
DECLARE
	top bigint;
BEGIN
	IF step_blocks < 1 THEN
		RAISE EXCEPTION 'step_blocks must be positive' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	LOOP
		top := pg_catalog.upper(chainsync.synced(chain)) OPERATOR(pg_catalog.-) 1;
		EXIT WHEN top IS NULL OR top OPERATOR(pg_catalog.<=) to_block;
		PERFORM chainsync.rollback(chain, GREATEST(to_block, top OPERATOR(pg_catalog.-) step_blocks));
		COMMIT;
	END LOOP;
END
$procedure$;
COMMENT ON PROCEDURE chainsync.rollback_stepwise(text, bigint, bigint) IS 'As rollback, from the top down in transactions of step_blocks blocks each; stop the chain first, or it fetches them again meanwhile';

CREATE FUNCTION chainsync.block_at(chain text, "time" timestamptz) RETURNS bigint
AS 'MODULE_PATHNAME', 'chainsync_block_at'
LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION chainsync.block_at(text, timestamptz) IS 'Number of the last stored block at or before a time; NULL when there is none';

CREATE FUNCTION chainsync._start(chain text, accept_reorg boolean) RETURNS void
LANGUAGE plpgsql STRICT
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	found_id integer := chainsync._chain(chain);
	obstacle record;
BEGIN
	FOR obstacle IN SELECT o.problem, o.hint FROM chainsync._obstacles(found_id) AS o ORDER BY o.problem LOOP
		RAISE WARNING '%', obstacle.problem USING HINT = obstacle.hint;
	END LOOP;
	-- a copy becomes an original
	UPDATE chainsync.sync_state AS s
	SET system_identifier = chainsync._system_identifier(), database_oid = chainsync._database_oid()
	WHERE s.chain = found_id AND chainsync._is_copy(s.system_identifier, s.database_oid);
	UPDATE chainsync.chains AS c
	SET enabled = true,
		accept_reorg = _start.accept_reorg,
		started_at = CASE WHEN c.enabled THEN c.started_at ELSE clock_timestamp() END
	WHERE c.id = found_id;
END
$function$;
COMMENT ON FUNCTION chainsync._start(text, boolean) IS 'Internal: what start does';

CREATE FUNCTION chainsync._stop(chain text) RETURNS void
LANGUAGE plpgsql STRICT
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	found_id integer := chainsync._chain(chain);
BEGIN
	UPDATE chainsync.chains AS c SET enabled = false
	WHERE c.id = found_id AND c.enabled;
END
$function$;
COMMENT ON FUNCTION chainsync._stop(text) IS 'Internal: what stop does';

CREATE FUNCTION chainsync._alter_chain(
	chain text,
	start_block bigint,
	end_block bigint,
	last_blocks bigint,
	blocks int8multirange,
	confirmations integer,
	poll_interval interval,
	commit_blocks integer,
	max_inflight_requests integer,
	batch_requests integer,
	compression boolean,
	verify text,
	verify_senders boolean,
	allow_missing_receipt_root boolean,
	reset text[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_variable
DECLARE
	found_id integer := chainsync._chain(chain);
	unknown text;
BEGIN
	SELECT item INTO unknown FROM unnest(reset) AS item
	WHERE item <> ALL (ARRAY['confirmations', 'poll_interval', 'commit_blocks', 'max_inflight_requests', 'batch_requests', 'compression', 'verify', 'verify_senders', 'allow_missing_receipt_root']);
	IF FOUND THEN
		RAISE EXCEPTION '"%" is not a setting of a chain', unknown
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Settings are confirmations, poll_interval, commit_blocks, max_inflight_requests, batch_requests, compression, verify, verify_senders and allow_missing_receipt_root.';
	END IF;
	PERFORM chainsync._check_settings(confirmations, poll_interval, commit_blocks, max_inflight_requests, batch_requests, verify);
	IF num_nonnulls(start_block, end_block, last_blocks, blocks) > 0 THEN
		UPDATE chainsync.chains AS c
		SET target = chainsync._target(start_block, end_block, last_blocks, blocks),
			last_blocks = _alter_chain.last_blocks
		WHERE c.id = found_id;
	END IF;
	UPDATE chainsync.chains AS c SET
		confirmations = coalesce(_alter_chain.confirmations, CASE WHEN 'confirmations' = ANY (reset) THEN NULL ELSE c.confirmations END),
		poll_interval = coalesce(_alter_chain.poll_interval, CASE WHEN 'poll_interval' = ANY (reset) THEN NULL ELSE c.poll_interval END),
		commit_blocks = coalesce(_alter_chain.commit_blocks, CASE WHEN 'commit_blocks' = ANY (reset) THEN NULL ELSE c.commit_blocks END),
		max_inflight_requests = coalesce(_alter_chain.max_inflight_requests, CASE WHEN 'max_inflight_requests' = ANY (reset) THEN NULL ELSE c.max_inflight_requests END),
		batch_requests = coalesce(_alter_chain.batch_requests, CASE WHEN 'batch_requests' = ANY (reset) THEN NULL ELSE c.batch_requests END),
		compression = coalesce(_alter_chain.compression, CASE WHEN 'compression' = ANY (reset) THEN NULL ELSE c.compression END),
		verify = coalesce(_alter_chain.verify, CASE WHEN 'verify' = ANY (reset) THEN NULL ELSE c.verify END),
		verify_senders = coalesce(_alter_chain.verify_senders, CASE WHEN 'verify_senders' = ANY (reset) THEN NULL ELSE c.verify_senders END),
		allow_missing_receipt_root = coalesce(_alter_chain.allow_missing_receipt_root, c.allow_missing_receipt_root AND NOT coalesce('allow_missing_receipt_root' = ANY (reset), false))
	WHERE c.id = found_id;
END
$function$;
COMMENT ON FUNCTION chainsync._alter_chain(text, bigint, bigint, bigint, int8multirange, integer, interval, integer, integer, integer, boolean, text, boolean, boolean, text[]) IS 'Internal: what alter_chain does';

CREATE FUNCTION chainsync._add_endpoint(chain text, url text, priority integer, max_concurrency integer, secret_ref text, header text, allow_literal_key boolean) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_variable
DECLARE
	found_id integer := chainsync._chain(chain);
	new_id integer;
BEGIN
	PERFORM chainsync._check_endpoint(url, header, secret_ref, allow_literal_key);
	IF EXISTS (SELECT FROM chainsync.endpoints AS e WHERE e.chain = found_id AND e.url = _add_endpoint.url) THEN
		RAISE EXCEPTION 'chain "%" has that endpoint already', chain
			USING ERRCODE = 'duplicate_object';
	END IF;
	INSERT INTO chainsync.endpoints AS e (chain, url, priority, max_concurrency, header, secret_ref, by_superuser)
	VALUES (found_id, url, coalesce(priority, 0), max_concurrency, header, secret_ref, chainsync._caller_is_superuser())
	RETURNING e.id INTO new_id;
	RETURN new_id;
END
$function$;
COMMENT ON FUNCTION chainsync._add_endpoint(text, text, integer, integer, text, text, boolean) IS 'Internal: what add_endpoint does';

CREATE FUNCTION chainsync._alter_endpoint(chain text, endpoint integer, url text, priority integer, max_concurrency integer, secret_ref text, header text, allow_literal_key boolean, reset text[]) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_variable
DECLARE
	found_id integer := chainsync._chain(chain);
	was chainsync.endpoints;
	be chainsync.endpoints;
	unknown text;
BEGIN
	SELECT item INTO unknown FROM unnest(reset) AS item
	WHERE item <> ALL (ARRAY['max_concurrency', 'secret_ref', 'header']);
	IF FOUND THEN
		RAISE EXCEPTION '"%" cannot be reset', unknown
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'What can be are max_concurrency, secret_ref and header.';
	END IF;
	SELECT * INTO was FROM chainsync.endpoints AS e
	WHERE e.chain = found_id AND e.id = endpoint FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'chain "%" has no endpoint %', chain, endpoint
			USING ERRCODE = 'undefined_object',
				HINT = 'SELECT * FROM chainsync.stat_endpoint lists the endpoints.';
	END IF;
	be := was;
	be.url := coalesce(url, was.url);
	be.priority := coalesce(priority, was.priority);
	be.max_concurrency := coalesce(max_concurrency, CASE WHEN 'max_concurrency' = ANY (reset) THEN NULL ELSE was.max_concurrency END);
	be.secret_ref := coalesce(secret_ref, CASE WHEN 'secret_ref' = ANY (reset) THEN NULL ELSE was.secret_ref END);
	be.header := coalesce(header, CASE WHEN 'header' = ANY (reset) THEN NULL ELSE was.header END);
	IF (be.url, be.header, be.secret_ref) IS DISTINCT FROM (was.url, was.header, was.secret_ref) THEN
		-- else the secret could be sent to another host
		IF was.secret_ref IS NOT NULL AND NOT chainsync._caller_is_superuser() THEN
			RAISE EXCEPTION 'only a superuser may change where a secret is sent'
				USING ERRCODE = 'insufficient_privilege',
					HINT = 'Drop the endpoint and add another one.';
		END IF;
		PERFORM chainsync._check_endpoint(be.url, be.header, be.secret_ref, allow_literal_key);
		be.by_superuser := chainsync._caller_is_superuser();
		-- its health was that of another one
		be.id := nextval('chainsync.endpoints_id_seq');
	END IF;
	UPDATE chainsync.endpoints AS e SET id = be.id, url = be.url,
		priority = be.priority, max_concurrency = be.max_concurrency,
		header = be.header, secret_ref = be.secret_ref, by_superuser = be.by_superuser
	WHERE e.id = was.id;
	RETURN be.id;
END
$function$;
COMMENT ON FUNCTION chainsync._alter_endpoint(text, integer, text, integer, integer, text, text, boolean, text[]) IS 'Internal: what alter_endpoint does';

CREATE FUNCTION chainsync._drop_endpoint(chain text, endpoint integer) RETURNS void
LANGUAGE plpgsql STRICT
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	found_id integer := chainsync._chain(chain);
BEGIN
	DELETE FROM chainsync.endpoints AS e WHERE e.chain = found_id AND e.id = endpoint;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'chain "%" has no endpoint %', chain, endpoint
			USING ERRCODE = 'undefined_object',
				HINT = 'SELECT * FROM chainsync.stat_endpoint lists the endpoints.';
	END IF;
END
$function$;
COMMENT ON FUNCTION chainsync._drop_endpoint(text, integer) IS 'Internal: what drop_endpoint does';

CREATE FUNCTION chainsync.synced(chain text) RETURNS int8multirange
LANGUAGE sql STABLE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
	SELECT s.synced + coalesce((SELECT range_agg(r.blocks) FROM chainsync.synced_ranges AS r WHERE r.chain = s.chain), '{}')
	FROM chainsync.sync_state AS s
	WHERE s.chain = chainsync._chain($1)
$function$;
COMMENT ON FUNCTION chainsync.synced(text) IS 'Block numbers of a chain whose rows are committed';

CREATE FUNCTION chainsync.gaps(chain text) RETURNS SETOF int8range
LANGUAGE sql STABLE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
	SELECT unnest(c.target * int8multirange(int8range(0, s.latest + 1)) - chainsync.synced($1))
	FROM chainsync.chains AS c JOIN chainsync.sync_state AS s ON s.chain = c.id
	WHERE c.id = chainsync._chain($1) AND s.latest IS NOT NULL
$function$;
COMMENT ON FUNCTION chainsync.gaps(text) IS 'Ranges of blocks that the target asks for, the node has and the tables have not, in order';

CREATE FUNCTION chainsync._retry_failed(chain text) RETURNS bigint
LANGUAGE plpgsql STRICT
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	found_id integer := chainsync._chain(chain);
	changed bigint;
BEGIN
	UPDATE chainsync.failed_ranges AS f SET retry_at = clock_timestamp()
	WHERE f.chain = found_id AND f.retry_at > clock_timestamp();
	GET DIAGNOSTICS changed = ROW_COUNT;
	-- wakes the workers
	UPDATE chainsync.chains AS c SET enabled = c.enabled WHERE c.id = found_id AND changed > 0;
	RETURN changed;
END
$function$;
COMMENT ON FUNCTION chainsync._retry_failed(text) IS 'Internal: what retry_failed does';

CREATE PROCEDURE chainsync.wait_for(chain text, block bigint, timeout interval DEFAULT interval '1 minute')
LANGUAGE plpgsql
AS $procedure$
DECLARE
	deadline timestamptz := pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) timeout;
BEGIN
	WHILE NOT (chainsync.synced(chain) OPERATOR(pg_catalog.@>) block) LOOP
		IF pg_catalog.clock_timestamp() OPERATOR(pg_catalog.>) deadline THEN
			RAISE EXCEPTION 'block % of chain "%" did not arrive within %', block, chain, timeout
				USING ERRCODE = 'query_canceled',
					HINT = 'SELECT * FROM chainsync.progress says what the chain waits for.';
		END IF;
		PERFORM pg_catalog.pg_sleep(0.05);
		COMMIT;
	END LOOP;
END
$procedure$;
COMMENT ON PROCEDURE chainsync.wait_for(text, bigint, interval) IS 'Waits until a block of a chain is stored; an error after timeout';
