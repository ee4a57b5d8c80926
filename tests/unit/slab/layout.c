/*
 * How slabs are cut: by examples, against the plainest model, and that the inverse of a
 * layout tells objects from all other addresses.
 */

#include "tests/unit/slab/room.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "tests/test.h"
#include "tests/unit/slab/plain_cache.h"

/* ---- Examples ---- */

static void the_descriptor_is_placed_where_it_wastes_less(void)
{
	struct slab_layout layout;

	CHECK(slab_layout_choose(&layout, 64, 64, true));
	CHECK_EQ(layout.place, OFF_SLAB);
	CHECK_EQ(layout.nr_objects, 256);
	CHECK_EQ(layout.descriptor_bytes, 288);
	CHECK(slab_layout_choose(&layout, ON_SLAB_BYTES, 64, true));
	CHECK_EQ(layout.place, ON_SLAB);
	CHECK(slab_layout_choose(&layout, 4096, 4096, true));
	CHECK_EQ(layout.place, OFF_SLAB);
	CHECK_EQ(layout.nr_objects, 8);
}

static void small_objects_have_wide_entries(void)
{
	struct slab_layout layout;

	CHECK(slab_layout_choose(&layout, 8, 8, true));
	CHECK(layout.is_wide);
	CHECK(layout.nr_objects > MAX_U8_OBJECTS);
	CHECK(slab_layout_choose(&layout, 16, 16, true));
	CHECK(!layout.is_wide);
}

static void every_layout_fits_its_slab(void)
{
	for (uint32_t bytes = 8; bytes <= 64 * 1024; bytes += bytes < 1024 ? 8 : 1032) {
		uint32_t stride = (uint32_t)align_up(bytes, 8);
		struct slab_layout layout;
		uint64_t end;

		CHECK(slab_layout_choose(&layout, stride, 8, true));
		end = layout.objects_offset + (uint64_t)(layout.nr_colours - 1) *
			layout.colour_bytes + (uint64_t)layout.nr_objects * stride;
		CHECK(end <= PAGE_SIZE << layout.order);
		if (layout.place == ON_SLAB)
			CHECK(layout.objects_offset >= 16 + sizeof(struct slab) +
			      ((uint32_t)layout.nr_objects << layout.is_wide));
		else
			CHECK(layout.nr_objects <= MAX_U8_OBJECTS);
	}
}

static void too_large_objects_have_no_layout(void)
{
	struct slab_layout layout;

	CHECK(slab_layout_choose(&layout, (uint32_t)KMALLOC_MAX_SIZE, 4096, true));
	CHECK_EQ(layout.nr_objects, 1);
	layout = (struct slab_layout){ .nr_colours = 77 };
	CHECK(!slab_layout_choose(&layout, (uint32_t)KMALLOC_MAX_SIZE + 4096, 4096, true));
	CHECK_EQ(layout.nr_colours, 77);
}

static void illegal_strides_and_alignments_panic(void)
{
	struct slab_layout layout;

	CHECK_PANICS("is_power_of_two(align)",
		     CHECK(slab_layout_choose(&layout, 72, 24, true)));
	CHECK_PANICS("align <= PAGE_SIZE",
		     CHECK(slab_layout_choose(&layout, 8192, 8192, true)));
	CHECK_PANICS("is_aligned(stride_bytes, align)",
		     CHECK(slab_layout_choose(&layout, 100, 8, true)));
}

static void descriptors_have_the_smallest_size_that_does(void)
{
	unsigned index;

	CHECK_EQ(descriptor_bytes_for(1, &index), sizeof(struct slab) + 16);
	CHECK_EQ(index, 0);
	for (unsigned nr = 16, i = 0; i < NR_DESCRIPTOR_SIZES; nr *= 2, i++) {
		CHECK_EQ(descriptor_bytes_for(nr, &index), sizeof(struct slab) + nr);
		CHECK_EQ(index, i);
		CHECK_EQ(descriptor_bytes_for(nr - 1, &index), sizeof(struct slab) + nr);
		CHECK_EQ(index, nr == 16 ? 0 : i);
		CHECK_EQ(descriptor_bytes_for(nr / 2 + 1, &index), sizeof(struct slab) + nr);
		CHECK_EQ(index, i);
	}
}

/* ---- The model: every order, every number of objects ---- */

#define MODEL_GOOD_ORDER	3u
#define MODEL_GOOD_OBJECTS	16u

/* One way to cut a slab. */
struct plan {
	enum slab_place place;
	unsigned order, nr_objects;
	uint64_t objects_offset, descriptor_bytes, footprint, waste;
};

static uint64_t offset_on_slab(uint64_t descriptor_bytes, uint64_t align)
{
	uint64_t offset = 0;

	while (offset < SLAB_GUARD_BYTES + descriptor_bytes + SLAB_GUARD_BYTES)
		offset += align;
	return offset;
}

static uint64_t descriptor_on_slab(unsigned nr_objects)
{
	return align_up(sizeof(struct slab) + nr_objects * (nr_objects > 256 ? 2 : 1), 8);
}

static void weigh(struct plan *plan, uint64_t stride)
{
	plan->footprint = (PAGE_SIZE << plan->order) +
		(plan->place == OFF_SLAB ? plan->descriptor_bytes : 0);
	plan->waste = plan->footprint - plan->nr_objects * stride;
}

static struct plan plan_on_slab(uint64_t stride, uint64_t align, unsigned order)
{
	struct plan plan = { .place = ON_SLAB, .order = order };
	uint64_t descriptor = descriptor_on_slab(0), offset = offset_on_slab(descriptor, align);

	for (unsigned nr = 0; offset + nr * stride <= PAGE_SIZE << order; ) {
		plan.nr_objects = nr;
		plan.objects_offset = offset;
		plan.descriptor_bytes = descriptor;
		descriptor = descriptor_on_slab(++nr);
		if (offset < SLAB_GUARD_BYTES + descriptor + SLAB_GUARD_BYTES)
			offset = offset_on_slab(descriptor, align);
	}
	weigh(&plan, stride);
	return plan;
}

static struct plan plan_off_slab(uint64_t stride, unsigned order)
{
	struct plan plan = { .place = OFF_SLAB, .order = order };
	uint64_t nr_entries = 16;

	while (plan.nr_objects < 256 && (plan.nr_objects + 1) * stride <= PAGE_SIZE << order)
		plan.nr_objects++;
	while (nr_entries < plan.nr_objects)
		nr_entries *= 2;
	plan.descriptor_bytes = sizeof(struct slab) + nr_entries;
	weigh(&plan, stride);
	return plan;
}

/* Which share of waste is smaller: below 0 when that of @a is, 0 when they are equal. */
static int compare_waste(const struct plan *a, uint64_t times, const struct plan *b,
			 uint64_t by)
{
	uint64_t left = a->waste * b->footprint * times;
	uint64_t right = b->waste * a->footprint * by;

	return left < right ? -1 : left > right;
}

static struct plan plan_of_order(uint64_t stride, uint64_t align, unsigned order,
				 bool allow_off_slab)
{
	struct plan on = plan_on_slab(stride, align, order);
	struct plan off = plan_off_slab(stride, order);

	return allow_off_slab && compare_waste(&off, 1, &on, 1) < 0 ? off : on;
}

static bool is_good(const struct plan *plan)
{
	return plan->nr_objects >= MODEL_GOOD_OBJECTS && plan->waste <= plan->footprint / 64;
}

/* The lowest order that is good; else the lowest that no higher one is so much better than. */
static bool choose(struct plan *best, uint64_t stride, uint64_t align, bool allow_off_slab)
{
	bool is_found = false;

	for (unsigned order = 0; order <= MODEL_GOOD_ORDER; order++) {
		*best = plan_of_order(stride, align, order, allow_off_slab);
		if (is_good(best))
			return true;
	}
	for (unsigned order = 0; order <= MAX_ORDER; order++) {
		struct plan plan = plan_of_order(stride, align, order, allow_off_slab);
		bool is_few = is_found && best->nr_objects < MODEL_GOOD_OBJECTS;

		if (plan.nr_objects == 0)
			continue;
		if (is_found && order > MODEL_GOOD_ORDER)
			break;
		if (is_found && is_few && compare_waste(best, 1, &plan, 1) < 0)
			continue;
		if (is_found && !is_few && compare_waste(&plan, 6, best, 5) >= 0)
			continue;
		*best = plan;
		is_found = true;
	}
	return is_found;
}

static void check_colours(const struct slab_layout *layout, uint32_t align)
{
	uint64_t step = align > CACHE_LINE_BYTES ? align : CACHE_LINE_BYTES;
	uint64_t end = layout->objects_offset +
		(uint64_t)layout->nr_objects * layout->stride_bytes;
	unsigned nr_colours = 0;

	for (; end <= PAGE_SIZE << layout->order; end += step)
		nr_colours++;
	CHECK_EQ(layout->colour_bytes, step);
	CHECK_EQ(layout->nr_colours, nr_colours);
}

static void check_against_model(uint32_t stride, uint32_t align, bool allow_off_slab)
{
	struct slab_layout layout;
	struct plan plan;

	CHECK_EQ(slab_layout_choose(&layout, stride, align, allow_off_slab), true);
	CHECK(choose(&plan, stride, align, allow_off_slab));
	if (layout.order != plan.order || layout.place != plan.place ||
	    layout.nr_objects != plan.nr_objects) {
		test_fail(__FILE__, __LINE__, "stride %u align %u: order %u, %u objects, "
			  "expected %u, %u", stride, align, layout.order, layout.nr_objects,
			  plan.order, plan.nr_objects);
		return;
	}
	CHECK_EQ(layout.stride_bytes, stride);
	CHECK_EQ(layout.objects_offset, plan.objects_offset);
	CHECK_EQ(layout.descriptor_bytes, plan.descriptor_bytes);
	CHECK_EQ(layout.is_wide, plan.place == ON_SLAB && plan.nr_objects > 256);
	CHECK_EQ(slab_layout_waste(&layout), plan.waste);
	check_colours(&layout, align);
}

static void layouts_are_those_of_the_model(void)
{
	static const uint32_t aligns[] = { 8, 64, 256, (uint32_t)PAGE_SIZE };

	for (unsigned i = 0; i < ARRAY_SIZE(aligns); i++) {
		const uint32_t align = aligns[i];

		for (uint32_t stride = align; stride <= 1u << 20;
		     stride += (uint32_t)align_up(stride / 256 + 1, align)) {
			check_against_model(stride, align, true);
			check_against_model(stride, align, false);
		}
	}
}

/* ---- Addresses ---- */

/* Every offset around a slab, against division. */
static void check_offsets(uint32_t stride)
{
	struct slab slab = { .objects = (uint8_t *)(uintptr_t)0xffff888012340040ull };
	struct kmem_cache cache;
	uint64_t end;

	memset(&cache, 0, sizeof(cache));
	CHECK(slab_layout_choose(&cache.layout, stride, 8, true));
	cache.inverse = slab_layout_inverse(&cache.layout);
	cache.nr_objects = cache.layout.nr_objects;
	end = (uint64_t)cache.layout.nr_objects * stride;
	for (int64_t offset = -4096; offset < (int64_t)end + 4096; offset++) {
		bool is_object = offset >= 0 && (uint64_t)offset < end && offset % stride == 0;
		uint64_t at = slab_index(&cache, &slab, slab.objects + offset);

		if (is_object != (at < cache.nr_objects)) {
			test_fail(__FILE__, __LINE__, "stride %u, offset %lld", stride,
				  (long long)offset);
			return;
		}
		if (is_object)
			CHECK_EQ(at, (uint64_t)offset / stride);
	}
}

static void one_multiplication_tells_objects_from_all_other_addresses(void)
{
	static const uint32_t strides[] = { 8, 16, 24, 48, 64, 72, 96, 184, 192, 320, 1000, 1024,
					    2560, 3584, 4104, 7168, 8192 };

	for (unsigned i = 0; i < ARRAY_SIZE(strides); i++)
		check_offsets(strides[i]);
}

static const struct test_case cases[] = {
	{ "the descriptor is placed where it wastes less",
	  the_descriptor_is_placed_where_it_wastes_less },
	{ "small objects have wide entries", small_objects_have_wide_entries },
	{ "every layout fits its slab", every_layout_fits_its_slab },
	{ "too large objects have no layout", too_large_objects_have_no_layout },
	{ "illegal strides and alignments panic", illegal_strides_and_alignments_panic },
	{ "descriptors have the smallest size that does",
	  descriptors_have_the_smallest_size_that_does },
	{ "layouts are those of the model", layouts_are_those_of_the_model },
	{ "one multiplication tells objects from all other addresses",
	  one_multiplication_tells_objects_from_all_other_addresses },
};

TEST_SUITE(slab_layout, cases);
