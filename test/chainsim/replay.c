/*-------------------------------------------------------------------------
 *
 * replay.c
 *	  Recorded blocks from files.
 *
 * Everything is decompressed and kept in memory: the members of the files are
 * then served byte for byte, as slices of the text.  The texts belong to the
 * chain and are never freed.
 *
 *-------------------------------------------------------------------------
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include "buf.h"
#include "replay.h"

/* A recording larger than this is a mistake. */
#define REPLAY_MAX_TEXT ((size_t) 4 << 30)

static bool
has_suffix(const char *name, const char *suffix)
{
	size_t		len = strlen(name);
	size_t		suffix_len = strlen(suffix);

	return len > suffix_len && strcmp(name + len - suffix_len, suffix) == 0;
}

/* Reads a plain or gzip file; zlib passes what is not gzip through. */
static void
read_gzip(Buf *text, const char *path)
{
	gzFile		file = gzopen(path, "rb");
	int			got;

	if (file == NULL)
		sim_fatal("could not open \"%s\": %s", path, strerror(errno));
	do
	{
		if (text->len > REPLAY_MAX_TEXT)
			sim_fatal("\"%s\" is too large", path);
		buf_reserve(text, 1 << 16);
		got = gzread(file, text->data + text->len, 1 << 16);
		if (got < 0)
			sim_fatal("could not read \"%s\": damaged gzip data", path);
		text->len += (size_t) got;
	} while (got > 0);
	gzclose(file);
}

static void
read_zstd(Buf *text, const char *path)
{
	FILE	   *file = fopen(path, "rb");
	ZSTD_DStream *stream = ZSTD_createDStream();
	char		chunk[1 << 15];
	size_t		got;
	size_t		left = 0;

	if (file == NULL)
		sim_fatal("could not open \"%s\": %s", path, strerror(errno));
	if (stream == NULL)
		sim_fatal("out of memory");
	while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0)
	{
		ZSTD_inBuffer in = {chunk, got, 0};

		while (in.pos < in.size)
		{
			ZSTD_outBuffer out;

			if (text->len > REPLAY_MAX_TEXT)
				sim_fatal("\"%s\" is too large", path);
			buf_reserve(text, 1 << 17);
			out.dst = text->data + text->len;
			out.size = 1 << 17;
			out.pos = 0;
			left = ZSTD_decompressStream(stream, &out, &in);
			if (ZSTD_isError(left))
				sim_fatal("could not read \"%s\": %s", path,
						  ZSTD_getErrorName(left));
			text->len += out.pos;
		}
	}
	if (ferror(file) || left != 0)
		sim_fatal("could not read \"%s\": it ends early", path);
	ZSTD_freeDStream(stream);
	fclose(file);
}

static void
add_record(SimChain *chain, const Slice *record, const char *path)
{
	Slice		json;
	Slice		receipts;
	SimBlock	block = {0};

	if (!slice_member(&json, record, "block") ||
		!slice_quantity(&block.number, &json, "number") ||
		!slice_hash(block.hash, &json, "hash") ||
		!slice_hash(block.parent, &json, "parentHash"))
		sim_fatal("\"%s\" holds no block with number, hash and parentHash",
				  path);
	block.json = json;
	if (slice_member(&receipts, record, "receipts") &&
		receipts.len > 0 && receipts.data[0] == '[')
		block.receipts = receipts;
	if (chain_find_hash(chain, block.hash) != CHAIN_NONE)
		return;					/* recorded twice */
	chain_append(chain, chain_add_block(chain, &block));
}

static void
load_file(SimChain *chain, const char *path)
{
	bool		lines = has_suffix(path, ".jsonl") ||
	has_suffix(path, ".jsonl.zst");
	Buf			text = {0};
	Slice		rest;
	Slice		record;

	if (has_suffix(path, ".zst"))
		read_zstd(&text, path);
	else
		read_gzip(&text, path);
	rest.data = text.data;
	rest.len = text.len;
	while (slice_value(&record, &rest))
	{
		size_t		used = (size_t) (record.data - rest.data) + record.len;

		add_record(chain, &record, path);
		rest.data += used;
		rest.len -= used;
		if (!lines)
			break;
	}
	if (rest.data == text.data)
		sim_fatal("\"%s\" holds no recorded block", path);
	for (size_t i = 0; i < rest.len; i++)
	{
		if (strchr(" \n\r\t", rest.data[i]) == NULL)
			sim_fatal("\"%s\" holds something behind its last block", path);
	}
}

void
replay_load(SimChain *chain, const char *path)
{
	struct stat info;
	DIR		   *dir;
	struct dirent *entry;

	/* while loading every block is visible */
	chain->head = UINT64_MAX;
	if (stat(path, &info) != 0)
		sim_fatal("could not read \"%s\": %s", path, strerror(errno));
	if (!S_ISDIR(info.st_mode))
	{
		load_file(chain, path);
		return;
	}
	dir = opendir(path);
	if (dir == NULL)
		sim_fatal("could not read \"%s\": %s", path, strerror(errno));
	while ((entry = readdir(dir)) != NULL)
	{
		Buf			file = {0};

		if (!has_suffix(entry->d_name, ".json") &&
			!has_suffix(entry->d_name, ".json.gz") &&
			!has_suffix(entry->d_name, ".jsonl") &&
			!has_suffix(entry->d_name, ".jsonl.zst"))
			continue;
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
		{
			if (!has_suffix(entry->d_name, ".jsonl.zst"))
				continue;		/* a manifest, a note */
		}
		buf_printf(&file, "%s/%s", path, entry->d_name);
		buf_append(&file, "", 1);
		load_file(chain, file.data);
		buf_free(&file);
	}
	closedir(dir);
}

void
replay_finish(SimChain *chain)
{
	if (chain->canonical_count == 0)
		sim_fatal("there is no block to replay");
	chain_sort(chain);
	for (size_t i = 0; i < chain->canonical_count; i++)
	{
		uint32_t	index = chain->canonical[i];

		if (i > 0 && chain->blocks[index].number ==
			chain->blocks[chain->canonical[i - 1]].number)
			sim_fatal("there are two different blocks %llu",
					  (unsigned long long) chain->blocks[index].number);
		chain_index_receipts(chain, index);
	}
	chain->head = chain_end(chain);
}
