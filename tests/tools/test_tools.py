"""The PE finisher and the layer check."""

import pathlib
import struct
import tempfile
import unittest
import unittest.mock

import check_layers
import finish_pe


def make_pe(section_flags=0x60000020, alignment=4096, address=0x1000):
    """The smallest PE32+ EFI application header with one section."""
    data = bytearray(1024)
    data[:2] = b"MZ"
    struct.pack_into("<I", data, 0x3C, 0x80)
    data[0x80:0x84] = b"PE\0\0"
    struct.pack_into("<HHIIIH", data, 0x84, 0x8664, 1, 12345, 0, 0, 112)
    struct.pack_into("<H", data, 0x98, 0x20B)
    struct.pack_into("<I", data, 0x98 + 32, alignment)
    struct.pack_into("<HH", data, 0x98 + 68, 10, 0)
    at = 0x98 + 112
    data[at:at + 8] = b".text\0\0\0"
    struct.pack_into("<I", data, at + 12, address)
    struct.pack_into("<I", data, at + 36, section_flags)
    return bytes(data)


class FinishPe(unittest.TestCase):
    def test_nx_flag_is_set_and_time_cleared(self):
        done = finish_pe.finish(make_pe())
        self.assertEqual(struct.unpack_from("<H", done, 0x98 + 70)[0], 0x100)
        self.assertEqual(struct.unpack_from("<I", done, 0x88)[0], 0)

    def test_finishing_twice_changes_nothing(self):
        once = finish_pe.finish(make_pe())
        self.assertEqual(finish_pe.finish(once), once)

    def test_a_file_is_written_whole_or_not_at_all(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            source, target = folder / "x.pe", folder / "made" / "x.EFI"
            target.parent.mkdir()
            source.write_bytes(make_pe())
            with unittest.mock.patch("sys.argv", ["finish_pe.py", str(source), str(target)]):
                with unittest.mock.patch("os.replace", side_effect=KeyboardInterrupt), \
                        self.assertRaises(KeyboardInterrupt):
                    finish_pe.main()
                self.assertEqual(list(target.parent.iterdir()), [])
                finish_pe.main()
            self.assertEqual(list(target.parent.iterdir()), [target])
            self.assertEqual(target.read_bytes(), finish_pe.finish(make_pe()))

    def test_wrong_files_are_refused(self):
        for data in (b"", b"MZ" + bytes(20), make_pe(alignment=512), make_pe(address=0x1234),
                     make_pe(section_flags=0xE0000020), make_pe()[:0x100]):
            with self.assertRaises(finish_pe.BadImage):
                finish_pe.finish(data)


class Layers(unittest.TestCase):
    def problems(self, name, text):
        return [*check_layers.include_problems(name, text),
                *check_layers.conditional_problems(name, text),
                *check_layers.room_problems(name, text),
                *check_layers.order_problems(name, text),
                *check_layers.public_problems(name, text),
                *check_layers.declaration_problems(name, text),
                *check_layers.list_problems(name, "addprefix mm/page/, zone.c\n"),
                *check_layers.place_problems(name)]

    def test_arrows_against_the_layers_are_found(self):
        self.assertTrue(self.problems("mm/x.c", '#include "efi/screen/font.h"\n'))
        self.assertTrue(self.problems("mm/x.c", "#include <efi.h>\n"))
        self.assertTrue(self.problems("include/x.h", '#include "tests/test.h"\n'))
        self.assertTrue(self.problems("mm/x.c", '#include "no_such.h"\n'))

    def test_ways_around_the_layers_are_found(self):
        self.assertTrue(self.problems("mm/page/zone.c", '#include "mm/kmalloc.h"\n'))
        self.assertTrue(self.problems("mm/page/zone.c", "extern void console_say(const char *);\n"))
        self.assertTrue(self.problems("mm/page/zone.c", "void console_say(const char *text);\n"))
        self.assertTrue(self.problems("mm/page/unlisted.c", ""))
        self.assertTrue(self.problems("mm/swap/zone.c", ""))
        text = "static void f(void);\n\treturn g(1);\nvoid f(void)\n{\n\tg(1);\n}\n"
        self.assertEqual(self.problems("mm/page/zone.c", text), [])

    def test_headers_of_later_files_are_found(self):
        self.assertEqual(self.problems("mm/page/zone.c", '#include "mm/page/drain.h"\n'),
                         ["mm/page/zone.c: mm/page/drain.h comes after it in mm/page"])
        # By way of one that has no source of its own: page_slow.h includes page_stack.h.
        self.assertTrue(self.problems("mm/page/zone.c", '#include "mm/page/page_slow.h"\n'))
        self.assertTrue(self.problems("mm/slab/debug/object.h",
                                      '#include "mm/slab/debug/debug.h"\n'))
        text = '#include "mm/page/zone.h"\n'
        self.assertEqual(list(check_layers.order_problems("mm/page/drain.c", text)), [])

    def test_tests_that_look_into_rooms_are_listed(self):
        text = '#include "mm/page/drain.h"\n'
        self.assertEqual(self.problems("tests/host/suite_drain.c", text), [])
        self.assertIn("includes nothing private", self.problems("tests/host/suite_drain.c", "")[0])
        for name in ("tests/fuzz/fuzz_map.c", "tests/live/smp.c", "tests/host/suite_rcu.c"):
            self.assertIn("LOOKS_INTO does not say so", self.problems(name, text)[0])

    def test_files_of_mm_itself_are_spoken_of(self):
        self.assertEqual(list(check_layers.root_problems(["mm/a.c", "mm/b.h", "mm/page/c.c"],
                                                         "`b.h` is")),
                         ["mm/README.md: does not say what mm/a.c is"])
        self.assertEqual([folder for folder, _ in check_layers.mm_groups()],
                         ["mm", "mm/topology", "mm/page", "mm/slab", "mm/vmalloc", "mm",
                          "mm/report"])

    def test_arrows_along_the_layers_are_not(self):
        text = '#include "mm/types.h"\n#include "lib/list.h"\n#include <stdint.h>\n'
        self.assertEqual(self.problems("mm/page/zone.c", text), [])
        self.assertEqual(self.problems("efi/x.c", "#include <efi.h>\n"), [])

    def test_conditional_compilation_in_mm_is_found(self):
        self.assertTrue(self.problems("mm/x.c", "#if DEBUG\n"))
        self.assertEqual(self.problems("mm/x.h", "#ifndef X_H\n"), [])

    def test_files_outside_the_layout_are_found(self):
        self.assertTrue(self.problems("notes.txt", ""))
        self.assertTrue(self.problems("src/x.py", ""))
        self.assertEqual(self.problems(".clang-format", ""), [])

    def test_a_machine_without_git_sees_the_same_files(self):
        with unittest.mock.patch("subprocess.run", side_effect=FileNotFoundError):
            self.assertIsNone(check_layers.files_git_knows())
            without_git = check_layers.tracked_files()
        self.assertIn("mm/page/buddy.c", without_git)
        self.assertEqual([name for name in check_layers.tracked_files()
                          if name not in without_git], [])


if __name__ == "__main__":
    unittest.main()
