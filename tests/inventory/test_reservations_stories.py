"""Promises as stories that a stock clerk can check: what is asked, and what must come of it.

How to read them: `story.py`.
"""

import pytest

from inventory.store import verify
from tests.inventory.story import Story

STORIES = {
    "release twice, and release what expired": """
        stock   A@L1 5
        hold    r1 A*3@L1                   => active
        release r1                          => released
        release r1                          => released
        hold    r2 A*5@L1 ttl=1             => active
        wait    1
        release r2                          => ReservationExpired
        atp     A@L1                        => 5
    """,
    "a message id is for one order and one act": """
        stock A@L1 5
        order r1 A*2@L1 order=o1            => confirmed
        order r2 A*2@L1 order=o2            => confirmed
        act   m1 o1 allocate                => allocated
        act   m1 o2 allocate                => IdempotencyConflict
        act   m1 o1 ship                    => IdempotencyConflict
        act   m2 o1 ship A*3                => InputRejected
        act   m2 o1 ship A*3                => InputRejected
        act   m2 o1 ship A*2                => IdempotencyConflict
    """,
    "an order id is for one order": """
        stock   A@L1 9
        order   r1 A@L1 order=o1            => confirmed
        order   r2 A@L1 order=o1            => StateConflict
        hold    r3 A@L1                     => active
        confirm r3 o1                       => StateConflict
        confirm r3 o3                       => confirmed
        confirm r3 o3                       => confirmed
        confirm r3 o4                       => StateConflict
        atp     A@L1                        => 7
    """,
    "the whole life of a promise": """
        stock   A@L1 5
        hold    r1 A*3@L1                   => active
        act     m0 r1 allocate              => StateConflict
        confirm r1 o1                       => confirmed
        act     m1 o1 ship                  => StateConflict
        act     m2 o1 allocate              => allocated
        act     m3 o1 process               => processed
        atp     A@L1                        => 2
        units   A@L1                        => 5
        act     m4 o1 ship                  => shipped
        units   A@L1                        => 2
        atp     A@L1                        => 2
        act     m5 o1 cancel                => StateConflict
        act     m6 o1 return A*1            => shipped
        units   A@L1 inspection             => 1
        atp     A@L1                        => 2
        act     m7 o1 return A*3            => InputRejected
    """,
    "lives: cart 15 minutes, order 48 hours, and a channel with its own": """
        stock A@L1 9
        hold  r1 A@L1                       => active
        order r2 A@L1                       => active
        hold  r3 A@L1 channel=flash         => active
        wait  59
        state r3                            => active
        wait  1
        state r3                            => expired
        wait  839
        state r1                            => active
        wait  1
        state r1                            => expired
        wait  171899
        state r2                            => active
        wait  1
        state r2                            => expired
        sweep                               => 3
        sweep                               => 0
        state r1                            => expired
    """,
    "a confirmed order does not expire": """
        stock   A@L1 3
        hold    r1 A*3@L1 ttl=60            => active
        confirm r1 o1                       => confirmed
        wait    999999
        sweep                               => 0
        state   r1                          => confirmed
        atp     A@L1                        => 0
    """,
    "an expired hold is written down before its units go to another": """
        stock   A@L1 1
        hold    r1 A@L1 ttl=60              => active
        wait    60
        hold    r2 A@L1                     => active
        wait    -1
        confirm r1 o1                       => ReservationExpired
    """,
    "a place that never had stock beside a hold that expired": """
        stock A@L2 5
        hold  r1 A*2@L2 ttl=60              => active
        wait  60
        hold  r2 A@L1 A@L2                  => short A@L1 1>0
        state r1                            => expired
        atp   A@L2                          => 5
    """,
    "a pre-order of which a part can be had gets it for the first day it is there": """
        stock    A@L1 3
        preorder r1 A*5@L1 partial=yes      => active 3
        atp      A@L1                       => 0
        dates    r1                         => A*3:d0?
    """,
    "short shipment returns the rest": """
        stock A@L1 5
        order r1 A*4@L1 order=o1            => confirmed
        act   m1 o1 allocate                => allocated
        act   m2 o1 ship A*3                => shipped
        units A@L1                          => 2
        atp   A@L1                          => 2
    """,
    "two locations ship one order one after the other": """
        stock A@L1 2
        stock B@L2 2
        order r1 A*2@L1 B*2@L2 order=o1     => confirmed
        act   m1 o1 allocate                => allocated
        act   m2 o1 ship A@L1               => allocated
        act   m3 o1 cancel                  => shipped
        units A@L1                          => 0
        units B@L2                          => 2
        atp   B@L2                          => 2
    """,
    "a part of an order is cancelled": """
        stock A@L1 5
        stock B@L1 9
        order r1 A*3@L1 C*2@L1 order=o1     => confirmed
        act   m1 o1 cancel A*1              => confirmed
        atp   A@L1                          => 1
        act   m2 o1 cancel C*1              => confirmed
        atp   B@L1                          => 7
        act   m3 o1 cancel A*9              => InputRejected
        act   m4 o1 allocate                => allocated
        act   m5 o1 cancel C*1              => allocated
        atp   B@L1                          => 9
        act   m6 o1 cancel                  => cancelled
        atp   A@L1                          => 5
        act   m7 o1 cancel A*1              => StateConflict
    """,
    "nothing of an order ships: it was cancelled": """
        stock A@L1 2
        order r1 A*2@L1 order=o1            => confirmed
        act   m1 o1 allocate                => allocated
        act   m2 o1 ship A*0                => cancelled
        units A@L1                          => 2
    """,
    "partial only when asked for": """
        stock A@L1 3
        stock B@L1 4
        hold  r1 A*5@L1 B*1@L1              => short A@L1 5>3
        hold  r2 A*5@L1 C*3@L1 partial=yes  => active 3
        hold  r3 A*1@L1 partial=yes         => short A@L1 1>0
        hold  r4 B*9@L1 A*1@L1 partial=yes  => active 4
    """,
    "a group promise leaves room at its members": """
        stock A@L1 2
        stock A@L2 2
        order r1 A*3@near order=o1          => confirmed
        atp   A@near                        => 1
        atp   A@pool                        => 1
        atp   A@L1                          => 1
        hold  r2 A*1@L1                     => active
        atp   A@L2                          => 0
        hold  r3 A*1@L2                     => short A@L2 1>0
        act   m1 o1 allocate                => allocated
        located o1                          => A*2@L2 A*1@L1
    """,
    "a basket over a location and a group that contains it": """
        stock A@L1 2
        stock A@L2 2
        hold  r1 A*3@near A*2@L1            => short A@L1 2>1
        hold  r2 A*3@near A*1@L1            => active
        atp   A@near                        => 0
    """,
    "rejected: not in stock": """
        stock A@L1 5
        stock A@L2 4
        order r1 A*4@near order=o1          => confirmed
        act   m1 o1 allocate                => allocated
        located o1                          => A*4@L1
        act   m2 o1 reject reason=not-in-stock => rejected
        units A@L1                          => 0
        atp   A@L1                          => 0
        located o1                          => A*4@near
        atp   A@near                        => 0
        stock A@L1 9
        act   m3 o1 allocate                => allocated
        located o1                          => A*4@L2   # L1 is excluded, however full
        shortages                           => none
    """,
    "rejected: mismatch and damaged, one unit each": """
        stock A@L1 5
        stock A@L2 5
        order r1 A*2@near order=o1          => confirmed
        act   m1 o1 allocate A@L2           => allocated
        act   m2 o1 reject A*1@L2 reason=damaged => rejected
        units A@L2                          => 4
        units A@L2 defective                => 1
        located o1                          => A*1@L2 A*1@near
        act   m3 o1 allocate                => allocated
        located o1                          => A*1@L2 A*1@L1
        act   m4 o1 reject A@L1 reason=mismatch => rejected
        units A@L1                          => 4
        act   m5 o1 reject A@L1 reason=odd  => StateConflict
        act   m6 o1 cancel                  => cancelled
        atp   A@near                        => 8
    """,
    "rejected at a location that was promised by name: given up": """
        stock A@L1 2
        order r1 A*2@L1 order=o1            => confirmed
        act   m1 o1 reject reason=mismatch  => rejected
        units A@L1                          => 0
        act   m2 o1 allocate                => StateConflict
        act   m3 o1 cancel                  => StateConflict
    """,
    "a shortage names carts that end soonest, then orders": """
        stock A@L1 9
        order r1 A*4@L1 order=o1            => confirmed
        hold  r2 A*2@L1 ttl=500             => active
        hold  r3 A*2@L1 ttl=400             => active
        act   m1 o1 allocate                => allocated
        order r4 A*1@L1 order=o4            => confirmed
        act   m4 o4 reject reason=not-in-stock => rejected
        shortages                           => 8 of r3*2 r2*2 r1*4
        atp   A@L1                          => 0
        hold  r5 A@L1                       => short A@L1 1>0
    """,
    "a shortage of a group when no member is left": """
        stock A@L1 3
        order r1 A*2@near order=o1          => confirmed
        order r2 A*1@near order=o2          => confirmed
        act   m1 o2 allocate                => allocated
        act   m2 o2 reject reason=not-in-stock => rejected
        shortages                           => 3 of r2*1 r1*2
        act   m3 o1 allocate                => short A@near 2>0
    """,
    "an order and its shipment list a SKU twice": """
        stock A@L1 6
        order r1 A*2@L1 A*3@L1 order=o1     => confirmed
        act   m1 o1 allocate                => allocated
        act   m2 o1 ship A*2 A*4            => InputRejected
        act   m3 o1 ship A*2 A*3            => shipped
        units A@L1                          => 1
        act   m4 o1 return A*1 A*3          => shipped
        units A@L1 inspection               => 4
    """,
    "shipped or rejected where nothing of the order is": """
        stock A@L1 5
        order r1 A*2@L1 order=o1            => confirmed
        act   m1 o1 allocate                => allocated
        act   m2 o1 ship A@L2               => InputRejected
        act   m3 o1 reject A@L2 reason=mismatch => InputRejected
        located o1                          => A*2@L1
        act   m4 o1 ship A@L1               => shipped
        act   m5 o1 return A@LX             => UnknownLocation
    """,
    "shipped before its day: what was promised for earlier is short": """
        stock  A@L1 5
        coming A@L1 5 3
        order  r1 A*5@L1 order=o1           => confirmed
        order  r2 A*5@L1 on=5 order=o2      => confirmed
        act    m1 o2 allocate               => allocated
        act    m2 o2 ship                   => shipped
        shortages                           => 5 of r1*5
    """,
    "rejected, and the other members of the group have too little": """
        stock A@L1 5
        order r1 A*3@near order=o1          => confirmed
        act   m1 o1 allocate                => allocated
        act   m2 o1 reject reason=not-in-stock => rejected
        shortages                           => 3 of r1*3
    """,
    "what one location lacks does not make a promise short that another can keep": """
        stock A@L2 5
        hold  r1 A*2@L1 channel=flash       => active
        order r2 A*3@near order=o2          => confirmed
        count A@L2 4 at=0                   => applied
        shortages                           => none
        act   m1 o2 allocate                => allocated
        located o2                          => A*3@L2
    """,
    "an allowance to oversell counts promises on groups too": """
        hold  r1 A*2@near channel=flash     => active
        atp   A@L3 channel=flash            => 0
        hold  r2 A*1@L3 channel=flash       => short A@L3 1>0
    """,
    "a channel that may oversell, with carts only, once per SKU": """
        stock A@L1 1
        stock A@L2 0
        atp   A@L1 channel=flash            => 3
        order r0 A*2@L1 channel=flash       => short A@L1 2>1
        hold  r1 A*2@L1 channel=flash       => active
        atp   A@L1 channel=flash            => 1
        atp   A@L2 channel=flash            => 1
        atp   A@L1                          => 0
        hold  r2 A*2@L2 channel=flash       => short A@L2 2>1
        hold  r3 A*1@L2 channel=flash       => active
        atp   A@L1 channel=flash            => 0
        confirm r1 o1                       => confirmed
    """,
    "a pre-order waits for the day that can carry it": """
        stock    A@L1 1
        preorder r1 A*3@L1                  => short A@L1 3>1
        order    r2 A*1@L1 on=5             => active
        atp      A@L1                       => 0
        hold     r3 A*1@L1 on=-1            => InputRejected
    """,
    "a pre-order with two lines of one SKU waits for the day that can carry both": """
        stock    A@L1 5
        coming   A@L1 5 3
        preorder r1 A*5@L1 A*5@L1           => active
        atp      A@L1 on=2                  => 0
        hold     r2 A*1@L1                  => short A@L1 1>0
    """,
    "what is wrong with a request": """
        hold  r1 A*0@L1                     => InputRejected
        hold  r1 X@L1                       => UnknownSku
        hold  r1 A@LX                       => UnknownLocation
        hold  r1 A@L1 ttl=0                 => InputRejected
        confirm none o1                     => NotFound
        act   m1 none ship                  => NotFound
        stock A@L1 1
        order r2 A@L1 order=o2              => confirmed
        act   m2 o2 dance                   => InputRejected
        act   m3 o2 reject reason=bored     => InputRejected
        act   m4 o2 reject B reason=damaged => InputRejected
    """,
    "a bundle promised on a group is located, shipped and returned by its components": """
        stock A@L1 2
        stock B@L2 4
        order r1 C*2@pool order=o1          => confirmed
        atp   C@pool                        => 0
        act   m1 o1 allocate                => allocated
        located o1                          => A*2@L1 B*4@L2
        act   m2 o1 ship C*1                => shipped
        units A@L1                          => 1
        units B@L2                          => 2
        act   m3 o1 return C*1              => shipped
        units B@L2 inspection               => 2
    """,
}


@pytest.mark.parametrize("title", STORIES)
def test_story(shop, title):
    Story(shop).check(STORIES[title])
    assert verify.verify(shop).drifts == []
