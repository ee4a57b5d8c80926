"""tests/replay.py: a topology that is wrong in any one way is refused."""

import copy
import json
import pathlib
import unittest
import unittest.mock

import fakes
import replay

MIB = 1 << 20
GOT = {
    "fatal": None, "messages": ["one"],
    "usable": [[MIB, 4 * MIB], [5 * MIB, 9 * MIB]],
    "nodes": [{"pxm": 2, "mem": [[MIB, 4 * MIB]], "cpus": [0, 1]},
              {"pxm": 5, "mem": [[5 * MIB, 9 * MIB]], "cpus": [4]}],
    "distance": [[10, 20], [20, 10]], "zonelists": [[0, 1], [1, 0]],
}
WANTED = {"name": "m", "expect": {
    "nodes": {"2": {"mem": ["1M-4M"], "cpus": [0, 1]}, "5": {"mem": ["5M-9M"], "cpus": [4]}},
    "usable": ["1M-4M", "5M-9M"], "distance": [[10, 20], [20, 10]],
    "zonelists": [[0, 1], [1, 0]], "messages": ["one"]}}


def changed(*path_and_value):
    *path, last, value = path_and_value
    got = copy.deepcopy(GOT)
    at = got
    for key in path:
        at = at[key]
    at[last] = value
    return got


def first_range(start, end):
    """Said alike by all: only the range itself is wrong."""
    got = changed("usable", 0, [start, end])
    got["nodes"][0]["mem"] = [[start, end]]
    return got


class Invariants(unittest.TestCase):
    def test_the_right_one_holds(self):
        replay.check_invariants(GOT)

    def test_each_breach_is_noticed(self):
        breaches = {
            "memory of a node that is not usable": changed("nodes", 0, "mem", [[MIB, 5 * MIB]]),
            "usable memory of no node": changed("nodes", 1, "mem", [[5 * MIB, 8 * MIB]]),
            "an odd start": first_range(MIB + 1, 4 * MIB),
            "an odd end": first_range(MIB, 4 * MIB - 1),
            "an empty range": first_range(4 * MIB, 4 * MIB),
            "low memory": first_range(0, 4 * MIB),
            "touching ranges": changed("usable", [[MIB, 2 * MIB], [2 * MIB, 4 * MIB],
                                                  [5 * MIB, 9 * MIB]]),
            "overlap": changed("usable", [[MIB, 4 * MIB], [3 * MIB, 4 * MIB], [5 * MIB, 9 * MIB]]),
            "a zonelist out of order": changed("zonelists", 0, [1, 0]),
        }
        for name, got in breaches.items():
            with self.subTest(name), self.assertRaises(AssertionError):
                replay.check_invariants(got)


class Machines(fakes.FakePrograms):
    def check(self, got, wanted=WANTED):
        with unittest.mock.patch.object(replay, "replay", return_value=got), \
                unittest.mock.patch.object(replay, "write_capture"), \
                unittest.mock.patch.object(replay.firmware_tables, "capture_files"):
            replay.check_own_machine(self.folder, wanted)

    def test_the_right_one_passes(self):
        self.check(GOT)

    def test_each_difference_is_noticed(self):
        for got in (changed("fatal", "no memory"), changed("messages", []),
                    changed("nodes", 0, "cpus", [0]), changed("nodes", 0, "pxm", 3),
                    changed("distance", [[10, 21], [20, 10]]),
                    changed("usable", [[MIB, 4 * MIB], [5 * MIB, 8 * MIB]])):
            with self.assertRaises(AssertionError):
                self.check(got)

    def test_a_message_where_none_is_wanted(self):
        with self.assertRaises(AssertionError):
            self.check(GOT, {"name": "m", "expect": {"silent": True}})

    def test_a_program_that_fails_or_talks_nonsense(self):
        good = f"echo '{json.dumps(GOT)}'"
        for text in ("exit 1", f"{good}; exit 1", "kill -SEGV $$", "echo nonsense", "echo '{}'"):
            with unittest.mock.patch.object(replay, "REPLAY", self.script("replay", text)):
                self.assertFalse(self.run_case("m", lambda _: replay.check_invariants(
                    replay.replay(self.folder))), text)
        with unittest.mock.patch.object(replay, "REPLAY", self.script("replay", good)):
            self.assertEqual(replay.replay(self.folder), GOT)

    def run_case(self, name, check):
        with unittest.mock.patch("builtins.print"):
            return replay.run_case(name, check)

    def test_main(self):
        def broken(_):
            raise AssertionError("boom")
        for cases, status in ([("a", broken), ("b", lambda _: None)], 1), \
                             ([("a", lambda _: None)], 0), ([], 1):
            with unittest.mock.patch.object(replay, "own_cases", return_value=cases), \
                    unittest.mock.patch.object(replay, "REAL_MACHINES", pathlib.Path("/none")):
                ended, said = self.call(replay.main)
            self.assertEqual(ended, status, said)
            self.assertRegex(said.splitlines()[-1], r"^\d passed, [01] failed, 1 skipped$")


class RealMachines(unittest.TestCase):
    EXPECTED = {"topology": {"nodes": [{"pxm": 5, "mem": [[5 * MIB, 9 * MIB]], "cpus": [4]},
                                       {"pxm": 2, "mem": [[0, 4 * MIB]], "cpus": [1, 0]}],
                             "distance": [[10, 20], [20, 10]]},
                "linux_node_order_by_pxm": [2, 5]}

    def test_the_right_one_passes(self):
        replay.check_against_expected(GOT, self.EXPECTED)

    def test_each_difference_is_noticed(self):
        for got in (changed("fatal", "x"), changed("nodes", 0, "pxm", 3),
                    changed("nodes", 1, "mem", [[5 * MIB, 8 * MIB]]),
                    changed("nodes", 1, "cpus", []), changed("distance", 0, 1, 21),
                    changed("nodes", list(reversed(GOT["nodes"])))):
            with self.assertRaises(AssertionError):
                replay.check_against_expected(got, self.EXPECTED)


if __name__ == "__main__":
    unittest.main()
