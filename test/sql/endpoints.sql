-- Endpoints: keys, headers, and who may have which.
\set SHOW_CONTEXT never
CREATE EXTENSION chainsync;
SET client_min_messages = error;
SELECT chainsync.add_chain('c', ARRAY['http://127.0.0.1:1/']);
SELECT chainsync.stop('c');

-- what seems to be a key
CREATE TABLE urls (id int GENERATED ALWAYS AS IDENTITY, url text);
INSERT INTO urls (url) VALUES
	('https://node.example'), ('https://node.example:8545/'), ('https://node.example/eth/mainnet'),
	('https://ethereum-rpc.publicnode.com'), ('https://1rpc.io/eth'), ('http://10.0.0.1:8545/?chain=mainnet'),
	('https://node.example/v2/{secret}'), ('https://node.example/?apikey={secret}'), ('https://{secret}.node.example/'),
	('https://node.example/v2/0123456789abcdef0123456789abcdef'), ('https://node.example/?apikey=abc'),
	('https://user:password@node.example/'), ('https://node.example/?x=0123456789abcdef'),
	('https://node.example/?0123456789abcdef'), ('https://a1b2c3d4e5f6a7b8c9.node.example/'),
	('https://node.example/{secret}?token=abc');
SELECT url, chainsync._secret_in_url(url) AS literal FROM urls ORDER BY id;
SELECT h, chainsync._secret_in_header(h) AS literal FROM unnest(ARRAY[
	'Authorization: Bearer {secret}', 'X-Client: chainsync', 'Authorization: Bearer abc',
	'X-Api-Key: abc', 'X-Whatever: 0123456789abcdef']) AS h;

-- it is refused, unless
SELECT chainsync.add_endpoint('c', 'https://node.example/v2/0123456789abcdef0123456789abcdef');
SELECT chainsync.add_endpoint('c', 'https://node.example', header => 'X-Api-Key: abc');
SELECT chainsync.add_chain('d', ARRAY['https://node.example/?apikey=abc']);
SELECT chainsync.add_endpoint('c', 'https://node.example/?apikey=abc', allow_literal_key => true) > 0 AS added;

-- templates
SELECT chainsync.add_endpoint('c', 'https://node.example/{secret}');
SELECT chainsync.add_endpoint('c', 'https://node.example/', secret_ref => 'env:NODE_KEY');
SELECT chainsync.add_endpoint('c', 'https://node.example/{secret}', secret_ref => 'NODE_KEY');
SELECT chainsync.add_endpoint('c', 'https://node.example/{secret}', secret_ref => 'env:NODE KEY');
SELECT chainsync.add_endpoint('c', 'https://node.example/{secret}', secret_ref => 'file:relative');
SELECT chainsync.add_endpoint('c', 'https://node.example/{secret}', secret_ref => 'env:NODE_KEY') > 0 AS added;
SELECT chainsync.add_endpoint('c', 'https://second.example/', header => 'Authorization: Bearer {secret}', secret_ref => 'file:/etc/node.key') > 0 AS added;
SELECT chainsync.add_chain('e', ARRAY['https://node.example/{secret}', 'https://other.example/{secret}'], secret_ref => 'env:NODE_KEY');
SELECT chainsync.stop('e');

-- headers
SELECT chainsync.add_endpoint('c', 'https://third.example/', header => 'Host: other.example');
SELECT chainsync.add_endpoint('c', 'https://third.example/', header => 'Content-Length: 5');
SELECT chainsync.add_endpoint('c', 'https://third.example/', header => E'X-Client: a\r\nX-Other: b');
SELECT chainsync.add_endpoint('c', 'https://third.example/', header => 'no header');

SELECT c.name, e.url, e.header, e.secret_ref, e.by_superuser
FROM chainsync.endpoints AS e JOIN chainsync.chains AS c ON c.id = e.chain ORDER BY e.id;
SELECT chain, url FROM chainsync.stat_endpoint ORDER BY endpoint;

-- changing one
CREATE FUNCTION pg_temp.id(place text) RETURNS integer LANGUAGE sql AS 'SELECT id FROM chainsync.endpoints WHERE url LIKE place AND chain = 1';
SELECT chainsync.alter_endpoint('c', pg_temp.id('%/{secret}'), priority => 4, max_concurrency => 2) = pg_temp.id('%/{secret}') AS same;
SELECT chainsync.alter_endpoint('c', pg_temp.id('%/{secret}'), reset => '{max_concurrency}') = pg_temp.id('%/{secret}') AS same;
SELECT chainsync.alter_endpoint('c', pg_temp.id('%/{secret}'), reset => '{secret_ref}');
SELECT chainsync.alter_endpoint('c', pg_temp.id('%/{secret}'), reset => '{url}');
SELECT chainsync.alter_endpoint('c', pg_temp.id('%/{secret}'), url => 'https://fourth.example/', reset => '{secret_ref}') IS NOT NULL AS changed;
SELECT chainsync.alter_endpoint('c', -1, priority => 1);
SELECT chainsync.alter_endpoint('nobody', 1, priority => 1);
SELECT url, priority, max_concurrency, header, secret_ref FROM chainsync.endpoints WHERE chain = 1 ORDER BY url;

-- somebody who is no superuser
CREATE ROLE regress_chainsync_admin;
SELECT chainsync.grant('regress_chainsync_admin', 'admin');
SET ROLE regress_chainsync_admin;
SELECT chainsync.add_endpoint('c', 'https://fifth.example/{secret}', secret_ref => 'env:HOME');
SELECT chainsync.add_endpoint('c', 'https://fifth.example/{secret}', secret_ref => 'file:/etc/passwd');
SELECT chainsync.alter_endpoint('c', (SELECT endpoint FROM chainsync.stat_endpoint WHERE url LIKE 'https://second%'), url => 'https://evil.example/');
SELECT chainsync.alter_endpoint('c', (SELECT endpoint FROM chainsync.stat_endpoint WHERE url LIKE 'https://second%'), header => 'X-Leak: {secret}');
SELECT chainsync.alter_endpoint('c', (SELECT endpoint FROM chainsync.stat_endpoint WHERE url LIKE 'https://second%'), reset => '{secret_ref,header}');
SELECT chainsync.alter_endpoint('c', (SELECT endpoint FROM chainsync.stat_endpoint WHERE url LIKE 'https://second%'), priority => 9) > 0 AS changed;
-- a superuser's endpoint is not that any more when another gives it a URL
SELECT chainsync.alter_endpoint('c', (SELECT endpoint FROM chainsync.stat_endpoint WHERE url LIKE 'https://fourth%'), url => 'https://sixth.example/') > 0 AS changed;
RESET ROLE;
SELECT url, priority, secret_ref, by_superuser FROM chainsync.endpoints WHERE chain = 1 ORDER BY url;

SELECT chainsync.revoke('regress_chainsync_admin');
DROP EXTENSION chainsync;
DROP SCHEMA c, e CASCADE;
DROP TABLE urls;
DROP ROLE regress_chainsync_admin;
