"""Orders and pre-orders as stories: who waits, who is served, and what becomes of the rest.

How to read them: `story.py`. `A*3:d2?` are three units promised for day 2 that wait for goods.
"""

import pytest

from inventory.store import verify
from tests.inventory.story import Story

PEGS = {
    "a pre-order waits for supply and is filled when it arrives": """
        coming   A@L1 5 3 name=in
        preorder r1 A*3@L1 order=o1         => confirmed
        dates    o1                         => A*3:d3?
        wait     259200
        events                              => out_of_stock A@L1
        receive  in 5                       => ok
        dates    o1                         => A*3:d3
        events                              => peg_filled o1*3, back_in_stock A@L1
        atp      A@L1                       => 2
        act      m1 o1 allocate             => allocated
        act      m2 o1 ship                 => shipped
        units    A@L1                       => 2
    """,
    "early goods fill early, and are set aside": """
        coming   A@L1 5 6 name=in
        preorder r1 A*3@L1 order=o1         => confirmed
        receive  in 5                       => ok
        dates    o1                         => A*3:d0
        atp      A@L1                       => 2
    """,
    "served by promised date, then priority, then who came first": """
        coming   A@L1 2 3 name=first
        coming   A@L1 6 5 name=second
        preorder r1 A*2@L1 order=o1 on=5            => confirmed
        preorder r2 A*2@L1 order=o2 on=5            => confirmed
        preorder r3 A*2@L1 order=o3 on=5 priority=1 => confirmed
        preorder r4 A*2@L1 order=o4 on=3            => confirmed
        receive  second 3
        dates    o4                         => A*2:d0
        dates    o3                         => A*1:d0 A*1:d5?
        dates    o1                         => A*2:d5?
        receive  second 2
        dates    o3                         => A*1:d0 A*1:d0
        dates    o1                         => A*1:d0 A*1:d5?
        dates    o2                         => A*2:d5?
        receive  first 2
        dates    o1                         => A*1:d0 A*1:d0
        dates    o2                         => A*1:d0 A*1:d5?
        receive  second 1
        dates    o2                         => A*1:d0 A*1:d0
        atp      A@L1                       => 0
        act      m1 o2 allocate             => allocated
        act      m2 o2 ship                 => shipped
    """,
    "what stands on the shelf for earlier orders fills no peg": """
        coming   A@L1 4 2 name=in
        coming   A@L1 4 4 name=later
        order    r1 A*3@L1 order=o1 on=2    => confirmed
        preorder r2 A*4@L1 order=o2         => confirmed
        dates    o2                         => A*4:d4?
        receive  in 4
        dates    o2                         => A*1:d0 A*3:d4?
        dates    o1                         => A*3:d2
    """,
    "what others give up fills what is due, and is left to who buys today otherwise": """
        coming   A@L1 4 2 name=in
        coming   A@L1 4 4 name=later
        order    r1 A*3@L1 order=o1 on=2    => confirmed
        preorder r2 A*4@L1 order=o2         => confirmed
        receive  in 4
        act      m1 o1 cancel               => cancelled
        dates    o2                         => A*1:d0 A*3:d4?
        atp      A@L1                       => 3
        wait     345600
        hold     r3 A@L1                    => active
        release  r3                         => released
        dates    o2                         => A*1:d0 A*3:d4
    """,
    "a count that finds more fills, as a return to the shelf does": """
        coming   A@L1 9 5 name=in
        stock    A@L2 2
        order    r1 A*2@L2 order=o1         => confirmed
        act      m1 o1 allocate             => allocated
        act      m2 o1 ship                 => shipped
        preorder r2 A*3@L1 order=o2         => confirmed
        count    A@L1 2 at=0                => applied
        dates    o2                         => A*2:d0 A*1:d5?
        wait     1
        act      m3 o1 return A*1@L1 status=available => shipped
        dates    o2                         => A*2:d0 A*1:d0
    """,
    "a pre-order that is not confirmed yet keeps its place and is not filled": """
        coming   A@L1 5 3 name=in
        preorder r1 A*3@L1                  => active
        preorder r2 A*2@L1 order=o2         => confirmed
        receive  in 4
        dates    r1                         => A*3:d3?
        dates    o2                         => A*1:d0 A*1:d3?
        confirm  r1 o1                      => confirmed
        dates    o1                         => A*3:d3?
        receive  in 1
        dates    o1                         => A*3:d0
        dates    o2                         => A*1:d0 A*1:d0
    """,
    "a pre-order that is due at once finds on the shelf what it waits for": """
        stock    A@L1 2
        coming   A@L1 4 5 name=in
        preorder r1 A*2@L1 order=o1         => confirmed
        dates    o1                         => A*2:d0
        stock    A@L1 2
        preorder r2 A*3@L1 order=o2         => confirmed
        dates    o2                         => A*3:d5?
        atp      A@L1                       => 2
        hold     r3 A*2@L1                  => active
    """,
    "a pre-order on a group is filled where it may be located": """
        coming   A@L1 4 3 name=in
        preorder r1 A*3@near order=o1       => confirmed
        stock    A@L3 5
        dates    o1                         => A*3:d3?
        receive  in 4
        look                                => ok
        dates    o1                         => A*3:d0
        act      m1 o1 allocate             => allocated
        located  o1                         => A*3@L1
    """,
}

DATES = {
    "victims choose a new day in turn: who loses last chooses first": """
        stock    A@L1 6
        coming   A@L1 2 3
        coming   A@L1 2 5
        order    r1 A*2@L1 order=o1 priority=1 => confirmed
        order    r2 A*2@L1 order=o2         => confirmed
        hold     r3 A*2@L1                  => active
        stock    A@L1 -6
        shortages                           => 6 of r3*2 r2*2 r1*2
        offers                              => r3*2:never r2*2:d5 r1*2:d3
    """,
    "sooner supply is offered in the order of serving, and beside what others hold": """
        coming   A@L1 4 6 name=in
        preorder r1 A*3@L1 order=o1         => confirmed
        preorder r2 A*1@L1 order=o2         => confirmed
        coming   A@L1 3 2 name=more
        offers                              => r1*3:d2
        act      m1 o1 redate               => confirmed
        coming   A@L1 1 1 name=last
        offers                              => r1*3:d2 r2*1:d1
    """,
    "a short shipment gives the rest up, or owes it": """
        stock    A@L1 3
        coming   A@L1 4 2
        order    r1 A*3@L1 order=o1         => confirmed
        act      m1 o1 allocate             => allocated
        act      m2 o1 ship A*1 rest=cancel => shipped
        atp      A@L1                       => 2
        order    r2 A*2@L1 order=o2         => confirmed
        order    r3 A*2@L1 order=o3 on=2    => confirmed
        act      m3 o2 allocate             => allocated
        act      m4 o2 ship A*1 rest=backorder => allocated
        dates    o2                         => A*1:d0
        act      m5 o2 ship                 => shipped
        units    A@L1                       => 0
    """,
    "a backorder waits for what nobody else was promised": """
        stock    A@L1 2
        coming   A@L1 2 2
        coming   A@L1 2 5 name=in
        order    r1 A*2@L1 order=o1         => confirmed
        order    r2 A*2@L1 order=o2 on=2    => confirmed
        act      m1 o1 allocate             => allocated
        stock    A@L1 -1
        act      m2 o1 ship A*1 rest=backorder => allocated
        dates    o1                         => A*1:d5?
        located  o1                         => A*0@L1 A*1@L1
        receive  in 2
        dates    o1                         => A*1:d5?
        dates    o2                         => A*2:d2
        stock    A@L1 2
        dates    o1                         => A*1:d0
        act      m3 o1 ship                 => shipped
        units    A@L1                       => 3
    """,
    "nothing is coming that the rest could wait for": """
        stock    A@L1 2
        order    r1 A*2@L1 order=o1         => confirmed
        act      m1 o1 allocate             => allocated
        stock    A@L1 -1
        act      m2 o1 ship A*1 rest=backorder => short A@L1 1>0
        act      m3 o1 ship A*1 rest=lost   => InputRejected
        act      m4 o1 ship A*1             => shipped
    """,
    "a promise gets another day when it is asked to": """
        stock    A@L1 2
        coming   A@L1 5 4 name=in
        preorder r1 A*5@L1 order=o1         => confirmed
        dates    o1                         => A*5:d4?
        coming   A@L1 5 2 name=in
        dates    o1                         => A*5:d4?
        offers                              => r1*5:d2
        coming   A@L1 5 2 name=in           # told again: nothing new
        offers                              => r1*5:d2
        act      m1 o1 redate               => confirmed
        dates    o1                         => A*5:d2?
        act      m2 o1 redate on=9          => confirmed
        dates    o1                         => A*5:d9?
        act      m3 o1 redate on=1          => short A@L1 5>2
        act      m4 o1 redate B             => InputRejected
        act      m5 o1 redate on=-1         => InputRejected
        act      m6 o1 cancel               => cancelled
        act      m7 o1 redate               => StateConflict
    """,
    "who lost the ground under a promise gets the first day that others leave": """
        coming   A@L1 4 2 name=in
        coming   A@L1 4 6
        order    r1 A*2@L1 order=o1 on=2    => confirmed
        order    r2 A*2@L1 order=o2 on=3    => confirmed
        coming   A@L1 2 2 name=in
        shortages                           => 2 of r2*2
        offers                              => r2*2:d6
        act      m1 o2 redate               => confirmed
        dates    o2                         => A*2:d6
        dates    o1                         => A*2:d2
        atp      A@L1 on=6                  => 2
    """,
    "components of a bundle keep one day": """
        stock    A@L1 1
        coming   A@L1 1 2
        coming   B@L1 9 4 name=b
        preorder r1 C@L1 order=o1           => confirmed
        dates    o1                         => A*1:d4? B*2:d4?
        coming   B@L1 9 1 name=b
        act      m1 o1 redate C             => confirmed
        dates    o1                         => A*1:d1? B*2:d1?
    """,
}

ALLOCATION = {
    "a return is inspected; what is good is sold again, and fills who waits": """
        stock    A@L1 3
        coming   A@L1 4 5
        order    r1 A*3@L1 order=o1         => confirmed
        act      m1 o1 ship                 => StateConflict
        act      m2 o1 allocate             => allocated
        act      m3 o1 process              => processed
        act      m4 o1 ship                 => shipped
        preorder r2 A*1@L1 order=o2         => confirmed
        dates    o2                         => A*1:d5?
        act      m5 o1 return A*2           => shipped
        units    A@L1 inspection            => 2
        dates    o2                         => A*1:d5?
        move     A@L1 1 inspection defective
        move     A@L1 1 inspection available
        dates    o2                         => A*1:d0
        atp      A@L1                       => 0
        act      m6 o1 return A*2           => InputRejected
        act      m7 o1 return A*1 status=available => shipped
        atp      A@L1                       => 1
    """,
    "a refusal names the lines that have no place, and only those": """
        stock    A@L1 4
        stock    B@L1 4
        order    r1 A*3@near B*3@near order=o1 => confirmed
        stock    B@L1 -2
        act      m1 o1 allocate             => short B@near 3>2
        stock    B@L2 1
        act      m2 o1 allocate             => allocated
        located  o1                         => A*3@L1 B*2@L1 B*1@L2
    """,
}


@pytest.mark.parametrize("title", [*PEGS, *DATES, *ALLOCATION])
def test_story(shop, title):
    Story(shop).check((PEGS | DATES | ALLOCATION)[title])
    assert verify.verify(shop).drifts == []
