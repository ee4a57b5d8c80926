"""tools/report: what a log becomes, and which logs are refused."""

import contextlib
import io
import json
import pathlib
import re
import subprocess
import sys
import unittest
import xml.etree.ElementTree as ElementTree

import fakes
import records
from report import benchmarks, cli, curves, findings, lstopo, machine, markup, page, svg
from report import facts as reading

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
END = "slabstick: all is well\r\n"
RECORDS = """\
@finding label=SlitAllTen severity=medium text="SLIT: <all> is 10"
@finding label=SratOverlap severity=high text="two & two"
@finding label=SlitAllTen severity=medium text="SLIT: <all> is 10"
@machine version=0.0 cpu="A <CPU>" cpus=3 firmware="EDK" firmware_pages=700
@range start=0x0 end=0x100000 type="low memory"
@range start=0x100000 end=0x40000000 type="usable"
@range start=0x60000000 end=0x80000000 type="usable"
@node nid=0 domain=7 usable_bytes=1072693248 cpus=0,2 distances=10,31 fallback=0,1
@node nid=1 domain=9 usable_bytes=536870912 cpus=1 distances=31,10 fallback=1,0
@piece nid=0 start=0x100000 end=0x40000000
@piece nid=1 start=0x60000000 end=0x80000000
@zone nid=0 name=DMA32 start_pfn=4096 end_pfn=262144 present_pages=258048 managed_pages=258000 \
free_pages=10 pending_pages=3 cached_pages=2 min=1 low=2 high=3 blocks=2,0,2
@zone nid=0 name=DMA32 start_pfn=4096 end_pfn=262144 present_pages=258048 managed_pages=258000 \
free_pages=34 pending_pages=3 cached_pages=2 min=1 low=2 high=3 blocks=2,0,8
@cache name="kmalloc-8" object_bytes=8 per_slab=500 pages=1 place=on waste_bytes=96 active=1
@cache name="kmalloc-16" object_bytes=16 per_slab=250 pages=1 place=on waste_bytes=96 active=1
"""
SUITES = """\
@test suite=buddy passed=1 failed=0 skipped=1 us=1500
@memory at_us=1500 boot=1 slab=5 free=400
@test suite=slab passed=1 failed=0 skipped=0 us=2500
@memory at_us=4000 boot=1 slab=9 free=300
"""
LEDGER = """\
@ledger side=firmware name="usable" pages=600
@ledger side=firmware name="low memory" pages=100
@ledger side=usable name=slab pages=250 counted=250
@ledger side=usable name=free pages=350 counted=350
@ledger side=verdict balances=yes firmware_pages=700
@run cycles=9 device_cycles=1 us=4500000
"""


def whole(log, records=RECORDS + SUITES + LEDGER):
    """@log as it is when the run came to its end."""
    return log + records.replace("\n", "\r\n") + END


def parsed(html):
    """The page as a tree: it is well-formed, or this raises."""
    return ElementTree.fromstring(html.split("\n", 1)[1])


def words_of(element):
    return " ".join(" ".join(element.itertext()).split())


class OfPage(unittest.TestCase):
    def page_of(self, log=whole(fakes.GOOD), results=None):
        facts = reading.read(log.encode())
        html = page.render(facts, results)
        self.html = html
        return parsed(html)

    def section(self, tree, name):
        found = tree.findall(f".//*[@id='{name}']")
        self.assertEqual(len(found), 1, name)
        return found[0]


class Page(OfPage):
    def test_all_sections_are_there_once(self):
        results = {"steps": [{"name": "units", "passed": 3, "failed": 1, "skipped": 0,
                              "seconds": 1.5, "failures": ["a < b"]}]}
        tree = self.page_of(results=results)
        for name in ("verdict", "findings", "machine", "ledger", "memory", "tests", "curves",
                     "steps"):
            self.section(tree, name)
        self.assertIn("a < b", words_of(self.section(tree, "steps")))

    def test_nothing_is_fetched(self):
        self.page_of()
        self.assertNotRegex(self.html, r"(src|href|action|@import|url\()\s*[=\"(]")
        self.assertEqual(set(re.findall(r"https?://[^\"' ]*", self.html)),
                         {"http://www.w3.org/2000/svg"})

    def test_what_the_log_says_is_no_markup(self):
        tree = self.page_of()
        self.assertIn("A <CPU>", words_of(self.section(tree, "verdict")))
        self.assertIn("SLIT: <all> is 10", words_of(self.section(tree, "findings")))

    def test_findings_stand_once_by_severity_with_what_they_mean(self):
        cards = self.section(self.page_of(), "findings").findall(".//h3")
        self.assertEqual([words_of(card) for card in cards],
                         ["high SratOverlap", "medium SlitAllTen"])
        self.assertIn(findings.meanings()["SratOverlap"].split(":")[0], self.html)

    def test_every_finding_has_a_meaning(self):
        self.assertGreater(len(findings.meanings()), 60)

    def test_the_numbers_of_the_ledger_are_the_logs(self):
        section = self.section(self.page_of(), "ledger")
        cells = {words_of(row[0]): words_of(row[1]) for row in section.findall(".//tbody/tr")}
        self.assertEqual(cells, {"usable": "600", "low memory": "100", "slab": "250",
                                 "free, on buddy lists": "350"})
        self.assertIn("It balances", words_of(section))

    def test_a_ledger_that_does_not_balance_is_told(self):
        log = whole(fakes.GOOD).replace("balances=yes", "balances=no")
        self.assertIn("does not balance", words_of(self.section(self.page_of(log), "ledger")))

    def test_shares_of_a_bar_are_those_of_the_pages(self):
        bars = self.section(self.page_of(), "ledger").findall(
            ".//{http://www.w3.org/2000/svg}rect")
        self.assertEqual([rect.get("width") for rect in bars],
                         ["85.714%", "14.286%", "41.667%", "58.333%"])

    def test_memory_is_to_scale_with_its_holes(self):
        section = self.section(self.page_of(), "machine")
        holes = [rect for rect in section.findall(".//{http://www.w3.org/2000/svg}rect")
                 if rect.get("class") == "f-hole"]
        self.assertEqual([(hole.get("x"), hole.get("width")) for hole in holes],
                         [("50.000%", "25.000%")])
        self.assertIn("512 MiB", holes[0][0].text)

    def test_the_last_word_on_a_zone_counts(self):
        section = words_of(self.section(self.page_of(), "curves"))
        self.assertIn("node 0 DMA32 258 000 34 3 2", section)
        self.assertIn("8 blocks, 32 pages", section)

    def test_nodes_have_their_cpus_and_distances(self):
        text = words_of(self.section(self.page_of(), "machine"))
        self.assertIn("Node 0 PXM 7", text)
        self.assertIn("from \\ to 0 1 0 10 31 1 31 10", text)

    def test_the_data_of_the_slider_are_the_logs(self):
        rows = json.loads(self.section(self.page_of(), "memory-data").text)
        self.assertEqual([row["at"] for row in rows],
                         ["0.00 s, after buddy", "0.00 s, after slab"])
        self.assertEqual([row["pages"]["slab"] for row in rows], [5, 9])

    def test_failures_stand_before_all_other_tests(self):
        log = whole(fakes.FAILED.replace("the ledger", "")).replace(END, "slabstick: FAILED\r\n")
        tree = self.page_of(log)
        text = words_of(self.section(tree, "tests"))
        self.assertLess(text.index("slab / on-slab mm/slab.c:7: x"), text.index("buddy"))
        rows = self.section(tree, "tests").findall(".//tbody/tr")
        self.assertEqual([words_of(row.find(".//summary")) for row in rows], ["slab", "buddy"])
        self.assertIn("merge: one page only", text)
        self.assertEqual(words_of(tree.find(".//*[@class='verdict']")), "FAIL")

    def test_a_panic_is_told_with_what_follows_it(self):
        log = fakes.BAD_BOOTS["a panic in a case"][0] + "rax 0000000000000001\r\n#0 image+0x10\r\n"
        tree = self.page_of(log)
        self.assertEqual(words_of(tree.find(".//*[@class='verdict']")), "PANIC")
        self.assertIn("#0 image+0x10", words_of(self.section(tree, "tests")))

    def test_a_log_without_records_is_a_page_too(self):
        tree = self.page_of(whole(fakes.GOOD, ""))
        self.assertEqual(words_of(tree.find(".//*[@class='verdict']")), "PASS")

    def test_control_characters_are_no_xml(self):
        self.page_of(whole(fakes.FAILED.replace("slab.c:7: x", "slab.c:7: \x02\x1f")))


    def test_records_inside_of_suites_are_of_pretended_machines(self):
        inside = "  # on-slab\r@zone nid=0 name=DMA32 free_pages=99\r\n"
        log = whole(fakes.GOOD.replace("  # on-slab\r", inside, 1))
        self.assertNotEqual(log, whole(fakes.GOOD))
        self.page_of(log)
        self.assertNotIn(">99<", self.html)


# A block of order 3 at 0x8000 halved down to one page at 0xb000, and merged again.
EVENTS = """\
@event number=0 ns=1 cpu=0 node=0 kind=split at=0x4000 order=1 to=0 nr=0 name=DMA
@event number=1 ns=2 cpu=0 node=0 kind=split at=0xb000 order=3 to=0 nr=0 name=DMA32
@event number=2 ns=3 cpu=0 node=0 kind=merge at=0xa000 order=0 to=1 nr=0 name=DMA32
@event number=3 ns=4 cpu=0 node=0 kind=merge at=0x4000 order=1 to=2 nr=0 name=DMA32
@event number=4 ns=5 cpu=0 node=0 kind=merge at=0x8000 order=1 to=2 nr=0 name=DMA32
@event number=5 ns=6 cpu=0 node=0 kind=slab_made at=0x100 order=0 to=0 nr=6 name=c
@event number=6 ns=7 cpu=0 node=0 kind=slab_listed at=0x100 order=0 to=1 nr=3 name=c
@event number=7 ns=8 cpu=0 node=0 kind=slab_listed at=0x100 order=0 to=0 nr=0 name=c
@event number=8 ns=9 cpu=0 node=0 kind=slab_gone at=0x100 order=0 to=0 nr=6 name=c
@event number=9 ns=9 cpu=0 node=1 kind=fallback at=0x0 order=0 to=0 nr=0 name=DMA32
@event number=10 ns=9 cpu=0 node=0 kind=area_mapped at=0xffffc90000203000 order=0 to=0 nr=3 name=
"""


class Figures(OfPage):
    def lecture(self, events=EVENTS):
        tree = self.page_of(whole(fakes.GOOD, RECORDS + events))
        return self.section(tree, "lecture")

    def figure(self, section, word):
        found = [figure for figure in section.findall("figure")
                 if words_of(figure[0]).startswith(word)]
        self.assertEqual(len(found), 1, word)
        return found[0]

    def strips(self, figure):
        return [[(rect.get("class"), rect.get("x"), rect.get("width"))
                 for rect in strip.iter("{http://www.w3.org/2000/svg}rect")]
                for strip in figure.iter("{http://www.w3.org/2000/svg}svg")]

    def test_the_split_that_went_farthest_is_drawn(self):
        figure = self.figure(self.lecture(), "Buddy")
        self.assertIn("order 3 (32 KiB) at 0x8000 in DMA32 of node 0 is halved 3 times for one of "
                      "order 0 (4 KiB)", words_of(figure))
        self.assertEqual(self.strips(figure), [
            [("f-slab", "0.000%", "100.000%")],
            [("f-slab", "0.000%", "50.000%"), ("f-free", "50.000%", "50.000%")],
            [("f-slab", "25.000%", "25.000%"), ("f-free", "0.000%", "25.000%")],
            [("f-user", "37.500%", "12.500%"), ("f-free", "25.000%", "12.500%")]])

    def test_its_merges_are_told_those_of_others_not(self):
        self.assertIn("merged: order 0 → 1 → 2.", words_of(self.lecture()))

    def test_a_slab_moves_from_list_to_list(self):
        figure = self.figure(self.lecture(), "Slab")
        self.assertEqual(self.strips(figure), [[("f-free", "0.000%", "25.000%"),
                                                ("f-large", "25.000%", "25.000%"),
                                                ("f-user", "50.000%", "25.000%")]])

    def test_a_cache_that_can_be_shown_whole_is(self):
        many = "".join(f"@event node=0 kind={kind} at=0x{at:x} to={to} name=many\n"
                       for at in range(99) for kind, to in (
                           ("slab_made", 0), ("slab_listed", 1), ("slab_listed", 0),
                           ("slab_gone", 0)))
        self.assertIn("of cache c are", words_of(self.figure(self.lecture(many + EVENTS), "Slab")))

    def test_requests_that_one_node_served_are_one_bar(self):
        told = "".join(f"@event kind=fallback nr=0 node={node}\n" for node in (1, 1, 1, 2))
        self.assertEqual(self.strips(self.figure(self.lecture(told), "Fallback")),
                         [[("f-node1", "0.000%", "75.000%"), ("f-node2", "75.000%", "25.000%")]])

    def test_fallback_names_who_asked_and_who_served(self):
        text = words_of(self.figure(self.lecture(), "Fallback"))
        self.assertIn("asked node 0", text)
        self.assertIn("served by node 1", text)

    def test_the_walk_is_the_address_itself(self):
        text = words_of(self.figure(self.lecture(), "vmalloc"))
        self.assertIn("PML4 entry 402 bits 47 to 39 PDPT entry 0 bits 38 to 30 PD entry 1 bits "
                      "29 to 21 PT entry 3 bits 20 to 12 page byte 0", text)

    def test_events_of_one_kind_alone_are_enough(self):
        for line in EVENTS.splitlines(keepends=True):
            self.lecture(line)

    def test_events_of_no_known_shape_are_no_end(self):
        self.lecture("@event kind=split at=x order=y\n@event kind=slab_listed to=9\n"
                     "@event kind=fallback\n@event kind=area_mapped\n@event a=b\n")

    def test_without_events_there_is_no_such_section(self):
        tree = self.page_of(whole(fakes.GOOD, RECORDS))
        self.assertEqual(tree.findall(".//*[@id='lecture']"), [])


class Pieces(unittest.TestCase):
    def test_bars_have_their_words_beside_them_where_they_can_wrap(self):
        html = svg.bars("costs", [("a row", [(3, "ours", "3: half as many"), (6, "linux", "6")])])
        tree = ElementTree.fromstring(html)
        self.assertEqual([picture for picture in tree.iter() if picture.tag.endswith("}text")], [])
        self.assertEqual([rect.get("width") for rect in tree.iter()
                          if rect.tag.endswith("}rect")], ["50.000%", "100.000%"])
        self.assertEqual([span.text for span in tree.iter("span")], ["3: half as many", "6"])

    def test_holes_are_what_nobody_describes(self):
        self.assertEqual(machine.holes([(0, 2, "a"), (1, 3, "b"), (5, 6, "c")], 8),
                         [(3, 5), (6, 8)])
        self.assertEqual(machine.holes([], 4), [(0, 4)])
        self.assertEqual(machine.holes([(0, 9, "a")], 4), [])

    def test_sizes_have_units(self):
        self.assertEqual([markup.size(value) for value in (0, 1023, 4096, 3 << 29, 8 << 40)],
                         ["0 B", "1023 B", "4 KiB", "1.5 GiB", "8 TiB"])

    def test_waste_of_a_size(self):
        self.assertEqual(curves.wasted_share(9, [8, 16]), 7 / 16)
        self.assertEqual(curves.wasted_share(8, [8, 16]), 0)

    def test_sets_of_hwloc(self):
        self.assertEqual(lstopo.bit_set([]), "0x00000000")
        self.assertEqual(lstopo.bit_set([0, 33]), "0x00000002,0x00000001")

    def test_rows_of_a_bench_log_know_their_machine(self):
        lines = ["==== bench (3 s)", "@bench name=page0_pair instructions=40.00 min=1",
                 "==== two_cpus_two_nodes (3 s)",
                 "@bench name=kmalloc64_cross instructions=107.50 min=1"]
        rows = benchmarks.rows_of_log(lines, records)
        found = benchmarks.compared(reading.Facts(None, {"bench": rows}))
        self.assertEqual([(name, value, unit) for name, value, unit, _, _ in found],
                         [("page0_pair", 40, "instructions"),
                          ("kmalloc64_cross_nodes", 107.5, "instructions")])
        self.assertEqual(found[0][4], 703)      # Linux's, from budgets.toml

    def test_cycles_are_not_set_against_instructions(self):
        row = {"name": "page0_pair", "cycles": "77"}
        found = benchmarks.compared(reading.Facts(None, {"bench": [row]}))
        self.assertEqual((found[0][2], found[0][4]), ("cycles", None))


class Program(fakes.FakePrograms):
    def report_of(self, log, *words):
        path, html = self.folder / "run.log", self.folder / "report.html"
        html.unlink(missing_ok=True)
        path.write_bytes(log.encode())
        said, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors):
            status = cli.main([str(path), "--html", str(html), *words])
        run = subprocess.CompletedProcess([], status, said.getvalue(), errors.getvalue())
        return run, html.read_text(encoding="utf-8") if html.exists() else None

    def test_the_folder_is_a_program(self):
        path = self.folder / "run.log"
        path.write_bytes(whole(fakes.GOOD).encode())
        run = subprocess.run([sys.executable, "-B", ROOT / "tools" / "report", path],
                             capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.assertTrue(run.stdout.startswith("PASS: "))

    def test_good_logs_pass(self):
        for log in fakes.GOOD_BOOTS.values():
            run, html = self.report_of(whole(log))
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertRegex(run.stdout, r"^PASS: \d+ passed, 0 failed, ")
            self.assertIn('class="is-pass"', html)

    def test_a_log_that_is_cut_is_refused(self):
        log = whole(fakes.GOOD)
        for cut, what in ((log[:log.index(END)], "its end"), (log[:300], "its end"),
                          (log[log.index("KTAP"):], "its beginning"), ("", "its beginning")):
            run, html = self.report_of(cut)
            self.assertEqual((run.returncode, html), (cli.REFUSED, None))
            self.assertIn(what, run.stderr)
            self.assertNotIn("Traceback", run.stderr)

    def test_a_log_that_is_cut_is_drawn_when_asked_and_says_so(self):
        log = whole(fakes.GOOD)
        run, html = self.report_of(log[:log.index(END)], "--unfinished")
        self.assertEqual(run.returncode, 0)
        self.assertTrue(run.stdout.startswith("UNFINISHED: "))
        self.assertIn('class="is-unfinished"', html)

    def test_bad_logs_are_no_passes(self):
        for name, (log, status, text) in fakes.BAD_BOOTS.items():
            if status not in (33, 37) or text.startswith("QEMU"):
                continue        # these are seen by the status alone
            with self.subTest(name):
                run, html = self.report_of(log + END, "--unfinished")
                self.assertIn(text, run.stdout)
                self.assertNotIn('class="is-pass"', html)
                parsed(html)

    def test_no_log_is_refused(self):
        self.assertEqual(cli.main([str(self.folder / "none.log")]), cli.REFUSED)

    def test_json_and_junit_say_the_same(self):
        paths = {name: self.folder / f"report.{name}" for name in ("json", "junit", "lstopo")}
        words = [word for name, path in paths.items() for word in (f"--{name}", str(path))]
        run, _ = self.report_of(whole(fakes.FAILED), *words)
        self.assertEqual(run.returncode, 0, run.stderr)
        found = json.loads(paths["json"].read_text())
        self.assertEqual((found["verdict"], found["passed"], found["failed"]), ("FAIL", 1, 1))
        self.assertEqual(found["ledger"]["usable"], {"slab": 250, "free": 350})
        self.assertEqual(found["failures"],
                         [{"name": "slab / on-slab", "said": ["mm/slab.c:7: x"]}])
        top = ElementTree.parse(paths["junit"]).getroot()
        failed = top.findall(".//testcase/failure/..")
        self.assertEqual([case.get("name") for case in failed], ["on-slab", "verdict"])
        topology = ElementTree.parse(paths["lstopo"]).getroot()
        nodes = topology.findall(".//object[@type='NUMANode']")
        self.assertEqual([node.get("cpuset") for node in nodes], ["0x00000005", "0x00000002"])

    def test_other_logs_give_their_own_records_alone(self):
        other = self.folder / "bench.log"
        other.write_text("==== bench (1 s)\n@bench name=page0_pair instructions=40.00\n"
                         "@ledger side=usable name=slab pages=1 counted=1\n")
        run, html = self.report_of(whole(fakes.GOOD), "--bench", str(other))
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("17.6 times less", html)
        self.assertIn("250", run.stdout)

    def test_a_lecture_that_was_cut_is_refused(self):
        lecture = self.folder / "lecture.log"
        event = "@event number=1 ns=1 cpu=0 node=0 kind=split at=0x1000 order=1\n"
        for end, words, status in ("", [], 2), ("", ["--unfinished"], 0), (END, [], 0):
            with self.subTest(end=end, words=words):
                lecture.write_text(event + end)
                run, _ = self.report_of(whole(fakes.GOOD), "--lecture", str(lecture), *words)
                self.assertEqual(run.returncode, status, run.stderr)
                self.assertEqual("lecture.log is not whole: it lacks its end" in run.stderr,
                                 status == 2)


if __name__ == "__main__":
    unittest.main()
