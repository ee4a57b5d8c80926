"""Pictures whose widths are percent: letters keep their size on a telephone and on paper."""

from .markup import tag, text

LEAST_PERCENT = 0.25        # what is there is to be seen


def percent(part, total):
    return f"{100 * part / total:.3f}%" if total else "0%"


def picture(label, *shapes, height, **attributes):
    return tag("svg", *shapes, width="100%", height=height, role="img", aria_label=label,
               xmlns="http://www.w3.org/2000/svg", **attributes)


def rect(x, width, total, *, y=0, height="100%", fill, about=""):
    """A rectangle from @x to @x + @width of @total, named by its title."""
    shown = max(100 * width / total, LEAST_PERCENT) if total else 0
    return tag("rect", tag("title", text(about)) if about else "", x=percent(x, total),
               width=f"{shown:.3f}%", y=y, height=height, class_=f"f-{fill}")


def line(x1, y1, x2, y2, class_="line"):
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def strip(label, parts, total, *, start=0, height=26):
    """One bar: @parts are (start, end, fill, about) on the same scale as @start and @total."""
    shapes = [rect(low - start, high - low, total, fill=fill, about=about)
              for low, high, fill, about in parts if high > low]
    return picture(label, *shapes, height=height, class_="strip")


def stacked(label, parts, height=34):
    """One bar of @parts (value, fill, about) side by side."""
    at, placed = 0, []
    for value, fill, about in parts:
        placed.append((at, at + value, fill, about))
        at += value
    return strip(label, placed, at, height=height)


def bars(label, rows, *, most=None):
    """Rows of (name, [(value, fill, text)]): horizontal bars from 0 to @most.

    The words stand beside the pictures: those inside of one would not wrap where it is narrow.
    """
    most = most or max((value for _, values in rows for value, _, _ in values), default=1) or 1
    lines = []
    for name, values in rows:
        several = []
        for value, fill, about in values:
            bar = strip(f"{name}: {about}", [(0, min(value, most), fill, about)], most, height=12)
            several.append(tag("div", bar, tag("span", text(about)), class_="bar"))
        lines.append(tag("div", tag("div", text(name), class_="bar-name"),
                         tag("div", *several), class_="bar-row"))
    return tag("div", *lines, class_="bars", role="group", aria_label=label)


def polyline(points, class_):
    """@points are (x, y) in 0..1000 by 0..200."""
    return tag("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points), class_=class_,
               vector_effect="non-scaling-stroke")


def plot(label, *shapes, height=200, left="", right="", top="", **attributes):
    """A plot stretched to the page's width; its words stand around it, unstretched."""
    inner = tag("svg", *shapes, viewBox="0 0 1000 200", preserveAspectRatio="none", width="100%",
                height=height, role="img", aria_label=label, class_="plot",
                xmlns="http://www.w3.org/2000/svg", **attributes)
    axis = tag("div", tag("span", text(left)), tag("span", text(right)), class_="axis")
    return tag("div", tag("div", text(top), class_="axis"), inner, axis, class_="plotted")
