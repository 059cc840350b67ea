"""Documents for tests: one order of ours, and what a vendor may answer, as text to be varied."""

from datetime import UTC, date, datetime
from decimal import Decimal

from inventory.order_document import DocumentLine, OrderDocument
from serving.connectors.edi.interchange import Envelope, Party

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
US, THEM = Party("ZZ", "VOUCH"), Party("ZZ", "ACME")
ENVELOPE = Envelope(US, THEM, 12, NOW)


def order(**changes):
    """40 cups at 2 and 100 teas at 4.25: 505 in all."""
    told = {
        "number": "PO-20260302-0001.4",
        "order_id": "PO-20260302-0001",
        "purpose": "original",
        "issued_at": NOW,
        "deliver_on": date(2026, 3, 9),
        "vendor": "ACME",
        "vendor_name": "Acme Ltd",
        "location": "DC",
        "location_name": "Centre",
        "currency": "EUR",
        "lines": (
            DocumentLine(1, "CUP", "Cup", 40, Decimal(2)),
            DocumentLine(2, "TEA", "Tea, crème & lemon's +1", 100, Decimal("4.25")),
        ),
    }
    return OrderDocument(**told | changes)


def x12(body, *, set_id="855", group="PR", control="000000345", sender=THEM, receiver=US):
    """An interchange of one document from segments, a line each; counts are made to fit."""
    lines = [line.strip() for line in body.strip().splitlines()]
    return (
        f"ISA*00*{' ' * 10}*00*{' ' * 10}*{sender.qualifier}*{sender.id:<15}"
        f"*{receiver.qualifier}*{receiver.id:<15}*260303*0915*U*00401*{control}*0*P*>~\n"
        f"GS*{group}*{sender.id}*{receiver.id}*20260303*0915*{int(control)}*X*004010~\n"
        f"ST*{set_id}*0001~\n"
        + "".join(f"{line}~\n" for line in lines)
        + f"SE*{len(lines) + 2}*0001~\nGE*1*{int(control)}~\nIEA*1*{control}~\n"
    )


def edifact(body, *, kind="ORDRSP", control="345", sender=THEM, receiver=US):
    """An interchange of one message from segments, a line each; counts are made to fit."""
    lines = [line.strip() for line in body.strip().splitlines()]
    return (
        f"UNB+UNOC:3+{sender.id}:{sender.qualifier}+{receiver.id}:{receiver.qualifier}"
        f"+260303:0915+{control}'\nUNH+1+{kind}:D:96A:UN'\n"
        + "".join(f"{line}'\n" for line in lines)
        + f"UNT+{len(lines) + 2}+1'\nUNZ+1+{control}'\n"
    )


CONFIRMED = """
    BAK*00*AC*PO-20260302-0001*20260302****SO-77*20260303
    CUR*SE*EUR
    PO1*1*40*EA*2*PE*BP*CUP*VP*C-1
    ACK*IA*40*EA*067*20260309
    PO1*2*100*EA*4.25*PE*BP*TEA
    ACK*IQ*60*EA*067*20260309
    ACK*IB*30*EA*067*20260316
    CTT*2
"""
"""All the cups; of 100 teas 60 on the day, 30 a week later, and 10 never."""

SHIPPED = """
    BSN*00*SHP-1*20260306*1142*0001
    HL*1**S
    TD5*B*2*ABCD*M*ABC FREIGHT
    REF*BM*BOL-55501
    DTM*011*20260306
    DTM*017*20260310
    HL*2*1*O
    PRF*PO-20260302-0001***20260302
    HL*3*2*P
    MAN*GM*00001234560000000018
    HL*4*3*I
    LIN*1*BP*CUP*VP*C-1
    SN1**40*EA
    HL*5*2*I
    LIN*2*BP*TEA
    SN1**60*EA
    CTT*5
"""

INVOICED = """
    BIG*20260311*INV-9*20260302*PO-20260302-0001
    CUR*SE*EUR
    IT1*1*40*EA*2*PE*BP*CUP
    IT1*2*60*EA*4.25*PE*BP*TEA
    TDS*35050
    SAC*C*D240***2000**********FREIGHT
    SAC*A*C310***450
    CTT*2
"""
"""80 + 255 for goods, 20 freight, 4.50 allowed: 350.50."""

CONFIRMED_EDIFACT = """
    BGM+231+OR-5+4
    DTM+137:20260303:102
    RFF+ON:PO-20260302-0001
    CUX+2:EUR:9
    LIN+1+5+C-1:SA
    PIA+1+CUP:IN
    QTY+21:40:PCE
    DTM+67:20260309:102
    PRI+AAA:2
    LIN+2+3+TEA:IN
    QTY+21:100:PCE
    QTY+113:60:PCE
    DTM+67:202603101200:203
    PRI+AAA:4,25
    UNS+S
    CNT+2:2
"""

SHIPPED_EDIFACT = """
    BGM+351+DES-1+9
    DTM+137:20260306:102
    DTM+11:20260306:102
    DTM+17:20260310:102
    RFF+ON:PO-20260302-0001
    CPS+1
    PAC+2
    LIN+1++CUP:IN
    QTY+12:40:PCE
    LIN+2++TEA:IN
    QTY+12:60:PCE
    CNT+2:2
"""

INVOICED_EDIFACT = """
    BGM+380+INV-9+9
    DTM+137:20260311:102
    RFF+ON:PO-20260302-0001
    CUX+2:EUR:4
    LIN+1++CUP:IN
    QTY+47:40:PCE
    PRI+AAA:2
    LIN+2++TEA:IN
    QTY+47:60:PCE
    MOA+203:255
    PRI+AAA:4.25
    UNS+S
    MOA+79:335
    MOA+77:398.65
    MOA+176:63.65
"""
"""335 for goods and 19 % tax on them, 63.65: 398.65."""
