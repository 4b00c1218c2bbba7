/* chainsync: an EVM chain indexer inside PostgreSQL */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION chainsync" to load this file. \quit

-- Names are resolved against nothing but the system catalogs.
SET LOCAL search_path TO pg_catalog, pg_temp;

-- A schema of that name that is there already must not be somebody's who
-- could put objects into it.
DO $block$
BEGIN
	IF EXISTS (
		SELECT FROM pg_catalog.pg_namespace AS n
		JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) n.nspowner
		WHERE n.nspname OPERATOR(pg_catalog.=) 'chainsync'
			AND r.rolname OPERATOR(pg_catalog.<>) current_user AND NOT r.rolsuper)
	THEN
		RAISE EXCEPTION 'schema "chainsync" belongs to another role'
			USING ERRCODE = 'duplicate_schema',
				HINT = 'Drop or rename it, or give it to a superuser once it is empty.';
	END IF;
END
$block$;

-- Nothing here is for PUBLIC until somebody grants it; functions see to it at
-- the end of views.sql.
REVOKE ALL ON SCHEMA chainsync FROM PUBLIC;
