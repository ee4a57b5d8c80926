"""The report in a browser, narrow and wide: its script runs, nothing sticks out of the page."""

import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import fakes
from report import facts as reading
from report import page

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
TIMEOUT_S = 120
SIZES = ("390,2000", "1280,2000")
SUITES = """\
@node nid=0 domain=7 usable_bytes=1072693248 cpus=0,2 distances=10 fallback=0
@zone nid=0 name=DMA32 start_pfn=4096 end_pfn=262144 present_pages=258048 managed_pages=258000 \
free_pages=125950 pending_pages=121046 cached_pages=2970 min=496 low=620 high=744 blocks=2,0,2
@test suite=vmalloc_stress passed=1 failed=0 skipped=0 us=2207100
@memory at_us=1500 boot=1 slab=5 free=400
@test suite=slab passed=1 failed=0 skipped=0 us=2500
@memory at_us=4000 boot=1 slab=9 free=300
@run cycles=9 device_cycles=1 us=4500000
"""
END = "slabstick: all is well\r\n"
# Written to the page's end: by how much it is wider than the window, and the slider's words.
PROBE = """<script>
var root = document.documentElement, moment = document.getElementById("memory-moment");
root.setAttribute("data-over", root.scrollWidth - root.clientWidth);
root.setAttribute("data-moment", moment ? moment.textContent : "");
</script></body>"""


@unittest.skipUnless(BROWSER, "no chromium here")
class Browser(unittest.TestCase):
    def shown(self, html, size):
        """(by how much it is too wide, the slider's words, errors of the console)"""
        with tempfile.TemporaryDirectory(prefix="slabstick-") as folder:
            path = pathlib.Path(folder) / "report.html"
            path.write_text(html.replace("</body>", PROBE), encoding="utf-8")
            told = subprocess.run(
                [BROWSER, "--headless=new", "--no-sandbox", f"--user-data-dir={folder}/profile",
                 "--enable-logging=stderr", "--v=0", f"--window-size={size}", "--dump-dom",
                 path.as_uri()], capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
        over = re.search(r'data-over="(-?\d+)"', told.stdout)
        moment = re.search(r'data-moment="([^"]*)"', told.stdout)
        self.assertTrue(over and moment, told.stderr)
        return int(over[1]), moment[1], re.findall(r"CONSOLE.*", told.stderr)

    def test_the_report_fits_and_its_script_runs(self):
        log = fakes.GOOD + SUITES.replace("\n", "\r\n") + END
        html = page.render(reading.read(log.encode()), None)
        self.assertIn("</body>", html)
        for size in SIZES:
            over, moment, errors = self.shown(html, size)
            self.assertEqual((over, errors), (0, []), size)
            self.assertIn("after slab", moment)

    def test_what_is_too_wide_or_fails_is_noticed(self):
        html = ("<!doctype html>\n<html><body><p style='width: 3000px'>wide</p>"
                "<script>undefinedName();</script></body></html>")
        over, _, errors = self.shown(html, SIZES[0])
        self.assertGreater(over, 0)
        self.assertTrue(errors)


if __name__ == "__main__":
    unittest.main()
