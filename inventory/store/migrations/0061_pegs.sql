-- Pegs that goods were dealt out to, and the date that a promise was first made for.

alter table reservation_lines
    -- When goods that arrived were set aside for this peg; its class is `hard` from then on.
    add column filled_at timestamptz,
    -- Where the date of a line was moved: the one that the customer was told at first.
    add column first_promised_date date,
    -- What was missing when the rest was shipped, and is waited for; a peg whatever the order is.
    add column backordered boolean not null default false;
create index reservation_lines_pegs on reservation_lines (sku) where class = 'peg' and open_units > 0;
