/*
 * Taking from below (mm/page/page_stack.c): every order of the steps of a stack's owner
 * and of somebody who takes its oldest blocks.
 *
 * Model
 *   One stack of five pages, of which one use may pop two (there 64). The owner makes a few
 *   uses, each pops or pushes one or two pages. Its stores wait in a buffer, in order, as
 *   those of an x86 CPU do; who takes stores at once, since it does so by locked
 *   instructions. The barrier of all CPUs empties the owner's buffer at whatever
 *   instruction it is. Refill and drain need the lock, which is held: they are left out.
 *
 * Claims
 *   - no page is popped or taken that is not at rest
 *   - at the end the stack holds exactly the pages that are at rest, once each, above its mark
 *
 * Seeded errors, each of which the search must find
 *   seed: NO_MARK         slots[k] is left as it is, and not looked at again
 *   seed: NO_BARRIER      the stores of other CPUs may still wait
 *   seed: NO_TOP_CHECK    the owner may be close
 *   seed: NO_MARK_CHECK   the owner may have been below, and have come up again
 *   seed: NEVER_TAKES     a claim that nothing is ever taken: it is, or this would prove nothing
 */

#define NR_PAGES	5
#define MAX_POPS	2
#define NR_USES		4
#define MARK		0	/* no page's number */
#define TOP		15	/* the place of top, beside those of slots */
#define BUFFER		6	/* stores that may wait */

#define RESTS		0
#define OWNED		1
#define TAKEN		2

byte slots[NR_PAGES + 1] = { MARK, 1, 2, 3, 4, 5 };
byte top = NR_PAGES, bottom;
byte state[NR_PAGES + 1];	/* the truth, which nobody reads but the claims */

byte waiting_place[BUFFER], waiting_value[BUFFER];
byte nr_waiting;
bool is_owner_done, is_taker_done;

/* The oldest store that waits reaches memory. */
inline store_oldest()
{
	if
	:: waiting_place[0] == TOP -> top = waiting_value[0]
	:: else -> slots[waiting_place[0]] = waiting_value[0]
	fi;
	nr_waiting--;
	for (i : 0 .. BUFFER - 2) {
		waiting_place[i] = waiting_place[i + 1];
		waiting_value[i] = waiting_value[i + 1]
	}
	waiting_place[BUFFER - 1] = 0;
	waiting_value[BUFFER - 1] = 0;
	i = 0
}

inline store(place, value)
{
	atomic {
		nr_waiting < BUFFER ->
		waiting_place[nr_waiting] = place;
		waiting_value[nr_waiting] = value;
		nr_waiting++
	}
}

/* What the owner sees: its own newest store, or memory. */
inline load(place, value)
{
	d_step {
		value = slots[place];
		for (i : 0 .. BUFFER - 1) {
			if
			:: i < nr_waiting && waiting_place[i] == place -> value = waiting_value[i]
			:: else
			fi
		}
		i = 0
	}
}

active proctype buffer()
{
	byte i;

	do
	:: atomic { nr_waiting > 0 -> store_oldest() }
	:: atomic { is_owner_done && nr_waiting == 0 -> break }
	od
}

active proctype owner()
{
	byte i, at, page, nr, nr_uses, nr_held;
	byte held[NR_PAGES + 1];
	bool is_pop;

	at = NR_PAGES;		/* it alone stores top */
	do
	:: nr_uses < NR_USES ->
		nr_uses++;
		if
		:: is_pop = true
		:: nr_held > 0 -> is_pop = false
		fi;
		select (nr : 1 .. MAX_POPS);
		do
		:: nr > 0 && is_pop ->
			load(at, page);
			atomic {
				if
				:: page == MARK -> break
				:: else
				fi;
				assert(state[page] == RESTS);
				state[page] = OWNED;
				held[nr_held] = page;
				nr_held++;
				at--;
				nr--
			}
		:: nr > 0 && !is_pop && nr_held > 0 ->
			atomic {
				nr_held--;
				page = held[nr_held];
				held[nr_held] = 0;
				state[page] = RESTS;
				at++;
				nr--
			}
			store(at, page)
		:: else -> break
		od;
		store(TOP, at);
		nr = 0;
		page = 0
	:: break
	od;
	is_owner_done = true
}

inline take(number)
{
	assert(state[number] == RESTS);
	state[number] = TAKEN
}

active proctype taker()
{
	byte i, k, marked, seen;

	k = top;
	if
	:: k <= MAX_POPS -> goto done
	:: else -> k = k - MAX_POPS
	fi;
	atomic {
		marked = slots[k];
#ifndef NO_MARK
		slots[k] = MARK
#endif
	}
#ifndef NO_BARRIER
	atomic {
		do
		:: nr_waiting > 0 -> store_oldest()
		:: else -> break
		od
	}
#endif
	seen = top;
	if
#ifndef NO_TOP_CHECK
	:: seen < k + MAX_POPS -> goto give_up
#endif
	:: else
	fi;
#if !defined(NO_MARK) && !defined(NO_MARK_CHECK)
	if
	:: slots[k] != MARK -> goto give_up
	:: else
	fi;
#endif
#ifdef NEVER_TAKES
	assert(false);
#endif
	for (i : 1 .. k - 1) {
		take(slots[i])
	}
	take(marked);
	bottom = k;
	goto done;
give_up:
	atomic {
		if
		:: slots[k] == MARK -> slots[k] = marked
		:: else
		fi
	}
done:
	is_taker_done = true
}

/* When all is done: what the stack holds. */
active proctype judge()
{
	byte i, nr_at_rest;

	d_step {
		is_owner_done && is_taker_done && nr_waiting == 0 ->
		for (i : 1 .. NR_PAGES) {
			nr_at_rest = nr_at_rest + (state[i] == RESTS)
		}
	}
	assert(slots[bottom] == MARK);
	assert(nr_at_rest == top - bottom);
	i = bottom + 1;
	do
	:: i <= top ->
		assert(slots[i] != MARK);
		assert(state[slots[i]] == RESTS);
		state[slots[i]] = TAKEN;	/* once only */
		i++
	:: else -> break
	od
}
