/* chainsync: an EVM chain indexer inside PostgreSQL */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION chainsync" to load this file. \quit

-- Names are resolved against nothing but the system catalogs.
SET LOCAL search_path TO pg_catalog, pg_temp;

-- Nothing here is for PUBLIC until somebody grants it; functions see to it at
-- the end of views.sql.
REVOKE ALL ON SCHEMA chainsync FROM PUBLIC;
