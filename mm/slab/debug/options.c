/*
 * The words of debug=, and what they set.
 */

#include "lib/align.h"
#include "lib/string.h"
#include "mm/slab/core.h"

static const struct {
	const char *word;
	slab_flags_t flags;
} debug_words[] = {
	{ "redzone", SLAB_RED_ZONE | SLAB_STORE_USER },
	{ "poison", SLAB_POISON | SLAB_STORE_USER },
	{ "owner", SLAB_STORE_USER },
	{ "shuffle", SLAB_SHUFFLE },
	{ "quarantine", SLAB_QUARANTINE },
	{ "init", SLAB_INIT },
	{ "guard", SLAB_GUARD },
	{ "leak", SLAB_LEAK | SLAB_STORE_USER },
	{ "audit", SLAB_AUDIT },
	{ "all", SLAB_DEBUG_FLAGS & ~SLAB_INIT },
};

static size_t word_length(const char *words)
{
	size_t bytes = 0;

	while (words[bytes] && words[bytes] != ',')
		bytes++;
	return bytes;
}

static bool set_word(const char *word, size_t bytes)
{
	for (unsigned i = 0; i < ARRAY_SIZE(debug_words); i++) {
		if (strlen(debug_words[i].word) != bytes ||
		    strncmp(debug_words[i].word, word, bytes) != 0)
			continue;
		slab_system.word_flags |= debug_words[i].flags;
		return true;
	}
	return bytes == 0;
}

bool slab_set_debug(const char *words)
{
	bool is_known = true;

	slab_system.word_flags = 0;
	while (*words) {
		size_t bytes = word_length(words);

		is_known &= set_word(words, bytes);
		words += bytes + (words[bytes] == ',');
	}
	slab_system.debug_flags = slab_system.word_flags | slab_system.init_flags;
	return is_known;
}

/* What else new caches have stays as it is. */
void slab_set_init(bool on_alloc, bool on_free)
{
	slab_system.init_flags = (on_alloc ? SLAB_INIT_ON_ALLOC : 0) |
				 (on_free ? SLAB_INIT_ON_FREE : 0);
	slab_system.debug_flags &= ~SLAB_INIT;
	slab_system.debug_flags |= (slab_system.word_flags & SLAB_INIT) | slab_system.init_flags;
}

const char *slab_debug_word(unsigned i)
{
	return i < ARRAY_SIZE(debug_words) ? debug_words[i].word : NULL;
}

void slab_set_guard_interval(uint64_t nr_objects)
{
	slab_system.guard_interval = nr_objects;
}

void slab_set_seed(uint64_t seed)
{
	slab_system.seed = seed ? seed : 1;	/* xorshift stays at 0 */
}
