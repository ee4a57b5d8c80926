"""tools/check_style.py: the limit itself passes, one more does not."""

import unittest

import check_style

SOUND = "/* Theory. */\n\nint f(void)\n{\n\treturn 0;\n}\n"


def problems(name, text):
    return list(check_style.file_problems(name, text))


class Style(unittest.TestCase):
    def expect(self, found, text):
        self.assertEqual(len(found), 1, found)
        self.assertIn(text, found[0])

    def test_sound_files(self):
        self.assertEqual(problems("mm/x.c", SOUND), [])
        self.assertEqual(problems("mm/x.h", "#ifndef X_H\n#endif\n"), [])
        self.assertEqual(problems("tools/x.py", "        indented\n"), [])

    def test_columns(self):
        self.assertEqual(problems("x.py", "x" * 100 + "\n"), [])
        self.expect(problems("x.py", "x" * 101 + "\n"), "longer than 100 columns")
        self.assertEqual(problems("mm/x.c", SOUND + "\t" + "x" * 92 + "\n"), [])
        self.expect(problems("mm/x.c", SOUND + "\t" + "x" * 93 + "\n"), "mm/x.c:7: longer")

    def test_blanks(self):
        self.expect(problems("x.py", "x \n"), "blanks at the end")
        self.expect(problems("mm/x.c", SOUND + "        x;\n"), "indented by blanks")

    def test_names_that_say_too_little(self):
        self.expect(problems("mm/x.c", SOUND.replace("int f(", "static int run(")), "too little")
        self.assertEqual(problems("mm/x.c", SOUND.replace("int f(", "static int run_one(")), [])

    def test_open_ends(self):
        self.expect(problems("x.py", "# TO" "DO: later\n"), "without an issue number")
        self.assertEqual(problems("x.py", "# TO" "DO: later, #7\n"), [])

    def test_the_last_line(self):
        self.expect(problems("x.py", "x"), "exactly one newline")
        self.expect(problems("x.py", "x\n\n"), "exactly one newline")

    def test_the_first_line(self):
        self.expect(problems("mm/x.c", "int x;\n"), "no theory block")
        self.expect(problems("mm/x.h", "int x;\n"), "include guard")

    def test_functions(self):
        body = "\tx();\n"
        for nr_lines, expected in ((58, 0), (59, 1)):
            text = "/* Theory. */\n\nint f(int a,\n      int b)\n{\n" + body * nr_lines + "}\n"
            found = problems("mm/x.c", text)
            self.assertEqual(len(found), expected, found)
        self.assertIn("f() has 61 lines", found[0])


if __name__ == "__main__":
    unittest.main()
