-- Goods that come before a launch are kept for who bought ahead; what stood on the shelf is not.

-- Up to which entry what came to a place was dealt out to those who wait for a launch there.
create table pre_sale_arrivals (
    sku text not null references skus on delete cascade,
    location text not null references locations on delete cascade,
    through_entry_id bigint not null,
    primary key (sku, location)
);

insert into pre_sale_arrivals (sku, location, through_entry_id)
select distinct l.sku, l.location, s.last_value
from reservation_lines l cross join entries_entry_id_seq s
where l.pre_sale_id is not null and l.class = 'peg' and l.open_units > 0;
