"""The few pieces that all sections are made of. Text is escaped here and nowhere else."""

import html

DENSE_COLUMNS = 6        # more of them have smaller letters on a telephone


def escape(value):
    """@value inside markup; control characters have no place in any."""
    return html.escape("".join(letter if letter >= " " or letter in "\t\n" else "?"
                               for letter in value))


def tag(name, *children, **attributes):
    """<name attributes>children</name>; "class_" is class, "data_x" is data-x."""
    words = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
                    for key, value in attributes.items() if value is not None)
    return f"<{name}{words}>{''.join(children)}</{name}>"


def text(value):
    return escape(str(value))


def section(name, title, *children, about=""):
    intro = tag("p", about, class_="about") if about else ""
    return tag("section", tag("h2", text(title)), intro, *children, id=name)


def table(heads, rows, numeric=()):
    """@rows of cells that are HTML already; columns of @numeric stand to the right."""
    def classes(index):
        return "number" if index in numeric else None

    head = tag("tr", *(tag("th", text(cell), class_=classes(index), scope="col")
                       for index, cell in enumerate(heads)))
    body = "".join(tag("tr", *(tag("td", cell, class_=classes(index))
                               for index, cell in enumerate(row))) for row in rows)
    inner = tag("table", tag("thead", head), tag("tbody", body),
                class_="dense" if len(heads) > DENSE_COLUMNS else None)
    return tag("div", inner, class_="wide")


def grouped(value):
    """12 345 678: thin blanks that do not break."""
    return f"{value:,}".replace(",", "\u202f")


def size(nr_bytes):
    """In the largest unit that leaves it whole enough."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if nr_bytes < 1024 or unit == "TiB":
            return f"{nr_bytes:.4g} {unit}"
        nr_bytes /= 1024
    return ""


def swatch(name):
    return tag("i", class_=f"swatch c-{name}")
