"""An implementation guide for pyx12: the 850 of version 004010, which it does not bring itself.

Written from published partner guides of the 850; numbers of data elements, their types and their
lengths are pyx12's own dictionary, except for 92 and 330, which that lacks.
"""

import importlib.resources
import shutil
from pathlib import Path
from xml.sax.saxutils import escape

# segment: [(element, data element, required, allowed codes)]
SEGMENTS = {
    "BEG": [("01", "353", True, "00 01 05"), ("02", "92", True, "NE SA"), ("03", "324", True, ""),
            ("04", "328", False, ""), ("05", "373", True, "")],
    "CUR": [("01", "98", True, "BY"), ("02", "100", True, "")],
    "DTM": [("01", "374", True, "002"), ("02", "373", True, "")],
    "N1": [("01", "98", True, "BY ST VN"), ("02", "93", False, ""), ("03", "66", False, "92"),
           ("04", "67", False, "")],
    "PO1": [("01", "350", False, ""), ("02", "330", True, ""), ("03", "355", True, "EA"),
            ("04", "212", True, ""), ("05", "639", True, "PE"), ("06", "235", True, "BP"),
            ("07", "234", True, "")],
    "PID": [("01", "349", True, "F"), ("02", "750", False, ""), ("03", "559", False, ""),
            ("04", "751", False, ""), ("05", "352", True, "")],
    "CTT": [("01", "354", True, ""), ("02", "347", False, "")],
    "AMT": [("01", "522", True, "TT"), ("02", "782", True, "")],
}  # fmt: skip
SYNTAX = {"N1": "<syntax>R0203</syntax><syntax>P0304</syntax>"}


def segment(tag, pos, most):
    elements = "".join(
        f'<element xid="{tag}{n}"><data_ele>{number}</data_ele><name>{tag}{n}</name>'
        f"<usage>{'R' if required else 'S'}</usage><seq>{n}</seq><valid_codes>"
        + "".join(f"<code>{code}</code>" for code in codes.split())
        + "</valid_codes></element>"
        for n, number, required, codes in SEGMENTS[tag]
    )
    usage = "S" if tag == "PID" else "R"
    return (
        f'<segment xid="{tag}"><name>{tag}</name><usage>{usage}</usage><pos>{pos}</pos>'
        f"<max_use>{escape(most)}</max_use>{SYNTAX.get(tag, '')}{elements}</segment>"
    )


def loop(xid, pos, repeat, inside, kind=""):
    return (
        f'<loop xid="{xid}"{kind}><name>{xid}</name><usage>R</usage><pos>{pos}</pos>'
        f"<repeat>{escape(repeat)}</repeat>{inside}</loop>"
    )


MISSING = (
    '<data_ele ele_num="92" data_type="ID" min_len="2" max_len="2" name="Order Type"/>'
    '<data_ele ele_num="330" data_type="R" min_len="1" max_len="15" name="Quantity Ordered"/>'
)
"""What pyx12's dictionary lacks of the elements above."""


def map_folder(folder):
    """A folder of pyx12's maps with that of our 850, and a 997 that answers what vendors send."""
    theirs = Path(str(importlib.resources.files("pyx12"))) / "map"
    for name in ("codes.xml", "x12.control.00401.xml"):
        shutil.copy(theirs / name, folder / name)
    acknowledgement = (theirs / "997.4010.xml").read_text()
    for theirs_code, ours in (("HC", "PR"), ("HB", "SH"), ("HI", "IN"), ("835", "855"),
                              ("834", "856"), ("820", "810")):  # fmt: skip
        told = f"<code>{theirs_code}</code>"
        acknowledgement = acknowledgement.replace(told, f"<code>{ours}</code>")
    (folder / "997.4010.xml").write_text(acknowledgement)
    head, rest = acknowledgement.split('<loop xid="HEADER"', 1)
    _, tail = rest.split("<!--End of HEADER loop-->", 1)
    order = (head + body() + tail).replace("<code>997</code>", "<code>850</code>")
    (folder / "850.4010.xml").write_text(order.replace("<code>FA</code>", "<code>PO</code>"))
    known = (theirs / "dataele.xml").read_text()
    end = "</data_elements>"
    (folder / "dataele.xml").write_text(known.replace(end, MISSING + end, 1))
    maps = (theirs / "maps.xml").read_text()
    ours = '<version icvn="00401"><map vriic="004010" fic="PO" abbr="850">850.4010.xml</map>'
    (folder / "maps.xml").write_text(maps.replace('<version icvn="00401">', ours, 1))
    return str(folder)


def body():
    """The three tables of an 850, as far as we send them."""
    wrapper = ' type="wrapper"'
    parties = loop("N1_LOOP", "310", "200", segment("N1", "310", "1"))
    beginning = segment("BEG", "020", "1") + segment("CUR", "040", "1") + segment("DTM", "150", "9")
    items = segment("PO1", "010", "1") + segment("PID", "050", "1")
    sums = segment("CTT", "010", "1") + segment("AMT", "020", "1")
    return (
        loop("HEADER", "010", "1", beginning + parties, wrapper)
        + loop("DETAIL", "020", "1", loop("PO1_LOOP", "010", ">1", items), wrapper)
        + loop("FOOTER", "030", "1", sums, wrapper)
    )
