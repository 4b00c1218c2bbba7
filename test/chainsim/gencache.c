/*-------------------------------------------------------------------------
 *
 * gencache.c
 *	  The generated chain in files, made once and mapped into memory.
 *
 * blocks.dat and receipts.dat are the JSON texts one after the other,
 * index.dat says where they begin and for which parameters they were made.
 * The files are written under other names and renamed, index.dat last, so
 * that a folder with a fitting index is complete; a lock file keeps two
 * processes from making them at once.  A process that has the old files
 * mapped keeps them.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gen.h"

#define CACHE_MAGIC		UINT64_C(0x314d4953434e4941)

/* To be raised whenever the same parameters give another chain. */
#define CACHE_VERSION	1

#define PIPELINE_SLOTS	16

typedef struct CacheHeader
{
	uint64_t	magic;
	uint64_t	version;
	GenParams	params;
	uint64_t	tx_count;
	uint64_t	blocks_len;
	uint64_t	receipts_len;
} CacheHeader;

typedef struct CachedBlock
{
	uint8_t		hash[32];
	uint8_t		parent[32];
	uint64_t	next_tx;
	uint64_t	json_offset;
	uint64_t	json_len;
	uint64_t	receipts_offset;
	uint64_t	receipts_len;
} CachedBlock;

/* Where the files are. */
typedef struct Cache
{
	char	   *dir;
	CacheHeader header;
	FILE	   *blocks;
	FILE	   *receipts;
	CachedBlock *index;
	SimTx	   *txs;
	size_t		tx_cap;
} Cache;

/*
 * Signing goes ahead of the rest: each slot holds one block's transactions,
 * block n in slot n % PIPELINE_SLOTS.
 */
typedef struct Pipeline
{
	pthread_mutex_t lock;
	pthread_cond_t changed;
	const Generator *generator;
	GenBody		slots[PIPELINE_SLOTS];
	bool		ready[PIPELINE_SLOTS];
	uint64_t	next;			/* block to be taken by a thread */
	uint64_t	next_tx;		/* its first transaction */
	uint64_t	finished;		/* blocks that are done with */
} Pipeline;

static char *
cache_path(const Cache *cache, const char *name)
{
	Buf			path = {0};

	buf_printf(&path, "%s/%s", cache->dir, name);
	buf_append(&path, "", 1);
	return path.data;
}

static FILE *
cache_create(const Cache *cache, const char *name)
{
	char	   *path = cache_path(cache, name);
	FILE	   *file = fopen(path, "wb");

	if (file == NULL)
		sim_fatal("could not create \"%s\": %s", path, strerror(errno));
	setvbuf(file, NULL, _IOFBF, 1 << 20);
	free(path);
	return file;
}

static void
cache_write(FILE *file, const void *data, size_t len)
{
	if (len > 0 && fwrite(data, 1, len, file) != len)
		sim_fatal("could not write the generated chain: %s", strerror(errno));
}

static void
cache_commit(const Cache *cache, FILE *file, const char *from, const char *to)
{
	char	   *old = cache_path(cache, from);
	char	   *new = cache_path(cache, to);

	if (fflush(file) != 0 || fclose(file) != 0 || rename(old, new) != 0)
		sim_fatal("could not write \"%s\": %s", new, strerror(errno));
	free(old);
	free(new);
}

static void *
sign_main(void *arg)
{
	Pipeline   *pipeline = arg;
	const Generator *generator = pipeline->generator;

	pthread_mutex_lock(&pipeline->lock);
	while (pipeline->next < generator->params.blocks)
	{
		GenBody    *body = &pipeline->slots[pipeline->next % PIPELINE_SLOTS];

		if (pipeline->next >= pipeline->finished + PIPELINE_SLOTS)
		{
			pthread_cond_wait(&pipeline->changed, &pipeline->lock);
			continue;
		}
		body->number = pipeline->next++;
		body->branch = 0;
		body->first_tx = pipeline->next_tx;
		pipeline->next_tx += gen_tx_count(generator, body->number, 0);
		pthread_mutex_unlock(&pipeline->lock);
		gen_body(body, generator);
		pthread_mutex_lock(&pipeline->lock);
		pipeline->ready[body->number % PIPELINE_SLOTS] = true;
		pthread_cond_broadcast(&pipeline->changed);
	}
	pthread_mutex_unlock(&pipeline->lock);
	return NULL;
}

static GenBody *
wait_for_body(Pipeline *pipeline, uint64_t number)
{
	size_t		slot = number % PIPELINE_SLOTS;

	pthread_mutex_lock(&pipeline->lock);
	while (!pipeline->ready[slot])
		pthread_cond_wait(&pipeline->changed, &pipeline->lock);
	pthread_mutex_unlock(&pipeline->lock);
	return &pipeline->slots[slot];
}

static void
release_body(Pipeline *pipeline, uint64_t number)
{
	pthread_mutex_lock(&pipeline->lock);
	pipeline->ready[number % PIPELINE_SLOTS] = false;
	pipeline->finished = number + 1;
	pthread_cond_broadcast(&pipeline->changed);
	pthread_mutex_unlock(&pipeline->lock);
}

static void
cache_add(Cache *cache, const GenBlock *made)
{
	CachedBlock *block = &cache->index[made->head.number];
	CacheHeader *header = &cache->header;

	memcpy(block->hash, made->head.hash, 32);
	memcpy(block->parent, made->parent_hash, 32);
	block->next_tx = made->head.next_tx;
	block->json_offset = header->blocks_len;
	block->json_len = made->json.len;
	block->receipts_offset = header->receipts_len;
	block->receipts_len = made->receipts.len;
	cache_write(cache->blocks, made->json.data, made->json.len);
	cache_write(cache->receipts, made->receipts.data, made->receipts.len);
	header->blocks_len += made->json.len;
	header->receipts_len += made->receipts.len;
	while (header->tx_count + made->tx_count > cache->tx_cap)
	{
		cache->tx_cap = cache->tx_cap > 0 ? cache->tx_cap * 2 : 4096;
		cache->txs = sim_realloc(cache->txs, cache->tx_cap * sizeof(SimTx));
	}
	for (uint32_t i = 0; i < made->tx_count; i++)
	{
		SimTx	   *tx = &cache->txs[header->tx_count++];

		*tx = made->txs[i];
		tx->block = (uint32_t) made->head.number;
	}
}

/* Makes all blocks and adds them to the files. */
static void
make_blocks(Cache *cache, const Generator *generator, unsigned threads,
			bool quiet)
{
	Pipeline   *pipeline = sim_alloc(sizeof(Pipeline));
	pthread_t  *signers = sim_alloc(threads * sizeof(pthread_t));
	BloomMemo  *memo = sim_alloc(sizeof(BloomMemo));
	GenBlock	made = {0};
	GenParent	parent;

	bloom_memo_init(memo);
	pipeline->generator = generator;
	pthread_mutex_init(&pipeline->lock, NULL);
	pthread_cond_init(&pipeline->changed, NULL);
	for (int i = 0; i < PIPELINE_SLOTS; i++)
		arena_init(&pipeline->slots[i].arena, 0);
	for (unsigned i = 0; i < threads; i++)
	{
		if (pthread_create(&signers[i], NULL, sign_main, pipeline) != 0)
			sim_fatal("could not start a thread");
	}
	for (uint64_t n = 0; n < generator->params.blocks; n++)
	{
		gen_finish(&made, generator, n > 0 ? &parent : NULL,
				   wait_for_body(pipeline, n), memo);
		release_body(pipeline, n);
		cache_add(cache, &made);
		parent = made.head;
		if (!quiet && n % 500 == 499)
			fprintf(stderr, "chainsim: generated %llu of %llu blocks\n",
					(unsigned long long) n + 1,
					(unsigned long long) generator->params.blocks);
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(signers[i], NULL);
	for (int i = 0; i < PIPELINE_SLOTS; i++)
		arena_destroy(&pipeline->slots[i].arena);
	buf_free(&made.json);
	buf_free(&made.receipts);
	free(made.txs);
	free(memo);
	free(signers);
	free(pipeline);
}

static void
generate_files(Cache *cache, const Generator *generator, unsigned threads,
			   bool quiet)
{
	FILE	   *index;

	cache->header.tx_count = 0;
	cache->header.blocks_len = 0;
	cache->header.receipts_len = 0;
	cache->index = sim_alloc(generator->params.blocks * sizeof(CachedBlock));
	cache->blocks = cache_create(cache, "blocks.new");
	cache->receipts = cache_create(cache, "receipts.new");
	index = cache_create(cache, "index.new");
	make_blocks(cache, generator, threads, quiet);
	cache_write(index, &cache->header, sizeof(CacheHeader));
	cache_write(index, cache->index,
				generator->params.blocks * sizeof(CachedBlock));
	cache_write(index, cache->txs, cache->header.tx_count * sizeof(SimTx));
	cache_commit(cache, cache->blocks, "blocks.new", "blocks.dat");
	cache_commit(cache, cache->receipts, "receipts.new", "receipts.dat");
	cache_commit(cache, index, "index.new", "index.dat");
	free(cache->index);
	free(cache->txs);
	cache->index = NULL;
	cache->txs = NULL;
}

/* Maps a whole file; NULL when it is missing or not of that length. */
static const char *
map_file(const Cache *cache, const char *name, uint64_t len)
{
	char	   *path = cache_path(cache, name);
	int			fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat info;
	void	   *map = MAP_FAILED;

	free(path);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &info) == 0 && (uint64_t) info.st_size == len && len > 0)
		map = mmap(NULL, (size_t) len, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	return map == MAP_FAILED ? NULL : map;
}

/* Reads the index's beginning; true when it fits these parameters. */
static bool
read_header(Cache *cache, const CacheHeader *wanted)
{
	char	   *path = cache_path(cache, "index.dat");
	FILE	   *file = fopen(path, "rb");
	bool		ok;

	free(path);
	if (file == NULL)
		return false;
	ok = fread(&cache->header, sizeof(CacheHeader), 1, file) == 1 &&
		cache->header.magic == wanted->magic &&
		cache->header.version == wanted->version &&
		memcmp(&cache->header.params, &wanted->params,
			   sizeof(GenParams)) == 0;
	fclose(file);
	return ok;
}

static void
add_blocks(SimChain *chain, const Cache *cache, const char *index,
		   const char *blocks, const char *receipts)
{
	const CacheHeader *header = &cache->header;
	const CachedBlock *cached =
	(const CachedBlock *) (index + sizeof(CacheHeader));
	const SimTx *txs = (const SimTx *) (cached + header->params.blocks);

	for (uint64_t n = 0; n < header->params.blocks; n++)
	{
		SimBlock	block = {0};

		if (cached[n].json_offset + cached[n].json_len > header->blocks_len ||
			cached[n].receipts_offset + cached[n].receipts_len >
			header->receipts_len)
			sim_fatal("the cached chain in \"%s\" is damaged", cache->dir);
		block.number = n;
		block.next_tx = cached[n].next_tx;
		memcpy(block.hash, cached[n].hash, 32);
		memcpy(block.parent, cached[n].parent, 32);
		block.json.data = blocks + cached[n].json_offset;
		block.json.len = cached[n].json_len;
		block.receipts.data = receipts + cached[n].receipts_offset;
		block.receipts.len = cached[n].receipts_len;
		chain_append(chain, chain_add_block(chain, &block));
	}
	for (uint64_t i = 0; i < header->tx_count; i++)
	{
		if (txs[i].block >= header->params.blocks ||
			(uint64_t) txs[i].offset + txs[i].len >
			cached[txs[i].block].receipts_len)
			sim_fatal("the cached chain in \"%s\" is damaged", cache->dir);
		chain_add_tx(chain, &txs[i]);
	}
	chain->head = chain_end(chain);
}

/* Maps the files and fills the chain; false when they do not fit. */
static bool
load_files(SimChain *chain, Cache *cache, const CacheHeader *wanted)
{
	const char *index;
	const char *blocks;
	const char *receipts;
	uint64_t	index_len;

	if (!read_header(cache, wanted))
		return false;
	index_len = sizeof(CacheHeader) +
		cache->header.params.blocks * sizeof(CachedBlock) +
		cache->header.tx_count * sizeof(SimTx);
	index = map_file(cache, "index.dat", index_len);
	blocks = map_file(cache, "blocks.dat", cache->header.blocks_len);
	receipts = map_file(cache, "receipts.dat", cache->header.receipts_len);
	if (index != NULL && blocks != NULL && receipts != NULL)
	{
		add_blocks(chain, cache, index, blocks, receipts);
		return true;
	}
	return false;
}

static void
remove_files(const Cache *cache)
{
	static const char *const names[] = {
		"blocks.dat", "receipts.dat", "index.dat", "lock"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		char	   *path = cache_path(cache, names[i]);

		unlink(path);
		free(path);
	}
	rmdir(cache->dir);
}

/* A folder of this process only. */
static char *
temporary_dir(void)
{
	const char *base = getenv("TMPDIR");
	Buf			path = {0};

	buf_printf(&path, "%s/chainsim.XXXXXX",
			   base != NULL && *base != '\0' ? base : "/tmp");
	buf_append(&path, "", 1);
	if (mkdtemp(path.data) == NULL)
		sim_fatal("could not create \"%s\": %s", path.data, strerror(errno));
	return path.data;
}

void
gen_load(SimChain *chain, const Generator *generator, const char *dir,
		 unsigned threads, bool quiet)
{
	Cache		cache = {0};
	CacheHeader wanted = {.magic = CACHE_MAGIC,.version = CACHE_VERSION,
	.params = generator->params};
	char	   *lock_path;
	int			lock;

	if (dir == NULL)
		cache.dir = temporary_dir();
	else
	{
		cache.dir = sim_strndup(dir, strlen(dir));
		if (mkdir(dir, 0777) != 0 && errno != EEXIST)
			sim_fatal("could not create \"%s\": %s", dir, strerror(errno));
	}
	lock_path = cache_path(&cache, "lock");
	lock = open(lock_path, O_CREAT | O_RDWR | O_CLOEXEC, 0666);
	if (lock < 0 || flock(lock, LOCK_EX) != 0)
		sim_fatal("could not lock \"%s\": %s", lock_path, strerror(errno));
	if (!load_files(chain, &cache, &wanted))
	{
		cache.header = wanted;
		generate_files(&cache, generator, threads, quiet);
		if (!load_files(chain, &cache, &wanted))
			sim_fatal("could not read the generated chain in \"%s\"",
					  cache.dir);
	}
	if (dir == NULL)
		remove_files(&cache);
	close(lock);
	free(lock_path);
	free(cache.dir);
}
