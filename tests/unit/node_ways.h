#ifndef TESTS_UNIT_NODE_WAYS_H
#define TESTS_UNIT_NODE_WAYS_H

/*
 * Asks every allocator for memory of each node and of none, and checks where it lies. Each
 * node has room, or nothing at all. Between begin and end, on any CPU, one at a time.
 */
void node_ways_begin(void);
void node_ways_ask(void);
void node_ways_end(void);

#endif
