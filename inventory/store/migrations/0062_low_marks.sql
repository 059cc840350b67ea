-- From how many free units on a position counts as low, where a person says so.

-- A null location: everywhere, unless another mark says otherwise for one place.
create table low_marks (
    sku text not null references skus on delete cascade,
    location text references locations on delete cascade,
    units bigint not null check (units >= 0)
);
create unique index low_marks_place on low_marks (sku, coalesce(location, ''));

-- The mark that holds for a position: a person's for the place, or for the SKU; else the reorder
-- point that the forecast set; else none, and it is never low.
create function low_mark(asked_sku text, asked_location text) returns bigint
language sql stable
return coalesce(
    (select m.units from low_marks m where m.sku = asked_sku and m.location = asked_location),
    (select m.units from low_marks m where m.sku = asked_sku and m.location is null),
    (select greatest(0, floor(p.reorder_point))::bigint from policies p
        where p.sku = asked_sku and p.location = asked_location)
);
